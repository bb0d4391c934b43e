"""One row of a contact list as events: who it is, and a consent only with when, where and its proof."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from connectors.collector.opt_in import ADDRESS, LONGEST_ADDRESS
from connectors.errors import Rejected
from connectors.feedback.model import event_id
from connectors.sms.numbers import e164

SOURCE = "contacts"
TRAITS = {
    "first_name": "firstName",
    "last_name": "lastName",
    "birthday": "birthday",
    "locale": "locale",
    "time_zone": "timezone",
    "country": "country",
    "created_at": "createdAt",
}
"""Fields and the traits they become; `trait.<name>` becomes a trait of that name."""
IDENTITIES = ("user_id", "email", "phone")
CONSENTS = {
    "consent_email": "email",
    "consent_sms": "sms",
    "consent_whatsapp": "whatsapp",
    "consent_push": "push",
}
PROOF = ("consent_at", "consent_source", "consent_proof")
FIELDS = (*IDENTITIES, *TRAITS, "updated_at", *CONSENTS, *PROOF)
OTHER_TRAIT = re.compile(r"trait\.[A-Za-z_]\w*")
YES, NO = frozenset({"yes", "true", "1", "subscribed"}), frozenset({"no", "false", "0", "unsubscribed"})

Call = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row; its content, which is somebody's, is not in it.

    Attributes:
        line: in the file, from 1, where the row ends.
        column: as the file calls it; empty when it is the row as a whole.
        field: what the column was mapped to.
        reason: with what to write instead.
    """

    line: int
    column: str
    field: str
    reason: str


class BadField(ValueError):  # noqa: N818  (named by what it is about)
    """A field that cannot be used."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def contact(row: Mapping[str, str], now: datetime) -> Call:
    """The `identify` call of a row; its id follows from what it says.

    Args:
        row: stripped texts by field, without empty ones.
        now: naive UTC; when it is said, unless the row has `updated_at`.

    Raises:
        BadField: the row cannot be loaded.
    """
    who = _identity(row)
    traits = {name: value for name, value in who.items() if name != "user_id"}
    traits |= {trait: row[field] for field, trait in TRAITS.items() if field in row}
    traits |= {name.removeprefix("trait."): row[name] for name in row if name.startswith("trait.")}
    if "birthday" in row:
        _check_day("birthday", row["birthday"])
    if "created_at" in row:
        traits["createdAt"] = _text(_moment("created_at", row["created_at"]))
    said_at = _moment("updated_at", row["updated_at"]) if "updated_at" in row else now
    if said_at > now:
        raise BadField("updated_at", "a time in the future")
    return {
        "type": "identify",
        "messageId": event_id("contact", sorted(who.items()), sorted(traits.items()), row.get("updated_at")),
        **({"userId": who["user_id"]} if "user_id" in who else {}),
        "timestamp": _text(said_at),
        "traits": traits,
        "source": SOURCE,
    }


def consents(row: Mapping[str, str], now: datetime) -> Iterator[Call | BadField]:
    """The consents of a row that `contact` took, and why others are none.

    A no is always taken. A yes needs when, where and how it was given; what is unclear is no consent.
    """
    who = _identity(row)
    for field, channel in CONSENTS.items():
        word = row.get(field, "").lower()
        if not word:
            continue
        try:
            yield _consent(row, who, field, channel, word, now)
        except BadField as problem:
            yield problem


def _consent(
    row: Mapping[str, str], who: Mapping[str, str], field: str, channel: str, word: str, now: datetime
) -> Call:
    if word not in YES | NO:
        raise BadField(field, "write yes or no")
    missing = [name for name in PROOF if name not in row]
    if word in YES and missing:
        raise BadField(missing[0], "a yes counts only with consent_at, consent_source and consent_proof")
    if channel in ("email", "sms", "whatsapp") and not who.keys() & {"user_id", _address_of(channel)}:
        raise BadField(field, f"a consent to {channel} needs {_address_of(channel)} or user_id")
    said_at = _moment("consent_at", row["consent_at"]) if "consent_at" in row else now
    if said_at > now:
        raise BadField("consent_at", "a time in the future")
    name = "Subscribed" if word in YES else "Unsubscribed"
    address = {key: who[key] for key in ("email", "phone") if key in who}
    proof = {name.removeprefix("consent_"): row[name] for name in PROOF[1:] if name in row}
    return {
        "type": "track",
        "event": name,
        "messageId": event_id("contact_consent", sorted(who.items()), channel, name, row.get("consent_at")),
        **({"userId": who["user_id"]} if "user_id" in who else {}),
        "timestamp": _text(said_at),
        "properties": {"channel": channel, "purpose": "marketing", **address, **proof},
        "source": SOURCE,
    }


def _identity(row: Mapping[str, str]) -> dict[str, str]:
    """Who it is, with the address and the number checked."""
    who = {name: row[name] for name in IDENTITIES if name in row}
    if not who:
        raise BadField("", "a contact needs a user_id, an email or a phone")
    email = who.get("email")
    if email and (len(email) > LONGEST_ADDRESS or not ADDRESS.fullmatch(email)):
        raise BadField("email", "not an address; write it as in ann@example.com")
    if "phone" in who:
        try:
            who["phone"] = e164(who["phone"])
        except Rejected:
            raise BadField("phone", "write it with its country code, as in +43 660 1234567") from None
    return who


def _address_of(channel: str) -> str:
    return "email" if channel == "email" else "phone"


def _check_day(field: str, text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise BadField(field, "write a date as 1990-12-31") from None


def _moment(field: str, text: str) -> datetime:
    """An ISO date or time as naive UTC; without a zone it is UTC."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise BadField(field, "write a time as 2026-01-31 or 2026-01-31T09:00:00+01:00") from None
    return read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read


def _text(moment: datetime) -> str:
    return f"{moment.isoformat(timespec='milliseconds')}Z"
