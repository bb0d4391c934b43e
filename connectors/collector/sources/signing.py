"""What all signatures share: comparison in constant time, and the age of what was signed."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from connectors.feedback.model import NotAuthentic

TOLERANCE = timedelta(minutes=5)
"""Between the signed time and ours, as Stripe and Standard Webhooks advise; a repetition is signed anew."""


def check_signature(expected: str, given: Iterable[str]) -> None:
    """Refuse unless one of the signatures is the expected one; there are two while a secret is changed."""
    if not any(hmac.compare_digest(expected.encode(), each.strip().encode()) for each in given):
        raise NotAuthentic("wrong signature")


def check_recent(signed_at: datetime | None, received_at: datetime, tolerance: timedelta = TOLERANCE) -> None:
    """Refuse what was signed too long ago: a recording that is played back."""
    if signed_at is None or abs(received_at - signed_at) > tolerance:
        raise NotAuthentic("the signed time is missing or too far from now")


def from_epoch(seconds: str | float) -> datetime | None:
    """Seconds since 1970 as naive UTC."""
    try:
        return datetime.fromtimestamp(float(seconds), UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None


def as_text(moment: datetime) -> str:
    """Naive UTC as an event's `timestamp`."""
    return f"{moment.isoformat(timespec='milliseconds')}Z"
