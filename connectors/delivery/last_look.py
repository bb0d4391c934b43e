"""The last look: what may have changed between the warehouse's decision and this second.

Runs inside the claim's transaction. A message is refused for good (`skip`) or kept for a later run (`hold`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

import sqlalchemy as sa

from connectors.delivery.carts import is_emptied
from connectors.delivery.facts import WHOLE_PERSON
from connectors.delivery.policies import Late
from connectors.model import IDENTIFIERS, Message
from connectors.store import is_in_force, normal_address, read_synced_at
from connectors.tables import consents, facts, suppressions

CONSENT_IS_STALE_AFTER = timedelta(hours=26)
"""A feed that missed a whole day and two hours of grace is broken: marketing stops (decision 7)."""

EVERY_CHANNEL = "*"
WITHOUT_ADDRESS = ("profile", "webhook")
NOTHING_DECLARED: Mapping[str, Late] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a message does not go now; the reasons are those of `send_list`, plus `exited`."""

    ruling: Literal["skip", "hold"]
    reason: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the store knows about the people and addresses of one batch.

    Attributes:
        suppressed: (channel, address) of whom nobody may write to.
        consent: (profile_id, channel, purpose) → (since, status), the warehouse's hot copy.
        facts: (identifier_type, identifier) → fresh facts.
        is_stale: the consent or suppression feed is too old to rely on.
        late: what is declared of late messages, by message class.
        released: ids of late messages that a person let go.
    """

    suppressed: AbstractSet[tuple[str, str]] = frozenset()
    consent: Mapping[tuple[str, str, str], tuple[datetime, str]] = field(default_factory=dict)
    facts: Mapping[tuple[str, str], list[Mapping[str, Any]]] = field(default_factory=dict)
    is_stale: bool = False
    late: Mapping[str, Late] = field(default_factory=dict)
    released: AbstractSet[str] = frozenset()


def last_look(
    connection: sa.Connection,
    batch: Sequence[Message],
    now: datetime,
    late: Mapping[str, Late] = NOTHING_DECLARED,
    released: AbstractSet[str] = frozenset(),
) -> dict[str, Verdict]:
    """Verdicts by message id; a message without one may go.

    Args:
        connection: an open transaction, the claim's own.
        batch: the messages.
        now: naive UTC.
        late: what is declared of late messages, by message class.
        released: ids that a person let go although they are late.
    """
    if not batch:
        return {}
    evidence = Evidence(
        late=late,
        released=released,
        suppressed=_read_suppressed(connection, batch),
        consent=_read_consent(connection, batch),
        facts=_read_facts(connection, batch, now),
        is_stale=_is_stale(connection, now),
    )
    verdicts = {message.message_id: judge(message, evidence, now) for message in batch}
    return {message_id: verdict for message_id, verdict in verdicts.items() if verdict}


def judge(message: Message, evidence: Evidence, now: datetime) -> Verdict | None:
    """The rules, in the order in which their reasons are reported; none when the message may go."""
    news = [fact for identifier in identities(message) for fact in evidence.facts.get(identifier, ())]
    word = _latest_word(message, evidence, news)
    needs_yes = message.message_class == "marketing" and message.channel not in WITHOUT_ADDRESS
    heeds_no = message.message_class == "operational"
    rules = (
        (bool(message.expires_at and message.expires_at <= now), Verdict("skip", "too_late")),
        (_has_exited(message, news), Verdict("skip", "exited")),
        (_is_suppressed(message, evidence, news), Verdict("skip", "suppressed")),
        (needs_yes and evidence.is_stale, Verdict("hold", "consent_feed_stale")),
        (needs_yes and word != "subscribed", Verdict("skip", "no_consent")),
        (heeds_no and word == "unsubscribed", Verdict("skip", "no_consent")),
        (bool(message.quiet_from and message.quiet_from <= now), Verdict("hold", "quiet_hours")),
        (_is_late(message, evidence, now), Verdict(_late_ruling(message, evidence), "late_send")),
    )
    return next((verdict for applies, verdict in rules if applies), None)


def identities(message: Message) -> list[tuple[str, str]]:
    """Every (type, value) under which a fresh fact may name the recipient: identifiers, address, profile."""
    kind = IDENTIFIERS.get(message.channel)
    address = [(kind, normal_address(message.address))] if kind else []
    profiles = [("profile_id", profile_id) for profile_id in message.profile_ids]
    return list(dict.fromkeys([*message.identifiers, *address, *profiles]))


def _is_late(message: Message, evidence: Evidence, now: datetime) -> bool:
    declared = evidence.late.get(message.message_class)
    return bool(declared and declared.applies(message.due_at, now)) and (
        message.message_id not in evidence.released
    )


def _late_ruling(message: Message, evidence: Evidence) -> Literal["skip", "hold"]:
    declared = evidence.late.get(message.message_class)
    return "hold" if declared and declared.then == "ask" else "skip"


def _has_exited(message: Message, news: Collection[Mapping[str, Any]]) -> bool:
    told = any(
        exit_signal.is_met_by(fact["signal"], fact["occurred_at"])
        for fact in news
        for exit_signal in message.exit_signals
    )
    return message.exited_at is not None or told or is_emptied(message, news)


def _is_suppressed(message: Message, evidence: Evidence, news: Iterable[Mapping[str, Any]]) -> bool:
    """A dead address, a complaint, a STOP or a person's word stop every class of message.

    News that name no address close all of the person's until the warehouse knows which they are.
    """
    address = normal_address(message.address)
    return any(
        (channel, address) in evidence.suppressed for channel in (message.channel, EVERY_CHANNEL)
    ) or any(
        fact["signal"] == "address_suppressed"
        and fact["purpose"] == WHOLE_PERSON
        and fact["channel"] in (message.channel, EVERY_CHANNEL, None)
        for fact in news
    )


def _latest_word(message: Message, evidence: Evidence, news: Iterable[Mapping[str, Any]]) -> str | None:
    """What the person said last about this channel and purpose; on a tie, unsubscribed.

    The purpose is the message's class. A fact without one is meant for both; the warehouse's rows have one.
    """
    purpose = message.message_class
    fresh = [
        (fact["occurred_at"], fact["signal"])
        for fact in news
        if fact["signal"] in ("subscribed", "unsubscribed")
        and fact["channel"] in (message.channel, EVERY_CHANNEL, None)
        and fact["purpose"] in (purpose, EVERY_CHANNEL, None)
    ]
    copied = [
        evidence.consent[profile_id, channel, purpose]
        for profile_id in message.profile_ids
        for channel in (message.channel, EVERY_CHANNEL)
        if (profile_id, channel, purpose) in evidence.consent
    ]
    return max([*fresh, *copied], default=(None, None))[1]


def _is_stale(connection: sa.Connection, now: datetime) -> bool:
    synced = [read_synced_at(connection, feed) for feed in ("consents", "suppressions")]
    return any(at is None or now - at > CONSENT_IS_STALE_AFTER for at in synced)


def _read_suppressed(connection: sa.Connection, batch: Sequence[Message]) -> set[tuple[str, str]]:
    addresses = {normal_address(message.address) for message in batch}
    rows = connection.execute(
        sa.select(suppressions.c.channel, suppressions.c.address).where(
            suppressions.c.address.in_(addresses), is_in_force()
        )
    )
    return {(row.channel, row.address) for row in rows}


def _read_consent(
    connection: sa.Connection, batch: Sequence[Message]
) -> dict[tuple[str, str, str], tuple[datetime, str]]:
    people = {profile_id for message in batch for profile_id in message.profile_ids}
    rows = connection.execute(sa.select(consents).where(consents.c.profile_id.in_(people)))
    return {(row.profile_id, row.channel, row.purpose): (row.since, row.status) for row in rows}


def _read_facts(
    connection: sa.Connection, batch: Sequence[Message], now: datetime
) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """Facts that have happened by now, by identifier (some may share only the value with the batch)."""
    values = {value for message in batch for _, value in identities(message)}
    rows = connection.execute(
        sa.select(facts).where(facts.c.identifier.in_(values), facts.c.occurred_at <= now)
    ).mappings()
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["identifier_type"], row["identifier"]].append(dict(row))
    return found
