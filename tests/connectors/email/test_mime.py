"""The message on the wire: what a mail program reads is what we meant."""

from datetime import datetime
from email import policy
from email.parser import BytesParser
from email.utils import parseaddr

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.email.mime import compose, recipient
from connectors.errors import Rejected
from connectors.model import Content, Envelope, Message

FROM = "Kaffee & Täglich <hello@shop.example>"
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"))


def on_the_wire(text, html, subject="Hello", **options):
    moment = datetime(2026, 3, 2, 10)
    message = Message(
        "id", "flow", "flow", "step", "entry", "profile", "email", "ann@example.com", None, None, "marketing", 1,
        moment, moment,
    )  # fmt: skip
    return compose(Envelope(message, Content(text, subject=subject, html=html), moment), FROM, **options)


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


@given(subject=TEXT, text=TEXT, html=TEXT, takes_8bit=st.booleans())
@example(subject="a", text="ä" * 998, html="x" * 998, takes_8bit=True)
@example(subject="a", text="\n".join(["x" * 998] * 3), html="\n" * 1500, takes_8bit=False)
@example(subject="a", text="--=_id\n--=_id--", html=".\n..\n.", takes_8bit=True)
def test_any_content_survives_the_wire(subject, text, html, takes_8bit):
    subject = " ".join(subject.split())
    data = on_the_wire(text, html, subject, takes_8bit=takes_8bit)
    mail = read(data)
    parts = [part.get_content().replace("\r\n", "\n") for part in mail.iter_parts()]
    assert mail.defects == []
    assert parts == [text + "\n", html + "\n"]
    assert " ".join(str(mail["Subject"]).split()) == subject


@given(text=st.text(max_size=40), long=st.integers(980, 1010), html=st.text(), takes_8bit=st.booleans())
def test_nothing_is_on_the_wire_that_smtp_forbids(text, long, html, takes_8bit):
    data = on_the_wire(text + "x" * long, html, takes_8bit=takes_8bit)
    lines = data.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(forbidden in line for line in lines for forbidden in (b"\r", b"\n", b"\0"))
    assert data.endswith(b"\r\n")
    assert takes_8bit or data.isascii()


@pytest.mark.parametrize(
    ("html", "takes_8bit", "encoding"),
    [
        ("<p>plain</p>", False, "7bit"),
        ("<p>für</p>", False, "quoted-printable"),
        ("<p>für</p>", True, "8bit"),
        ("x" * 999, True, "quoted-printable"),
    ],
)
def test_a_text_is_encoded_only_where_the_way_asks_for_it(html, takes_8bit, encoding):
    (_, part) = read(on_the_wire("text", html, takes_8bit=takes_8bit)).iter_parts()
    assert part["Content-Transfer-Encoding"] == encoding


@given(st.emails())
def test_a_plain_address_is_taken_as_the_slow_parser_takes_it(address):
    assert parseaddr(address) == ("", recipient(address))


def test_a_subject_cannot_smuggle_in_a_header(wire):
    with pytest.raises(Rejected, match="line_break_in_header"):
        wire(subject="Hello\r\nBcc: eve@example.com")


def test_the_same_message_gives_the_same_bytes(wire):
    assert wire() == wire()
