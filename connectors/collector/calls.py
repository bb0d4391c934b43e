"""A call of the tracking API as landing lines: completed, checked by the event contract, refused singly.

A refused event lands too, without its content and with the reason: the loader counts it among the rejects.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from pydantic_core import from_json, to_json

from connectors.collector.dependencies import Options
from connectors.collector.keys import WriteKey
from connectors.collector.limits import refusal
from connectors.collector.pii import hash_pii
from connectors.collector.reserved import RESERVED
from connectors.events.contract import IGNORED_KEYS, REFUSED, Event, Reject, parse

CLOCK_ERROR = timedelta(minutes=5)
"""A device whose clock is further from ours gets its times corrected, as Segment does."""
KEPT_OF_REFUSED = ("type", "event", "messageId")
IDENTITY = ("messageId", "message_id", "event_id")
TIMES = ("timestamp", "occurred_at")
NOT_LANDED = IGNORED_KEYS | {"receivedAt"}


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that was not taken: its place in the batch, the field, the reason."""

    index: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Received:
    """What came with one request: NDJSON for the landing, what of it is refused, and what is not."""

    lines: bytes
    refused: Sequence[Refused]
    events: Sequence[Event] = ()


def read_json(body: bytes) -> dict[str, Any]:
    """The JSON object in a body.

    Raises:
        HTTPException: 400 when it is none.
    """
    try:
        value = from_json(body)
    except ValueError:
        value = _mended(body)
    if not isinstance(value, dict):
        raise refusal(400, "the body must be a JSON object")
    return value


def items_of(call: Mapping[str, Any], call_type: str) -> list[Any]:
    """The events of a call: of a `batch` its items with what they share, otherwise the call itself.

    Raises:
        HTTPException: 400 when a batch holds no list.
    """
    if call_type != "batch":
        return [{**call, "type": call_type}]
    items = call.get("batch")
    if not isinstance(items, list):
        raise refusal(400, "`batch` must be a list of events")
    shared = {name: call[name] for name in ("sentAt", "integrations") if call.get(name) is not None}
    context = call.get("context")
    context = context if isinstance(context, Mapping) else {}
    return [_with_shared(item, shared, context) if isinstance(item, dict) else item for item in items]


def receive(items: Sequence[Any], key: WriteKey, options: Options, now: datetime) -> Received:
    """Complete and check the events of one call; good ones and refused ones become lines, in their order.

    An item may be a `Reject` already.
    """
    lines, refused, events = [], [], []
    received_at = f"{now.isoformat(timespec='milliseconds')}Z"
    for index, item in enumerate(items):
        record = _completed(item, key, now, received_at) if isinstance(item, dict) else item
        line = to_json(record, inf_nan_mode="null", fallback=str)
        event = _refused_here(record, line, key, options) or _by_contract(record, options, now)
        if isinstance(event, Reject):
            refused.append(Refused(index, event.field, event.reason))
            line = _refused_line(record, event)
        elif options.hashes_pii:
            hashed = hash_pii(record, options.pii_secret)
            line, event = to_json(hashed, inf_nan_mode="null"), _by_contract(hashed, options, now)
        if isinstance(event, Event):
            events.append(event)
        lines.append(line + b"\n")
    return Received(b"".join(lines), refused, events)


def _with_shared(
    item: dict[str, Any], shared: Mapping[str, Any], context: Mapping[str, Any]
) -> dict[str, Any]:
    own = item.get("context")
    both = {**context, **own} if isinstance(own, Mapping) else own or context
    return {**shared, **item, **({"context": both} if both else {})}


def _completed(item: Mapping[str, Any], key: WriteKey, now: datetime, received_at: str) -> dict[str, Any]:
    """With what only the receiver knows; without what no event needs."""
    record = {name: value for name, value in item.items() if name not in NOT_LANDED}
    if not any(record.get(name) for name in TIMES) and item.get("originalTimestamp"):
        record["timestamp"] = item["originalTimestamp"]  # RudderStack's SDKs write no other
    if not any(record.get(name) for name in IDENTITY):
        record["messageId"] = _message_id(record)
    if not any(record.get(name) for name in TIMES):
        record["timestamp"] = received_at
    corrected = _corrected(record.get("timestamp"), record.get("sentAt"), now)
    if corrected:
        record |= {"originalTimestamp": record["timestamp"], "timestamp": corrected, "sentAt": received_at}
    if "channel" in record:  # Segment's word for browser, mobile or server; ours is about messages
        context = record.get("context") or {}
        if isinstance(context, Mapping):
            record["context"] = {"channel": record.pop("channel"), **context}
    return record | {"receivedAt": received_at, "source": key.source}


def _message_id(record: Mapping[str, Any]) -> str:
    """An event with a time is the same when it is sent again; one without may rightly come twice."""
    if not any(record.get(name) for name in TIMES):
        return uuid.uuid4().hex
    content = {name: value for name, value in record.items() if name != "sentAt"}
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]


def _corrected(timestamp: object, sent_at: object, now: datetime) -> str | None:
    """When it happened by our clock, if the sender's is wrong."""
    sent = _moment(sent_at)
    if sent is None or abs(now - sent) <= CLOCK_ERROR:
        return None
    happened = _moment(timestamp)
    if happened is None:
        return None
    try:
        return f"{(now - (sent - happened)).isoformat(timespec='milliseconds')}Z"
    except OverflowError:
        return None


@lru_cache(maxsize=128)  # all events of a batch are sent at once
def _text_moment(value: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(value)
        return read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _moment(value: object) -> datetime | None:
    return _text_moment(value) if isinstance(value, str) else None


def _refused_here(record: object, line: bytes, key: WriteKey, options: Options) -> Reject | None:
    """What must not even reach the contract."""
    if isinstance(record, Reject):
        return record
    if not isinstance(record, dict):
        return Reject("", "an event must be a JSON object")
    if len(line) > options.max_event_bytes:
        return Reject("", f"an event may have {options.max_event_bytes} bytes")
    deepest = options.max_property_depth + 1
    # With fewer braces than levels there is nothing to look at.
    if line.count(b"{") + line.count(b"[") > deepest and _is_deeper(record, deepest):
        return Reject("", f"objects and lists may be nested {options.max_property_depth} deep")
    if key.is_public and record.get("event") in RESERVED:
        return Reject("event", "this event cannot be sent with a public write key")
    return None


def _by_contract(record: Mapping[str, Any], options: Options, now: datetime) -> Event | Reject:
    event = parse(record)
    if isinstance(event, Event) and event.occurred_at < now - options.max_event_age:
        return Reject("timestamp", f"older than {options.max_event_age.days} days: load history as files")
    return event


def _is_deeper(value: object, limit: int) -> bool:
    """Whether objects and lists are nested more than `limit` deep; looks no deeper than that."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if inner is None:
        return False
    return limit == 0 or any(_is_deeper(each, limit - 1) for each in inner)


def _refused_line(record: object, reject: Reject) -> bytes:
    """What the loader makes a reject of; without the content, which may be anything and anybody's."""
    given = record if isinstance(record, dict) else {}
    kept = {name: str(given[name])[:128] for name in KEPT_OF_REFUSED if given.get(name)}
    return to_json({**kept, REFUSED: {"field": reject.field, "reason": reject.reason}})


def _mended(body: bytes) -> object:
    """JSON with halves of emoji in it, as SDKs write that cut texts at a length; none if it is no JSON."""
    try:
        return from_json(json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
