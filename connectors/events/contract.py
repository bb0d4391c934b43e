"""The event contract: what an event is, in the words of the Segment spec, and what is refused and why.

A record is one Segment call (`track`, `identify`, `page`, `screen`, `group`, `alias`) as JSON. Snake-case
names (`user_id`, `event_id`, `occurred_at`) mean the same as Segment's. What the contract does not know is
kept: unknown events as they are, unknown keys as properties (traits for `identify`). Known events must have
the fields that models rely on; values that can only mean one thing are coerced ("12.50" is a price). Times
are ISO-8601 with a zone and become naive UTC. Without `receivedAt` an event counts as received when sent,
without `sentAt` when it happened, so that a file always gives the same rows. A record without `messageId`
is known by the hash of its content.

Besides `userId`, `anonymousId`, e-mail and phone, an event may name its person by `context.externalIds`
(`[{"type": "loyalty_card", "id": "9", "collection": "users"}]`) and by `context.device` (`id`,
`advertisingId` unless `adTrackingEnabled` is false). What is malformed there identifies nobody. E-mail and
phone are the actor's in traits, and in the properties of those events only that the dbt var
`events_that_name_the_actor` lists: a gift card's `email` is the friend's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json, to_json

from connectors.events.properties import PROPERTIES, IdentifyTraits
from connectors.events.values import Bag, Identifier, Moment

LONGEST_CLOCK_ERROR = timedelta(days=1)
MAX_REJECTED_TEXT = 2_000
REFUSED = "_refused"
"""Key under which whoever wrote the record has noted why it is refused: {"field", "reason"}."""

EVENT_NAMES = {
    "identify": "Identified",
    "page": "Page Viewed",
    "screen": "Screen Viewed",
    "group": "Grouped",
    "alias": "Aliased",
}
IGNORED_KEYS = frozenset(
    {"originalTimestamp", "integrations", "version", "writeKey", "projectId", "_metadata"}
)


class Event(NamedTuple):
    """One accepted event; the fields are the first columns of `raw_events.events`.

    A named tuple, not a dataclass: rows turn into columns with one `zip`.
    `properties`, `traits` and `context` are JSON text, times are naive UTC.
    """

    event_id: str
    event_type: str
    event_name: str
    user_id: str | None
    anonymous_id: str | None
    occurred_at: datetime
    received_at: datetime
    source: str
    properties: str
    traits: str
    context: str


class Reject(NamedTuple):
    """Why a record is refused: the field by its path (`properties.products.0.price`) and a sentence."""

    field: str
    reason: str


class Record(BaseModel):
    """The envelope that all calls share."""

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)

    type: Literal["track", "identify", "page", "screen", "group", "alias"] = "track"
    event: Identifier = None
    message_id: Identifier = Field(None, validation_alias=AliasChoices("messageId", "message_id", "event_id"))
    user_id: Identifier = Field(None, validation_alias=AliasChoices("userId", "user_id"))
    anonymous_id: Identifier = Field(None, validation_alias=AliasChoices("anonymousId", "anonymous_id"))
    timestamp: Moment = Field(validation_alias=AliasChoices("timestamp", "occurred_at"))
    sent_at: Moment | None = Field(None, validation_alias=AliasChoices("sentAt", "sent_at"))
    received_at: Moment | None = Field(None, validation_alias=AliasChoices("receivedAt", "received_at"))
    source: Identifier = None
    properties: Bag = Field(default_factory=dict)
    traits: Bag = Field(default_factory=dict)
    context: Bag = Field(default_factory=dict)


def parse(record: Mapping[str, Any]) -> Event | Reject:
    """One decoded record as an event, or the first thing that is wrong with it."""
    if isinstance(refused := record.get(REFUSED), Mapping):
        return Reject(str(refused.get("field", "")), str(refused.get("reason", "refused on arrival")))
    given = {key: value for key, value in record.items() if value is not None and key not in IGNORED_KEYS}
    try:
        envelope = Record.model_validate(given)
        return _event(envelope, given)
    except ValidationError as error:
        return _reject(error)
    except _RefusedError as refusal:
        return refusal.reject


def parse_json(line: bytes) -> Event | Reject:
    """One NDJSON line as an event or the reason why it is none."""
    try:
        record = from_json(line, allow_inf_nan=False)
    except ValueError as error:
        return Reject("", f"not JSON: {error}")
    if not isinstance(record, dict):
        return Reject("", "a record must be a JSON object")
    return parse(record)


class _RefusedError(Exception):
    def __init__(self, field: str, reason: str) -> None:
        self.reject = Reject(field, reason)


def _event(record: Record, given: Mapping[str, Any]) -> Event:
    if record.type == "track" and not record.event:
        raise _RefusedError("event", "a track call must name its event")
    name = record.event if record.type == "track" and record.event else EVENT_NAMES[record.type]
    received_at = record.received_at or record.sent_at or record.timestamp
    if record.timestamp - received_at > LONGEST_CLOCK_ERROR:
        raise _RefusedError("timestamp", "more than a day after the event was received")
    bag = record.traits if record.type == "identify" else record.properties
    for key, value in (record.model_extra or {}).items():
        bag.setdefault(key, value)
    library = record.context.get("library")
    library_name = library.get("name") if isinstance(library, dict) else None
    return Event(
        event_id=record.message_id
        or hashlib.md5(_text(_sorted(given)).encode(), usedforsecurity=False).hexdigest(),
        event_type=record.type,
        event_name=name,
        user_id=record.user_id,
        anonymous_id=record.anonymous_id,
        occurred_at=_naive(record.timestamp),
        received_at=_naive(received_at),
        source=record.source or (str(library_name) if library_name else "landing"),
        properties=_checked(
            "properties", PROPERTIES.get(name) if record.type == "track" else None, record.properties
        ),
        traits=_checked("traits", IdentifyTraits if record.type == "identify" else None, record.traits),
        context=_text(record.context),
    )


def _checked(field: str, model: type[BaseModel] | None, values: dict[str, Any]) -> str:
    """JSON text of properties or traits, with what the model coerced."""
    if model is None:
        return _text(values)
    try:
        return model.model_validate(values).model_dump_json(exclude_unset=True, by_alias=True)
    except ValidationError as error:
        reject = _reject(error)
        raise _RefusedError(f"{field}.{reject.field}".rstrip("."), reject.reason) from error


def _reject(error: ValidationError) -> Reject:
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    reason = first["msg"].removeprefix("Value error, ")
    return Reject(".".join(str(part) for part in first["loc"]), reason + more)


def _text(value: object) -> str:
    """JSON text; infinities and NaN, which JSON does not have, are null."""
    return to_json(value, inf_nan_mode="null", fallback=str, bytes_mode="base64").decode()


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _sorted(value: object) -> object:
    """The same content in one order, so that equal records have equal hashes."""
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value
