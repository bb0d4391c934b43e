"""Mails that come back: delivery status notifications (RFC 3464), complaints (RFC 5965), and older bounces.

Standard reports are read here, because their status codes tell a dead address from a full mailbox. For the
hundred formats of other servers there is `flufl.bounce`, which Mailman has relied on for twenty years.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime

from flufl.bounce import all_failures

from connectors.feedback.model import (
    Feedback,
    NotAuthentic,
    Post,
    Reject,
    bare,
    bounce_type,
    heard,
)

PROVIDER = "bounces"
OUR_ID_HEADER = "X-Millrace-Message-Id"
RETURNED = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers")
FAILED = ("fail", "error")  # OpenSMTPD says `error`
DELAYED = ("delay",)
DELIVERED = ("delivered", "relayed", "expanded")
STATUS = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
ADDRESS = re.compile(r"[^@\s<>\"(),:;]+@[^@\s<>\"(),:;]+")
IDS_IN_TEXT = re.compile(rf"^\s*>?\s*{OUR_ID_HEADER}:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
NO_COMPLAINTS = ("not-spam", "auth-failure", "dmarc", "virus")


def normalize(post: Post) -> list[Feedback | Reject]:
    """The events of one mail, one per address that it is about; a mail that is no report is a reject."""
    mail = message_from_bytes(post.body)
    try:
        found = next((found for read in READERS if (found := list(read(mail, post)))), [])
    except Exception as error:  # noqa: BLE001  (a mail can be anything; one that breaks a parser is refused alone)
        return [Reject("", f"cannot be read: {type(error).__name__}")]
    return found or [Reject("", "no bounce, delay or complaint")]


def verify(post: Post, secret: str) -> None:  # noqa: ARG001  (every provider's signature)
    """Nobody signs bounces: what protects is that only the mail server can write to their mailbox.

    Raises:
        NotAuthentic: always, so that no endpoint takes bounces from the web.
    """
    raise NotAuthentic("bounces come from a mailbox, not from the web")


def _complaints(mail: Message, post: Post) -> Iterator[Feedback | Reject]:
    report = next(
        (part for part in mail.walk() if part.get_content_type() == "message/feedback-report"), None
    )
    if report is None:
        return
    fields = _blocks(report)[0]
    kind = str(fields.get("Feedback-Type", "abuse")).strip().lower()
    addresses = [parseaddr(str(told).strip())[1] for told in fields.get_all("Original-Rcpt-To", [])]
    if kind in NO_COMPLAINTS:
        yield Reject("Feedback-Type", "no complaint")
        return
    meaning = "unsubscribed" if kind == "opt-out" else "complained"
    # Many providers leave the address out; then the returned mail tells which message it was.
    for address in addresses or (None,):
        yield _feedback(mail, post, meaning, address, reason=f"arf {kind}")


def _status_report(mail: Message, post: Post) -> Iterator[Feedback | Reject]:
    for part in mail.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        for fields in _blocks(part):
            action = str(fields.get("Action", "")).strip().lower()
            if not action:
                continue  # the first block is about the report, not about a recipient
            address = _recipient(fields)
            if address is None:
                yield Reject("Final-Recipient", "not an address")
                continue
            status = next(iter(STATUS.findall(str(fields.get("Status", "")))), None)
            if action.startswith(FAILED):
                # Some servers put the useful code in the diagnostic only.
                detail = STATUS.findall(str(fields.get("Diagnostic-Code", "")))
                status = detail[0] if detail and status in (None, "5.0.0") else status
                yield _feedback(mail, post, "bounced", address, status=status)
            elif action.startswith(DELAYED):
                yield _feedback(mail, post, "deferred", address, status=status)
            elif action.startswith(DELIVERED):
                yield _feedback(mail, post, "delivered", address, status=status)


def _recognised(mail: Message, post: Post) -> Iterator[Feedback | Reject]:
    """What the detectors of flufl.bounce find; they know whether it was final, not why."""
    temporary, permanent = all_failures(mail)
    for addresses, meaning in ((permanent, "bounced"), (temporary, "deferred")):
        for raw in sorted(addresses):
            address = raw.decode(errors="replace")
            if _is_address(address):
                yield _feedback(mail, post, meaning, address)
            else:
                yield Reject("", "the failed recipient is not an address")


def _feedback(
    mail: Message,
    post: Post,
    meaning: str,
    address: str | None,
    status: str | None = None,
    reason: str | None = None,
) -> Feedback:
    ours, mail_id = _returned_ids(mail, post)
    return heard(
        PROVIDER,
        "email",
        meaning,
        [mail.get("Message-ID") or hashlib.sha256(post.body).hexdigest(), meaning, address],
        _date(mail) or post.received_at,
        address=address,
        message_id=ours,
        mail_id=mail_id,
        bounce_type=bounce_type(status) if meaning == "bounced" else None,
        reason=reason or (f"smtp {status}" if status else None),
    )


READERS = (_complaints, _status_report, _recognised)
"""From the most to the least telling; the first that finds something is believed."""


def _blocks(part: Message) -> list[Message]:
    """The groups of fields of a report, whether the parser has split them or kept them as text."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return [block for block in payload if isinstance(block, Message)] or [part]
    text = part.get_payload(decode=True)
    content = text if isinstance(text, bytes) else str(payload).encode()
    return [message_from_bytes(block) for block in re.split(rb"\r?\n\r?\n", content.strip())]


def _recipient(fields: Message) -> str | None:
    """The address we wrote to, where it is told, rather than the one that it was forwarded to."""
    for name in ("Original-Recipient", "Final-Recipient"):
        told = str(fields.get(name, ""))
        address = parseaddr(told.partition(";")[2].strip() or told.strip())[1]
        if _is_address(address):
            return address
    return None


def _is_address(text: str) -> bool:
    """Whether an address could be written to: archives and gateways blank out parts of some."""
    return bool(ADDRESS.fullmatch(text)) and ".." not in text


def _returned_ids(mail: Message, post: Post) -> tuple[str | None, str | None]:
    """Our id and the Message-ID in the mail that came back, or its headers, wherever they are quoted."""
    for part in mail.walk():
        if part is not mail and part.get_content_type() in RETURNED:
            headers = _blocks(part)[0]
            return _text(headers.get(OUR_ID_HEADER)), bare(_text(headers.get("Message-ID")))
    quoted = IDS_IN_TEXT.search(post.body.decode(errors="replace"))
    return (quoted[1] if quoted else None), None


def _text(header: object) -> str | None:
    return str(header).strip() or None if header is not None else None


def _date(mail: Message) -> datetime | None:
    """The report's own date, as naive UTC."""
    try:
        read = parsedate_to_datetime(str(mail.get("Date", "")))
    except ValueError:
        return None
    return read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read
