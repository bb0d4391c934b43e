"""E-mail over SMTP, against a real server: each recipient has an outcome of their own."""

import asyncio
import ssl

import pytest
import uvloop
from aiosmtpd.smtp import AuthResult

from connectors.email.smtp import SmtpSender
from connectors.errors import StopSync, TryAgain
from connectors.model import Content, Envelope, Receipt
from tests.connectors.conformance.http2 import certificate

FROM = "Millrace Shop <hello@shop.example>"


@pytest.fixture
def envelope(message, now):
    def build(person="ann", **changes):
        return Envelope(
            message(person, **changes), Content("Hello", subject="Hello", html="<p>Hello</p>"), now
        )

    return build


def send(url, *envelopes, run=asyncio.run, **options):
    async def deliver():
        sender = SmtpSender(url, FROM, **options)
        try:
            return await sender.send(envelopes)
        finally:
            await sender.close()

    return run(deliver())


def test_an_accepted_mail_has_the_servers_own_name(mail_server, envelope):
    assert send(mail_server.url, envelope("ann")) == [
        Receipt("message-ann", "accepted", "smtp", provider_message_id="4F1A2")
    ]
    assert mail_server.ids() == ["message-ann"]


def test_an_empty_batch_does_not_even_connect(mail_server):
    assert send(mail_server.url) == []
    assert mail_server.connections == 0


def test_a_batch_shares_few_connections(mail_server, envelope):
    receipts = send(mail_server.url, *(envelope(f"p{number}") for number in range(30)), connections=3)
    assert [receipt.outcome for receipt in receipts] == ["accepted"] * 30
    assert mail_server.connections <= 3


REPLIES = {
    "451 4.2.1 mailbox busy": ("retry", "smtp 451 4.2.1", None),
    "421 too many": ("retry", "smtp 421", None),
    "550 5.1.1 no such user": ("rejected", "smtp 550 5.1.1", "hard_bounced"),
    "550 no such user": ("rejected", "smtp 550", "hard_bounced"),
    "550 5.7.1 we do not like you": ("rejected", "smtp 550 5.7.1", None),
    "552 5.2.2 mailbox full": ("rejected", "smtp 552 5.2.2", None),
    "554 5.6.0 content refused": ("rejected", "smtp 554 5.6.0", None),
}


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_code_decides_what_becomes_of_the_message(mail_server, envelope, reply):
    mail_server.answers["ann@example.com"] = [reply]
    (receipt,) = send(mail_server.url, envelope("ann"))
    assert (receipt.outcome, receipt.reason, receipt.suppress) == REPLIES[reply]


def test_one_bad_address_harms_no_other(mail_server, envelope):
    mail_server.answers["bob@example.com"] = ["550 5.1.1 no such user"]
    receipts = send(mail_server.url, *(envelope(person) for person in ("ann", "bob", "cid")), connections=1)
    assert [receipt.outcome for receipt in receipts] == ["accepted", "rejected", "accepted"]


@pytest.mark.parametrize(
    "address", ["", "ann", "ann@", "Ann <ann@example.com>", "a@b.example, c@d.example", "ä@ö.example"]
)
def test_what_is_no_address_is_refused_without_asking_the_server(mail_server, envelope, address):
    (receipt,) = send(mail_server.url, envelope("ann", address=address))
    assert (receipt.outcome, receipt.reason, mail_server.received) == ("rejected", "not_an_address", [])


def test_a_connection_that_is_cut_before_the_data_sent_nothing(mail_server, envelope):
    mail_server.closes_at_recipient = {"ann@example.com"}
    (receipt,) = send(mail_server.url, envelope("ann"))
    assert receipt.outcome == "retry"


def test_a_connection_that_is_cut_in_the_data_leaves_a_doubt(mail_server, envelope):
    mail_server.closes_in_data_of = {"ann@example.com"}
    receipts = send(mail_server.url, envelope("ann"), envelope("bob"), connections=1)
    assert [receipt.outcome for receipt in receipts] == ["unknown", "accepted"]


def test_a_server_that_takes_the_data_and_says_nothing_leaves_a_doubt(mail_server, envelope):
    mail_server.silent_after_data_of = {"ann@example.com"}
    (receipt,) = send(mail_server.url, envelope("ann"), timeout_seconds=0.5)
    assert (receipt.outcome, receipt.reason) == ("unknown", "connection_lost: SMTPReadTimeoutError")


def test_no_server_means_later(envelope):
    with pytest.raises(TryAgain):
        send("smtp://127.0.0.1:1", envelope("ann"))


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_a_wrong_password_means_that_a_person_must_act(mail_server_with, envelope):
    refuse = {
        "authenticator": lambda *_: AuthResult(success=False, handled=False),
        "auth_require_tls": False,
        "auth_required": True,
    }
    with mail_server_with(**refuse) as server, pytest.raises(StopSync, match="MILLRACE_SMTP"):
        send(server.url.replace("smtp://", "smtp://ann:wrong@"), envelope("ann"))


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_nothing_is_said_before_the_connection_is_encrypted_and_logged_in(
    mail_server_with, envelope, run, monkeypatch
):
    server_tls, client_tls = certificate()
    monkeypatch.setattr(ssl, "create_default_context", lambda *_, **__: client_tls)
    demands = {
        "tls_context": server_tls,
        "require_starttls": True,
        "authenticator": lambda *_: AuthResult(success=True),
        "auth_required": True,
    }
    with mail_server_with(**demands) as server:
        url = server.url.replace("smtp://", "smtp://ann:right@")
        receipts = send(url, envelope("ann"), envelope("bob"), run=run, connections=1)
        assert [receipt.outcome for receipt in receipts] == ["accepted", "accepted"]
        assert server.ids() == ["message-ann", "message-bob"]


def test_reasons_never_name_the_recipient(mail_server, envelope):
    mail_server.answers["ann@example.com"] = ["550 5.1.1 <ann@example.com> unknown"]
    (receipt,) = send(mail_server.url, envelope("ann"))
    assert "ann@" not in (receipt.reason or "")
