"""Fresh facts: what happened but is not in the warehouse yet, so that the next attempt already knows it.

The collector keeps them in the request that brings them, other sources when their file has landed. A fact
speaks about a person by any identifier that the event itself names. Who hides behind an identifier that no
event has joined to the person yet (a guest on a new device who buys under a new address) is known when the
warehouse has joined them, at the next run.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from connectors.delivery.carts import CART_SIGNALS, cart_change
from connectors.events.files import EventFiles
from connectors.landing import Landing, LandingFile
from connectors.model import IDENTIFIERS
from connectors.sms.numbers import normal_phone
from connectors.store import (
    Store,
    add_suppressions,
    batches,
    forget_files,
    insert,
    lift_suppression,
    normal_address,
    register_tokens,
    suppression,
)
from connectors.tables import facts, messages, read_files

SIGNALS = {
    "Order Completed": "ordered",
    "Order Refunded": "refunded",
    "Product Viewed": "product_viewed",
    "Subscribed": "subscribed",
    "Unsubscribed": "unsubscribed",
    "Email Opened": "message_opened",
    "Email Link Clicked": "message_clicked",
    "Email Bounced": "message_bounced",
    "Email Marked as Spam": "message_complained",
    "Order Cancelled": "order_cancelled",
    "Device Revoked": "device_revoked",
    "Address Suppressed": "address_suppressed",
    **CART_SIGNALS,
}
"""Events that may end a flow or forbid a message; the words are those of the seed `event_kinds`."""

FORBIDDING = frozenset(
    {
        *("Subscribed", "Unsubscribed", "Email Bounced", "Email Marked as Spam"),
        *("Address Suppressed", "Device Revoked", "Order Cancelled"),
    }
)
"""Of these, those that concern every flow; the others count for flows that name them as exit or goal."""

NORMAL = {"email": normal_address, "phone": normal_phone}
"""Identifiers that events spell in more than one way, as the warehouse writes them."""
WHOLE_PERSON = "person"
"""The purpose of an `Address Suppressed` that names no address: it means those of the person."""
NUL = "\0"
LOOKS_LIKE_A_PHONE = re.compile(r"[+0-9 ()./-]+")
"""The dbt macro of that name: nothing but digits and what is written between them."""
LONGEST_ID, LONGEST_CHANNEL, LONGEST_PURPOSE, LONGEST_IDENTIFIER = 128, 32, 64, 1_000

KEPT_FOR = timedelta(days=7)
"""A fact is needed until the warehouse has loaded it and decided again; a week outlasts any outage."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows for the store out of one file."""

    facts: list[dict[str, Any]] = field(default_factory=list)
    dead: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[dict[str, Any]] = field(default_factory=list)
    started: list[tuple[str, str, datetime]] = field(default_factory=list)


def take_fresh_facts(
    store: Store,
    landing: Landing,
    loaded_files: Collection[str],
    signals: Mapping[str, str] = SIGNALS,
) -> int:
    """Read landing files that the warehouse has not loaded and keep what a last look needs.

    Orders and the like end flows; `Unsubscribed` withdraws consent; hard bounces, complaints, STOP and
    revoked devices suppress their address; START and a new registration lift that. Reading a file twice
    changes nothing.

    Args:
        store: the transactional store.
        landing: where the files are.
        loaded_files: names of the files whose events the current decisions already know.
        signals: the events that matter, and their words.

    Returns:
        the number of facts taken.
    """
    listed = landing.files()
    with store.transaction() as connection:
        known = {row.file: row.fingerprint for row in connection.execute(sa.select(read_files))}
        forget_files(connection, read_files, known.keys() - {file.name for file in listed})
    fresh = [
        file for file in listed if file.name not in loaded_files and known.get(file.name) != file.fingerprint
    ]
    reader = EventFiles() if fresh else None
    return sum(_take_file(store, landing, file, reader, signals) for file in fresh if reader)


def keep_facts(
    store: Store, events: Iterable[Mapping[str, Any]], signals: Mapping[str, str] = SIGNALS
) -> int:
    """Keep what a last look needs of events that nobody has landed yet; durable when it returns.

    Args:
        store: the transactional store.
        events: as `Event._asdict()`; their times must not be ahead of the clock of those who claim.
        signals: the events that matter, and their words.

    Returns:
        the number of facts, those that were known already included.
    """
    found = _Found()
    for event in events:
        if event["event_name"] in signals:
            _collect(event, signals[event["event_name"]], found)
    with store.transaction() as connection:
        return _keep(connection, found)


def forget_old_facts(store: Store, now: datetime) -> None:
    """Drop facts that the warehouse has known for long."""
    with store.transaction() as connection:
        connection.execute(sa.delete(facts).where(facts.c.occurred_at < now - KEPT_FOR))


def _take_file(
    store: Store, landing: Landing, file: LandingFile, reader: EventFiles, signals: Mapping[str, str]
) -> int:
    found = _Found()
    with landing.read(file.name) as stream:
        for batch in reader.read(file.name, stream):
            for event in batch.events.to_pylist():
                if event["event_name"] in signals:
                    _collect(event, signals[event["event_name"]], found)
                elif event["event_name"] == "Device Registered":
                    found.tokens.append(_token(event))
    with store.transaction() as connection:
        count = _keep(connection, found)
        statement = insert(connection, read_files)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["file"], set_={"fingerprint": statement.excluded.fingerprint}
            ),
            {"file": file.name, "fingerprint": file.fingerprint},
        )
    return count


