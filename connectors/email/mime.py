"""An RFC 5322 message as bytes: headers, a text part, an HTML part.

Filled by hand because building an `EmailMessage` of 20 kB costs more than sending it; the tests read every
message back with the standard library's strict parser.
"""

from __future__ import annotations

import binascii
from datetime import UTC
from email.header import Header
from email.utils import format_datetime, formataddr, parseaddr
from functools import cache

from connectors.errors import Rejected
from connectors.model import Envelope

LONGEST_ASCII_HEADER = 900
"""RFC 5322 allows 998 octets per line; longer texts are folded as encoded words."""


def compose(envelope: Envelope, mail_from: str) -> bytes:
    """The message as it goes to an SMTP server; the same envelope gives the same bytes.

    Raises:
        Rejected: when a header would contain a line break, or the address is none.
    """
    message, content = envelope.message, envelope.content
    headers = {
        "Message-ID": f"<{message.message_id}@{domain(mail_from)}>",
        "Date": format_datetime(envelope.sent_at.replace(tzinfo=UTC)),
        "From": mailbox(mail_from),
        "To": recipient(message.address),
        "Subject": content.subject or "",
        "MIME-Version": "1.0",
        "X-Millrace-Message-Id": message.message_id,
        "X-Millrace-Flow": message.flow,
        "X-Millrace-Template": message.template_path or "",
        "Feedback-ID": f"{message.flow}:{message.step}:{message.message_class}:millrace",
    }
    if content.unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{content.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    boundary = f"=_{message.message_id[:40]}"
    parts = [_part("text/plain", content.text)]
    if content.html is not None:
        parts.append(_part("text/html", content.html))
    headers["Content-Type"] = f'multipart/alternative; boundary="{boundary}"'
    head = "".join(f"{name}: {_encoded(name, value)}\r\n" for name, value in headers.items())
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary.encode(), part) for part in parts)
    return head.encode("ascii") + b"\r\n" + body + b"--%b--\r\n" % boundary.encode()


def recipient(address: str) -> str:
    """The bare address, for the envelope and `To:`."""
    name, found = parseaddr(address)
    if name or not found or "@" not in found or found != address.strip() or not found.isascii():
        raise Rejected("not_an_address")
    return found


@cache
def domain(mail_from: str) -> str:
    """The domain that our message ids live in."""
    return parseaddr(mail_from)[1].rpartition("@")[2]


@cache
def mailbox(address: str) -> str:
    """A mailbox with its display name encoded where it is not ASCII."""
    return formataddr(parseaddr(address))


def _part(media_type: str, text: str) -> bytes:
    """Quoted-printable: readable in the source, and no line is too long."""
    lines = text.replace("\r\n", "\n").encode()
    body = binascii.b2a_qp(lines, istext=True).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    head = f"Content-Type: {media_type}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head.encode("ascii") + body + b"\r\n"


def _encoded(name: str, value: str) -> str:
    if any(character in value for character in "\r\n\0"):
        raise Rejected(f"line_break_in_header: {name}")
    if value.isascii() and len(value) < LONGEST_ASCII_HEADER:
        return value
    return Header(value, "utf-8", header_name=name).encode(linesep="\r\n")
