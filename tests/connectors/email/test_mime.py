"""The message on the wire: what a mail program reads is what we meant."""

from datetime import datetime
from email import policy
from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.email.mime import compose
from connectors.errors import Rejected
from connectors.model import Content, Envelope, Message

FROM = "Kaffee & Täglich <hello@shop.example>"
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"))


@pytest.fixture
def wire(message, now):
    def build(**content):
        values = {"text": "Hello Ann", "subject": "Hello", "html": "<p>Hello Ann</p>"} | content
        return compose(Envelope(message("ann", variant="a"), Content(**values), now), FROM)

    return build


def read(data):
    return BytesParser(policy=policy.default).parsebytes(data)


def test_the_headers_say_who_what_and_how_to_leave(wire):
    mail = read(wire(unsubscribe_url="https://shop.example/u/token"))
    assert dict(mail.items()) == {
        "Message-ID": "<message-ann@shop.example>",
        "Date": "Mon, 02 Mar 2026 10:00:00 +0000",
        "From": FROM,
        "To": "ann@example.com",
        "Subject": "Hello",
        "MIME-Version": "1.0",
        "X-Millrace-Message-Id": "message-ann",
        "X-Millrace-Flow": "flow_cart_recovery",
        "X-Millrace-Template": "email/cart_reminder",
        "Feedback-ID": "flow_cart_recovery:reminder:marketing:millrace",
        "List-Unsubscribe": "<https://shop.example/u/token>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Content-Type": 'multipart/alternative; boundary="=_message-ann"',
    }


def test_a_receipt_carries_no_way_to_unsubscribe(wire):
    assert read(wire())["List-Unsubscribe"] is None


def test_the_text_comes_first_and_the_html_is_preferred(wire):
    mail = read(wire())
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


@given(subject=TEXT, text=TEXT, html=TEXT)
def test_any_content_survives_the_wire(subject, text, html):
    moment = datetime(2026, 3, 2, 10)
    message = Message(
        "id", "flow", "flow", "step", "entry", "profile", "email", "ann@example.com", None, None, "marketing", 1,
        moment, moment,
    )  # fmt: skip
    subject = " ".join(subject.split())
    data = compose(Envelope(message, Content(text, subject=subject, html=html), moment), FROM)
    mail = read(data)
    parts = [part.get_content().replace("\r\n", "\n") for part in mail.iter_parts()]
    assert mail.defects == []
    assert parts == [text + "\n", html + "\n"]
    assert " ".join(str(mail["Subject"]).split()) == subject
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert b"\n" not in data.replace(b"\r\n", b"")


def test_a_subject_cannot_smuggle_in_a_header(wire):
    with pytest.raises(Rejected, match="line_break_in_header"):
        wire(subject="Hello\r\nBcc: eve@example.com")


def test_the_same_message_gives_the_same_bytes(wire):
    assert wire() == wire()
