"""From the warehouse's outbox to the delivery loop: fresh facts in, messages out, results into landing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from connectors.content import open_renderer
from connectors.delivery import DeliveryResult, deliver, take_fresh_facts
from connectors.landing import open_landing
from connectors.model import Message
from connectors.store import open_store, sync_consents, sync_suppressions
from connectors.vendors import open_senders
from dagster_project.checks import DUE

if TYPE_CHECKING:
    import pyarrow as pa

    from dagster_project.settings import Settings
    from dagster_project.warehouse import Warehouse

Progress = Callable[[str, int, int], None]
BATCH_ROWS = 2_000
JUDGED = """
select due.*
from due
inner join (select as_of, is_blocked from raw_runs.lists order by judged_at desc limit 1) as judged
    on due.due_at <= judged.as_of and not judged.is_blocked
where ? is null or due.channel = ?
order by due.priority desc, due.due_at, due.message_id
"""


@dataclass(frozen=True)
class Due:
    """What leaves the warehouse before its file is closed.

    Attributes:
        messages: rows of `sends.outbox`, most important first.
        suppressions: (channel, address, reason, since) of the addresses on the list.
        consents: (profile_id, channel, purpose, status, since) of the people on the list.
        loaded_files: landing files that the list's decisions know already.
        as_of: the moment of those decisions.
    """

    messages: pa.Table
    suppressions: pa.Table
    consents: pa.Table
    loaded_files: frozenset[str]
    as_of: datetime


def read_due(warehouse: Warehouse, as_of: datetime, channel: str | None = None) -> Due:
    """Read the messages that are due, on one channel or all, and what their last look needs.

    Only what the last judgement saw, and nothing when it held the list: a step that somebody starts by hand
    in Dagster cannot send past it.
    """
    warehouse.execute(DUE)
    return Due(
        messages=warehouse.query(JUDGED, [channel, channel]),
        suppressions=warehouse.query(
            """select channel, address, reason, since from profiles.suppressions
            where address in (select lower(address) from due)"""
        ),
        consents=warehouse.query(
            """select profile_id, channel, purpose, status, since from profiles.consents
            where profile_id in (select profile_id from due)"""
        ),
        loaded_files=frozenset(
            warehouse.query("select file from raw_events.landing_files")["file"].to_pylist()
        ),
        as_of=as_of,
    )


def deliver_due(
    settings: Settings, due: Due, now: datetime | None, progress: Progress | None = None
) -> DeliveryResult:
    """Hand due messages to their vendors, once each, after a last look at what has landed meanwhile.

    Args:
        settings: the installation.
        due: the list and what its last look needs.
        now: naive UTC moment at which time stands still (a replay); none lets the clock run.
        progress: called with ("deliver", messages dealt with, messages in all).
    """
    landing = open_landing(settings.landing, endpoint_url=settings.s3_endpoint_url)
    store = open_store(settings.store_url)
    try:
        sync_suppressions(store, due.suppressions.to_pylist(), due.as_of)
        sync_consents(store, due.consents.to_pylist(), due.as_of)
        return deliver(
            store,
            landing,
            _messages(due.messages),
            open_senders(settings.outbox, settings.mail_from, settings.smtp_url),
            open_renderer(settings.secret, settings.public_url),
            now,
            _counted(progress, due.messages.num_rows),
            refresh=partial(take_fresh_facts, store, landing, due.loaded_files),
        )
    finally:
        store.close()


def _messages(rows: pa.Table) -> Iterator[Message]:
    """Rows as messages, a portion at a time."""
    for batch in rows.to_batches(max_chunksize=BATCH_ROWS):
        yield from map(Message.from_row, batch.to_pylist())


def _counted(progress: Progress | None, total: int) -> Callable[[int], None] | None:
    """A callback that adds up what the delivery loop has dealt with."""
    if progress is None:
        return None
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress("deliver", done, total)

    return advance
