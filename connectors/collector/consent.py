"""What a person says about her own consent on a page, and what is known of it.

A word is kept in the transactional store in the request that brings it, so the next claim obeys it; the same
transaction keeps the event, which reaches landing some seconds later, or with the next delivery.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from connectors.collector.dependencies import Dependencies
from connectors.delivery.last_look import EVERY_CHANNEL
from connectors.feedback import Feedback
from connectors.feedback.model import SAID, event_id
from connectors.links import Link
from connectors.model import IDENTIFIERS
from connectors.store import is_in_force, normal_address
from connectors.tables import consents, facts, messages, suppressions

Status = Literal["subscribed", "unsubscribed"]
PROVIDER = "millrace"


@dataclass(frozen=True, slots=True)
class Word:
    """A yes or a no to one purpose on one channel."""

    channel: str
    purpose: str
    status: Status


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows about the person behind a link.

    Attributes:
        words: (channel, purpose) → her latest word.
        address: where the link was sent; none when the ledger does not know its message.
        attempted_at: when, naive UTC.
        is_stopped: that address was closed by STOP, which only a START from the phone takes back.
    """

    words: Mapping[tuple[str, str], Status] = field(default_factory=dict)
    address: str | None = None
    attempted_at: datetime | None = None
    is_stopped: bool = False


def known_about(deps: Dependencies, link: Link) -> Known:
    """What the store knows; on a tie of times a no is believed."""
    with deps.store.reading() as connection:
        sent = connection.execute(
            sa.select(messages.c.address, messages.c.attempted_at).where(
                messages.c.message_id == link.message_id, messages.c.channel == link.channel
            )
        ).first()
        address = normal_address(sent.address) if sent else None
        words = [*_copied(connection, link), *_fresh(connection, link, address)]
        is_stopped = bool(address) and _is_stopped(connection, link.channel, str(address))
    latest = {key: status for _, status, key in sorted(words)}
    return Known(latest, address, sent.attempted_at if sent else None, is_stopped)


async def record(
    deps: Dependencies, link: Link, words: Sequence[Word], source: str, address: str | None
) -> None:
    """Keep the words with their source and, as proof, the message whose link was used.

    Args:
        deps: the open parts of the collector.
        link: whose word it is.
        words: at most one per channel and purpose.
        source: what the person used: `one_click`, `unsubscribe_page`, `preference_centre`, `double_opt_in`.
        address: where the link was sent, when it is known.

    Raises:
        Busy: nothing was kept.
    """
    now = deps.clock()
    await deps.feedback.take([_feedback(link, word, source, address, now) for word in words])


def _feedback(link: Link, word: Word, source: str, address: str | None, now: datetime) -> Feedback:
    """The event of a word; said again later it is another event, because in between it may have changed."""
    is_of_channel = word.channel == link.channel
    return Feedback(
        event_id=event_id(
            PROVIDER, link.message_id, link.profile_id, word.channel, word.purpose, word.status, now
        ),
        name=SAID[word.status],
        channel=word.channel,
        provider=PROVIDER,
        occurred_at=now,
        address=address if is_of_channel else None,
        # The message counts as what made her leave only for what it was itself.
        message_id=link.message_id if is_of_channel and word.purpose == "marketing" else None,
        properties={
            "profile_id": link.profile_id,
            "purpose": word.purpose,
            "source": source,
            "proof": link.message_id,
        },
    )


_Said = tuple[datetime, Status, tuple[str, str]]


def _copied(connection: sa.Connection, link: Link) -> list[_Said]:
    rows = connection.execute(sa.select(consents).where(consents.c.profile_id == link.profile_id))
    return [(row.since, row.status, (row.channel, row.purpose)) for row in rows]


def _fresh(connection: sa.Connection, link: Link, address: str | None) -> list[_Said]:
    names = [("profile_id", link.profile_id)]
    if address and link.channel in IDENTIFIERS:
        names.append((IDENTIFIERS[link.channel], address))
    rows = connection.execute(
        sa.select(facts)
        .where(sa.tuple_(facts.c.identifier_type, facts.c.identifier).in_(names))
        .where(facts.c.signal.in_(SAID), facts.c.channel.is_not(None))
    )
    return [(row.occurred_at, row.signal, (row.channel, row.purpose or "marketing")) for row in rows]


def _is_stopped(connection: sa.Connection, channel: str, address: str) -> bool:
    closed = suppressions.c
    rows = connection.execute(
        sa.select(closed.reason).where(
            closed.channel.in_((channel, EVERY_CHANNEL)),
            closed.address == address,
            closed.reason == "stop",
            is_in_force(),
        )
    )
    return rows.first() is not None