def _keep(connection: sa.Connection, found: _Found) -> int:
    for rows in batches(found.facts):
        connection.execute(insert(connection, facts).on_conflict_do_nothing(), rows)
    register_tokens(connection, found.tokens)
    add_suppressions(connection, _with_addresses(connection, found.dead))
    for channel, address, since in found.started:
        lift_suppression(connection, channel, address, "stop", since)
    return len({fact["event_id"] for fact in found.facts})


def _collect(event: Mapping[str, Any], signal: str, found: _Found) -> None:
    """One event as one fact per identifier and, if it kills an address, a suppression to be.

    What a scanner opened or clicked says nothing about the person, here as in the warehouse.
    """
    properties = json.loads(event["properties"])
    if str(properties.get("is_machine")).lower() == "true":
        return
    about = {
        "event_id": _short_id(event["event_id"]),
        "signal": signal,
        "channel": _word(properties.get("channel"), LONGEST_CHANNEL),
        "purpose": _word(properties.get("purpose"), LONGEST_PURPOSE),
        "occurred_at": event["occurred_at"],
        "cart": cart_change(event["event_name"], properties),
    }
    name = event["event_name"]
    channel = _channel(name, properties)
    address = _address(channel, properties)
    if name == "Address Suppressed":
        about["purpose"] = None if address or properties.get("message_id") else WHOLE_PERSON
    identifiers = set(_identifiers(event, properties))
    found.facts.extend(
        about | {"identifier_type": kind, "identifier": value} for kind, value in sorted(identifiers)
    )
    if name == "Subscribed" and properties.get("reason") == "start":
        found.started.append((properties["channel"], address or "", event["occurred_at"]))
    reason = _deadly(name, properties)
    if reason:
        found.dead.append(
            {
                "channel": channel,
                "address": address,
                "message_id": properties.get("message_id"),
                "reason": reason,
                "since": event["occurred_at"],
            }
        )


def _token(event: Mapping[str, Any]) -> dict[str, Any]:
    properties = json.loads(event["properties"])
    platform = str(properties.get("platform") or "unknown")
    return {"token": properties["token"], "platform": platform, "since": event["occurred_at"]}


def _identifiers(event: Mapping[str, Any], properties: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every identifier that the event names; the types are those of `profile_identifiers`."""
    context = json.loads(event["context"])
    bags: Iterable[Mapping[str, Any]] = (properties, json.loads(event["traits"]), context.get("traits") or {})
    named = {"user_id": event["user_id"], "anonymous_id": event["anonymous_id"]}
    for kind, value in [*named.items(), *((k, bag.get(k)) for bag in bags for k in NORMAL)]:
        text = NORMAL.get(kind, str)(str(value)) if value else ""
        if text and len(text) <= LONGEST_IDENTIFIER and NUL not in text:
            yield kind, text
    if properties.get("profile_id"):
        yield "profile_id", str(properties["profile_id"])


def _short_id(event_id: str) -> str:
    """The id of the event, or what stands for one that no column holds."""
    fits = len(event_id) <= LONGEST_ID and NUL not in event_id
    return event_id if fits else hashlib.sha256(event_id.encode(errors="replace")).hexdigest()


def _word(value: object, longest: int) -> str | None:
    """A channel or purpose; what an order calls its channel may be anything."""
    return value if isinstance(value, str) and len(value) <= longest and NUL not in value else None


def _deadly(event_name: str, properties: Mapping[str, Any]) -> str | None:
    """The suppression that an event means, if any; a soft bounce means none."""
    if event_name == "Email Bounced":
        return "hard_bounced" if properties.get("bounce_type") == "hard" else None
    if event_name == "Unsubscribed":
        return "stop" if properties.get("reason") == "stop" else None
    if event_name == "Address Suppressed":
        return str(properties.get("reason") or "manual")
    return {"Email Marked as Spam": "complained", "Device Revoked": "invalid_token"}.get(event_name)


def _channel(event_name: str, properties: Mapping[str, Any]) -> str:
    """The channel on which an address is closed; a manual entry without one closes all."""
    named = {"Email": "email", "Device": "push"}.get(event_name.split(maxsplit=1)[0], "*")
    return _word(properties.get("channel"), LONGEST_CHANNEL) or named


def _address(channel: str, properties: Mapping[str, Any]) -> str | None:
    """The address that an event closes or opens, a number as the warehouse writes it."""
    stated = properties.get("address") or properties.get("token")
    if not stated:
        return None
    is_phone = channel == "*" and LOOKS_LIKE_A_PHONE.fullmatch(str(stated))
    return NORMAL.get("phone" if is_phone else IDENTIFIERS.get(channel, ""), str)(str(stated))


def _with_addresses(connection: sa.Connection, dead: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Suppressions with the address that the ledger sent to, where the event did not name it."""
    wanted = [row["message_id"] for row in dead if row["message_id"]]
    known = connection.execute(
        sa.select(messages.c.message_id, messages.c.address).where(messages.c.message_id.in_(wanted))
    )
    addresses = {row.message_id: row.address for row in known}
    rows = [row | {"address": row["address"] or addresses.get(row["message_id"])} for row in dead]
    return [
        suppression(row["channel"], row["address"], row["reason"], row["since"])
        for row in rows
        if row["address"]
    ]
