"""The demo's mail server, spoken to over a real socket."""

from __future__ import annotations

import smtplib
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import urlsplit

import pytest

from connectors.links import Link, Links
from dagster_project.demo.mailbox import Mail, MailServer

LINKS = Links("secret", "https://shop.example")


def mail_to(address):
    message = EmailMessage()
    message["From"], message["To"] = "shop@shop.example", address
    message["Date"] = format_datetime(datetime(2026, 10, 5, 15, tzinfo=UTC))
    message["X-Millrace-Message-Id"] = "0123456789abcdef"
    message["X-Millrace-Flow"] = "welcome"
    message["X-Millrace-Template"] = "email/welcome"
    link = Link("click", "0123456789abcdef", "person", "email", "https://shop.example/p/1")
    message["List-Unsubscribe"] = f"<{LINKS.url(Link('unsubscribe', '0123456789abcdef', 'person', 'email'))}>"
    message.set_content("Hello")
    message.add_alternative(f'<a href="{LINKS.url(link)}">Hello</a>', subtype="html")
    return message


@pytest.fixture
def server(tmp_path):
    with MailServer(
        tmp_path, LINKS, gone=frozenset({"gone@x.example"}), busy=frozenset({"busy@x.example"})
    ) as server:
        yield server


def send(server, address):
    parts = urlsplit(server.url)
    with smtplib.SMTP(parts.hostname, parts.port) as client:
        client.send_message(mail_to(address))


def test_a_mail_becomes_a_file_and_its_links_say_who_got_it(server, tmp_path):
    send(server, "Ann@x.example")
    assert server.take() == [
        Mail(
            message_id="0123456789abcdef",
            profile_id="person",
            flow="welcome",
            template="email/welcome",
            address="ann@x.example",
            target="https://shop.example/p/1",
            can_unsubscribe=True,
        )
    ]
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.eml")] == [
        "2026-10-05/welcome-0123456789ab.eml"
    ]
    assert server.take() == []


def test_a_mail_that_comes_twice_is_kept_twice(server, tmp_path):
    send(server, "ann@x.example")
    send(server, "ann@x.example")
    assert len(list(tmp_path.rglob("*.eml"))) == 2


def test_an_address_that_is_gone_is_refused_for_ever(server):
    for _ in range(2):
        with pytest.raises(smtplib.SMTPRecipientsRefused, match="550"):
            send(server, "gone@x.example")


def test_a_busy_mailbox_is_refused_once(server):
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="451"):
        send(server, "busy@x.example")
    send(server, "busy@x.example")
    assert len(server.take()) == 1
