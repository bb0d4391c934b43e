"""Twilio: status callbacks of SMS, MMS and WhatsApp, and incoming messages with STOP, START and HELP."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from twilio.request_validator import (  # type: ignore[import-untyped]
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)

from connectors.feedback.model import (
    EVENT_NAMES,
    Feedback,
    Form,
    NotAuthentic,
    Post,
    Reject,
    heard,
    moment,
)
from connectors.feedback.replies import Keyword, keyword, reply
from connectors.sms.twilio_codes import SUPPRESSIONS

PROVIDER = "twilio"
TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response>{}</Response>'
WHATSAPP = "whatsapp:"

MEANINGS = {
    "accepted": "sent",
    "scheduled": "sent",
    "queued": "sent",
    "sending": "sent",
    "sent": "sent",
    "delivered": "delivered",
    "read": "opened",
    "undelivered": "bounced",
    "failed": "bounced",
    "canceled": "rejected",
}
INCOMING = ("received", "receiving")
OPT_OUT_TYPES: dict[str, Keyword] = {"STOP": "stop", "START": "start", "HELP": "help"}
"""What Advanced Opt-Out has recognised, in whatever language the keyword was."""


def normalize(post: Post) -> list[Feedback | Reject]:
    """The event of a post."""
    form = _fields(post)
    sid = form.first("MessageSid") or form.first("SmsSid")
    if sid is None:
        return [Reject("MessageSid", "missing")]
    status = form.first("MessageStatus") or form.first("SmsStatus")
    if form.first("Body") is not None or status in INCOMING:
        return [_reply(form, sid, post)]
    if status not in MEANINGS:
        return [Reject("MessageStatus", "unknown Twilio status")]
    return [_feedback(form, sid, status, post)]


def verify(post: Post, secret: str) -> None:
    """Check the signature over the address that Twilio called and the fields; `secret` is the auth token.

    Twilio signs no time: a recording can be played back, and event ids make that harmless.

    Raises:
        NotAuthentic: wrong signature.
    """
    is_form = "form" in post.header("Content-Type")
    signed = post.form() if is_form else post.body.decode(errors="replace")
    algorithm = get_signature_algorithm(post.header(SIGNATURE_SETTINGS_HEADER))
    given = post.header(SIGNATURE_HEADER)
    if not RequestValidator(secret).validate(post.url, signed, given, algorithm):
        raise NotAuthentic("wrong Twilio signature")


def answer(post: Post, help_text: str) -> str:
    """TwiML for an incoming message: HELP is answered, all else in silence.

    Where Advanced Opt-Out has recognised the keyword, Twilio has answered already. After STOP nothing may
    follow, and what START and STOP do is told by Twilio's own words.
    """
    form = _fields(post)
    is_help = not form.first("OptOutType") and keyword(form.first("Body") or "") == "help"
    return TWIML.format(f"<Message>{escape(help_text)}</Message>" if is_help else "")


def _fields(post: Post) -> Form:
    """Form fields; recordings may hold them as JSON."""
    body = post.json()
    if isinstance(body, dict):
        return Form({name: [str(value)] for name, value in body.items()})
    return post.form()


def _feedback(form: Form, sid: str, status: str, post: Post) -> Feedback:
    channel, address = _who(form.first("To"))
    code = form.first("ErrorCode") or ""
    suppress = SUPPRESSIONS.get(int(code)) if code.isdigit() else None
    meaning = MEANINGS[status]
    if meaning not in EVENT_NAMES[channel]:
        meaning = "delivered"  # RCS reads arrive as texts, which have no such event
    return heard(
        PROVIDER,
        channel,
        meaning,
        [sid, status],
        _carrier_time(form) or post.received_at,
        address=address,
        message_id=next(iter(parse_qs(urlsplit(post.url).query).get("message_id", ())), None),
        provider_message_id=sid,
        # `failed` never left Twilio, `undelivered` came back from the carrier.
        outcome="rejected" if status in ("failed", "canceled") else "accepted",
        suppress=suppress,
        bounce_type=("hard" if suppress == "hard_bounced" else "soft") if meaning == "bounced" else None,
        reason=f"twilio {code}" if code else None,
    )


def _reply(form: Form, sid: str, post: Post) -> Feedback | Reject:
    channel, address = _who(form.first("From"))
    if address is None:
        return Reject("From", "missing")
    recognised = OPT_OUT_TYPES.get(form.first("OptOutType") or "") or keyword(form.first("Body") or "")
    return reply(
        PROVIDER,
        channel,
        sid,
        address,
        post.received_at,
        recognised,
        in_reply_to=form.first("OriginalRepliedMessageSid"),
    )


def _who(number: str | None) -> tuple[str, str | None]:
    """Channel and number out of `whatsapp:+43…` or `+43…`."""
    if number and number.startswith(WHATSAPP):
        return "whatsapp", number.removeprefix(WHATSAPP)
    return "sms", number


def _carrier_time(form: Form) -> datetime | None:
    """When the carrier was done, `YYMMDDhhmm`, where it says so; to the minute."""
    told = form.first("RawDlrDoneDate") or ""
    if len(told) != len("YYMMDDhhmm") or not told.isdigit():
        return None
    return moment(f"20{told[:2]}-{told[2:4]}-{told[4:6]}T{told[6:8]}:{told[8:]}:00Z")
