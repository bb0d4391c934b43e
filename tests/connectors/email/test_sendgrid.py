"""SendGrid: what its calls say, and what its activity log is asked."""

import asyncio

import pytest

from connectors.delivery.sender import ReadsBack
from connectors.email.sendgrid import SendGridSender, mail_send
from connectors.errors import Rejected, StopSync, TryAgain
from connectors.model import Content, Doubt, Envelope, Receipt
from tests.connectors.conformance.vendor import Answer, Silence, Vendor

FROM = "Millrace Shop <hello@shop.example>"
CONTENT = Content("Hello", subject="Hi", html="<p>Hello</p>", unsubscribe_url="https://shop.example/u/1")


@pytest.fixture
def doubt(now):
    return Doubt("message-ann", "ann@example.com", now)


def logged(address):
    return {"messages": [{"msg_id": "14c5d75ce93.filter1-2-3.0", "status": "delivered", "to_email": address}]}


def read_back(answer, *doubts):
    async def run(url):
        sender = SendGridSender("key", mail_from=FROM, base_url=url, timeout_seconds=1)
        assert isinstance(sender, ReadsBack)
        try:
            return await sender.read_back(doubts)
        finally:
            await sender.close()

    with Vendor().running() as vendor:
        vendor.answers(answer)
        return asyncio.run(run(vendor.url)), vendor.requests


def test_a_call_holds_one_message_and_nothing_of_sendgrids_own_tracking(message, now):
    assert mail_send(Envelope(message("ann"), CONTENT, now), FROM) == {
        "personalizations": [
            {"to": [{"email": "ann@example.com"}], "custom_args": {"message_id": "message-ann"}}
        ],
        "from": {"email": "hello@shop.example", "name": "Millrace Shop"},
        "subject": "Hi",
        "content": [
            {"type": "text/plain", "value": "Hello"},
            {"type": "text/html", "value": "<p>Hello</p>"},
        ],
        "headers": {
            "Message-ID": "<message-ann@shop.example>",
            "X-Millrace-Message-Id": "message-ann",
            "Feedback-ID": "flow_cart_recovery:reminder:marketing:millrace",
            "List-Unsubscribe": "<https://shop.example/u/1>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        "categories": ["flow_cart_recovery", "marketing"],
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
        },
    }


def test_what_is_no_address_is_refused_here(message, now):
    with pytest.raises(Rejected, match="not_an_address"):
        mail_send(Envelope(message("ann", address="ann"), CONTENT, now), FROM)


def test_the_sandbox_sends_nothing_so_its_success_is_none(message, now):
    async def run(url):
        sender = SendGridSender("key", mail_from=FROM, base_url=url)
        receipts = await sender.send([Envelope(message("ann"), CONTENT, now)])
        await sender.close()
        return receipts

    with Vendor().running() as vendor:
        vendor.answers(Answer(200))
        assert asyncio.run(run(vendor.url)) == [
            Receipt("message-ann", "unknown", "sendgrid", reason="http 200")
        ]


def test_a_message_in_the_activity_log_was_accepted(doubt):
    receipts, (request,) = read_back(Answer(200, logged("Ann@example.com")), doubt)
    assert receipts == [Receipt("message-ann", "accepted", "sendgrid", "14c5d75ce93")]
    assert (request.path, request.query) == (
        "/v3/messages",
        {"query": "(unique_args['message_id']=\"message-ann\")", "limit": "1"},
    )


def test_a_message_that_is_not_in_the_log_has_no_receipt(doubt):
    assert read_back(Answer(200, {"messages": []}), doubt)[0] == []


@pytest.mark.parametrize(
    "answer",
    [
        Answer(429),
        Answer(500),
        Silence,
        Answer(200, "<html>"),
        Answer(200, []),
        Answer(200, logged("eve@example.com")),
    ],
    ids=["busy", "broken", "silent", "unreadable", "no list", "somebody else's"],
)
def test_a_log_that_could_not_be_asked_says_nothing(doubt, answer):
    with pytest.raises(TryAgain):
        read_back(answer, doubt)


def test_an_account_without_activity_history_needs_a_person(doubt):
    with pytest.raises(StopSync, match="MILLRACE_SENDGRID"):
        read_back(Answer(403), doubt)
