"""Twilio's error codes, as far as they decide what becomes of a message or an address."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.model import SuppressionReason

PROVIDER = "twilio"

SUPPRESSIONS: Mapping[int, SuppressionReason] = {
    21610: "stop",  # the recipient has sent STOP to this sender
    21211: "hard_bounced",  # not a phone number
    21217: "hard_bounced",  # not a valid phone number
    21614: "hard_bounced",  # not a number that can receive texts
    21635: "hard_bounced",  # a landline, in a country where Twilio sends none
    30005: "hard_bounced",  # unknown, inactive or no longer in service
    63003: "hard_bounced",  # WhatsApp knows no such account
}
"""Codes that close an address. Not 30003 (phone switched off), 30006 (also an unreachable carrier), 30007."""

OUR_FAULT = frozenset({20003, 20005, 21603, 21606, 21660, 21701, 21703, 30002, 63007, 90010})
"""Account, credentials or sender: every message would fail until a person acts."""

NOT_TAKEN = frozenset({20429, 21611, 63018})
"""Too many requests, or too many messages queued on the sender: Twilio has taken nothing."""

FAILED = ("failed", "undelivered", "canceled")
"""Statuses of a message that exists and will not arrive."""
