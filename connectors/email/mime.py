"""An RFC 5322 message as bytes: headers, a text part, an HTML part.

Filled by hand because building an `EmailMessage` of 20 kB costs more than sending it; the tests read every
message back with the standard library's strict parser.
"""

from __future__ import annotations

import binascii
import re
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime, formataddr, parseaddr
from functools import cache, lru_cache

from connectors.errors import Rejected
from connectors.model import Envelope, Message

LONGEST_ASCII_HEADER = 900
"""RFC 5322 allows 998 octets per line; longer texts are folded as encoded words."""

LONGEST_LINE = 998
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
PLAIN_ADDRESS = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", re.ASCII
)
"""What nearly all addresses look like (RFC 5322, dot-atoms); the others go through the slow parser."""


def compose(envelope: Envelope, mail_from: str, *, takes_8bit: bool = False) -> bytes:
    """The message as it goes to an SMTP server; the same envelope gives the same bytes.

    Args:
        envelope: message and content.
        mail_from: mailbox in `From:`.
        takes_8bit: the server announced 8BITMIME, so that text needs no encoding (RFC 6152).

    Raises:
        Rejected: when a header would contain a line break, or the address is none.
    """
    message, content = envelope.message, envelope.content
    boundary = f"=_{message.message_id[:40]}"
    headers = {
        "Message-ID": f"<{message.message_id}@{domain(mail_from)}>",
        "Date": _date(envelope.sent_at.replace(microsecond=0)),
        "To": recipient(message.address),
        "Subject": content.subject or "",
        "X-Millrace-Message-Id": message.message_id,
        "Content-Type": f'multipart/alternative; boundary="{boundary}"',
    }
    if content.unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{content.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    step = _step_headers(mail_from, *_step(message))
    delimiter = b"--%b" % boundary.encode("ascii")
    pieces = [step, _lines(headers)]
    for media_type, text in ((b"text/plain", content.text), (b"text/html", content.html)):
        if text is not None:
            pieces += (
                b"\r\n",
                delimiter,
                b"\r\n",
                *_part(media_type, text, delimiter, takes_8bit=takes_8bit),
            )
    return b"".join((*pieces, b"\r\n", delimiter, b"--\r\n"))


def recipient(address: str) -> str:
    """The bare address, for the envelope and `To:`."""
    if PLAIN_ADDRESS.fullmatch(address):
        return address
    name, found = parseaddr(address)
    if name or not found or "@" not in found or found != address.strip() or not found.isascii():
        raise Rejected("not_an_address")
    if CONTROL.search(found):
        raise Rejected("not_an_address")
    return found


@cache
def name_and_address(mail_from: str) -> tuple[str, str]:
    """Both parts of a mailbox; parsed once, because the standard library takes its time."""
    return parseaddr(mail_from)


@cache
def domain(mail_from: str) -> str:
    """The domain that our message ids live in."""
    return name_and_address(mail_from)[1].rpartition("@")[2]


@cache
def mailbox(address: str) -> str:
    """A mailbox with its display name encoded where it is not ASCII."""
    return formataddr(parseaddr(address))


def _step(message: Message) -> tuple[str, str, str, str]:
    return message.flow, message.step, message.message_class, message.template_path or ""


@lru_cache(maxsize=1024)
def _step_headers(mail_from: str, flow: str, step: str, message_class: str, template: str) -> bytes:
    """What all messages of a step have in common."""
    return _lines(
        {
            "From": mailbox(mail_from),
            "MIME-Version": "1.0",
            "X-Millrace-Flow": flow,
            "X-Millrace-Template": template,
            "Feedback-ID": f"{flow}:{step}:{message_class}:millrace",
        }
    )


@lru_cache(maxsize=64)
def _date(moment: datetime) -> str:
    return format_datetime(moment.replace(tzinfo=UTC))


def _lines(headers: dict[str, str]) -> bytes:
    return "".join(f"{name}: {_encoded(name, value)}\r\n" for name, value in headers.items()).encode("ascii")


def _encoded(name: str, value: str) -> str:
    if CONTROL.search(value):
        raise Rejected(f"line_break_in_header: {name}")
    if value.isascii() and len(value) < LONGEST_ASCII_HEADER:
        return value
    return _encoded_words(name, value)


@lru_cache(maxsize=1024)
def _encoded_words(name: str, value: str) -> str:
    """RFC 2047; remembered, because whole campaigns share a subject."""
    text = value.encode(errors="replace").decode()
    return Header(text, "utf-8", header_name=name).encode(linesep="\r\n")


def _part(media_type: bytes, text: str, delimiter: bytes, *, takes_8bit: bool) -> tuple[bytes, ...]:
    """One alternative: as it is where the way is clear for it, else quoted-printable."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    body = text.encode(errors="replace")
    encoding = b"7bit" if body.isascii() else b"8bit"
    if (encoding == b"8bit" and not takes_8bit) or not _is_mailable(body) or delimiter in body:
        encoding, body = b"quoted-printable", binascii.b2a_qp(body, istext=True)
    head = b"Content-Type: %b; charset=utf-8\r\nContent-Transfer-Encoding: %b\r\n\r\n" % (
        media_type,
        encoding,
    )
    return head, body.replace(b"\n", b"\r\n"), b"\r\n"


def _is_mailable(body: bytes) -> bool:
    """Whether no line is too long for SMTP and no octet forbidden: leaps from line end to line end."""
    start, size = 0, len(body)
    while size - start > LONGEST_LINE:
        start = body.rfind(b"\n", start, start + LONGEST_LINE + 1) + 1
        if not start:
            return False
    return b"\0" not in body
