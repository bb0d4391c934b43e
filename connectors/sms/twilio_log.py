"""What Twilio shows about a message, in its answer or in its log, and what that proves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, timedelta

from twilio.rest.api.v2010.account.message import MessageInstance  # type: ignore[import-untyped]

from connectors.links import named_in
from connectors.model import Doubt, Receipt
from connectors.sms.twilio_codes import FAILED, PROVIDER, SUPPRESSIONS

LONGEST_LOG = 1000
"""Entries asked for per number: one page."""

CLOCK_DIFFERENCE = timedelta(minutes=2)


def known(message_id: str, entry: MessageInstance) -> Receipt:
    """The receipt for a message as Twilio shows it: it may exist, and have failed all the same."""
    if not entry.sid:
        return Receipt(message_id, "unknown", PROVIDER, reason="unreadable_answer")
    if entry.status in FAILED:
        code = entry.error_code
        return Receipt(
            message_id,
            "rejected",
            PROVIDER,
            entry.sid,
            reason=f"twilio {code or entry.status}",
            suppress=SUPPRESSIONS.get(code or 0),
        )
    return Receipt(message_id, "accepted", PROVIDER, entry.sid)


def proof(doubt: Doubt, log: Sequence[MessageInstance]) -> Receipt | None:
    """What the log of one number says about one doubtful message; see `Twilio.find`."""
    since = (doubt.attempted_at - CLOCK_DIFFERENCE).replace(tzinfo=UTC)
    recent = [entry for entry in log if entry.date_created is None or entry.date_created >= since]
    owners = [(entry, named_in(entry.body or "")) for entry in recent]
    ours = [entry for entry, named in owners if doubt.message_id in named]
    if ours:
        return known(doubt.message_id, ours[0])
    is_complete = len(log) < LONGEST_LOG and all(named for _, named in owners)
    return (
        None if is_complete else Receipt(doubt.message_id, "unknown", PROVIDER, reason="log_proves_nothing")
    )
