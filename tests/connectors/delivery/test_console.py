"""Channels without a vendor: what would have been sent can be read."""

import asyncio
from email import message_from_bytes

from connectors.model import Action, Content, Envelope, Receipt
from connectors.providers import load_providers
from connectors.vendors import open_senders

PUSH = Content(
    "The early shelf is open.",
    subject="You are one of us",
    url="https://shop.example/c/token",
    image="https://shop.example/images/shelf.jpg",
    actions=(Action("look", "Have a look", "https://shop.example/c/shelf"), Action("later", "Not now")),
)


def senders(folder):
    """Those of an installation without any account."""
    return open_senders(load_providers(), {}, folder, "Shop <hello@shop.example>")


def test_a_push_becomes_a_file_that_a_person_can_open(tmp_path, message, now):
    sender = senders(tmp_path)["push"][0]
    push = Envelope(message("ann", channel="push", address="token-1", template="push/vip_welcome"), PUSH, now)
    for _ in range(2):  # a repetition replaces its file
        receipts = asyncio.run(sender.send([push]))
    assert receipts == [Receipt("message-ann", "accepted", "console", provider_message_id="message-ann")]
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.txt")] == [
        "push/2026-03-02/vip_welcome-message-ann.txt"
    ]
    assert next(tmp_path.rglob("*.txt")).read_text() == (
        "To: token-1\nTitle: You are one of us\nThe early shelf is open.\nhttps://shop.example/c/token\n"
        "Picture: https://shop.example/images/shelf.jpg\n"
        "[Have a look] https://shop.example/c/shelf\n[Not now]\n"
    )


def test_without_a_mail_server_mails_are_kept_as_a_mail_program_opens_them(tmp_path, message, now):
    sender = senders(tmp_path)["email"][0]
    mail = Envelope(message("ann"), Content("Hello", subject="Hello", html="<p>Hello</p>"), now)
    nobody = Envelope(message("bob", address="bob"), Content("Hello"), now)
    receipts = asyncio.run(sender.send([mail, nobody]))
    assert [(receipt.outcome, receipt.reason) for receipt in receipts] == [
        ("accepted", None),
        ("rejected", "not_an_address"),
    ]
    (kept,) = tmp_path.rglob("*.eml")
    assert message_from_bytes(kept.read_bytes())["Subject"] == "Hello"
