"""From the warehouse's outbox to the delivery loop: fresh facts in, messages out, results into landing."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from connectors.content import open_renderer
from connectors.delivery import DeliveryResult, deliver, take_fresh_facts
from connectors.delivery.fence import fenced
from connectors.delivery.preview import Share, preview
from connectors.feedback import write_feedback
from connectors.model import Message
from connectors.store import open_store, open_to_read, sync_consents, sync_suppressions
from connectors.vendors import reaches_people
from dagster_project.checks import DUE
from dagster_project.loader import known_files
from dagster_project.providers import close_senders, open_providers, tell_news
from dagster_project.runs import utc_now
from dagster_project.signals import live_signals

if TYPE_CHECKING:
    from dagster_project.settings import Settings
    from dagster_project.warehouse import Warehouse

Progress = Callable[[str, int, int], None]
BATCH_ROWS = 500
SPOOL = "due-"
FORGOTTEN_AFTER_SECONDS = 2 * 24 * 3600
JUDGED = """
select due.*
from due
inner join (select as_of, is_blocked from raw_runs.lists order by judged_at desc limit 1) as judged
    on due.due_at <= judged.as_of and not judged.is_blocked
where due.channel = '{channel}'{only}
order by due.priority desc, due.due_at, due.message_id
"""
JUST_DECIDED = """
    and due.decided_at > judged.as_of - interval 10 minute
qualify row_number() over (order by due.priority desc, due.decided_at desc, due.message_id) <= 500"""
"""The share of a list that the hot lane sends at once: some seconds of work, the most important first."""
SUPPRESSIONS = """
select channel, address, reason, since from profiles.suppressions
where address in (select lower(address) from due)
"""
CONSENTS = """
select profile_id, channel, purpose, status, since from profiles.consents
where profile_id in (select profile_id from due union select person_id from due)
"""


@dataclass(frozen=True)
class Due:
    """What leaves the warehouse before its file is closed: Parquet files, read as they are sent.

    Attributes:
        folder: where they are, until the list has been delivered.
        channels: of the list; `<channel>.parquet` has the rows of `sends.outbox`, most important first.
        loaded_files: names of the files in landing that the list's decisions know already.
        as_of: the moment of those decisions.
    """

    folder: Path
    channels: tuple[str, ...]
    loaded_files: frozenset[str]
    as_of: datetime

    @property
    def count(self) -> int:
        """Messages on the list."""
        files = (pq.ParquetFile(self.folder / f"{channel}.parquet") for channel in self.channels)
        return sum(file.metadata.num_rows for file in files)

    def messages(self) -> dict[str, Iterator[Message]]:
        """The list by channel, a portion at a time."""
        return {channel: map(Message.from_row, self.rows(channel)) for channel in self.channels}

    def rows(self, name: str) -> Iterator[Mapping[str, Any]]:
        """Rows of one of the files; `suppressions` and `consents` are those of the people on the list."""
        for batch in pq.ParquetFile(self.folder / f"{name}.parquet").iter_batches(BATCH_ROWS):
            yield from batch.to_pylist()

    def close(self) -> None:
        """Remove the files: they hold addresses."""
        shutil.rmtree(self.folder, ignore_errors=True)


def read_due(
    settings: Settings,
    warehouse: Warehouse,
    as_of: datetime,
    channel: str | None = None,
    *,
    is_hot: bool = False,
) -> Due:
    """Read the messages that are due, on one channel or all, and what their last look needs.

    Of a hot lane's turn only those that have just been decided, and of each channel a few hundred at most.

    Only what the last judgement saw, and nothing when it held the list: a step that somebody starts by hand
    in Dagster cannot send past it.
    """
    _remove_forgotten(settings.home)
    folder = Path(mkdtemp(prefix=SPOOL, dir=settings.home))
    warehouse.execute(DUE)
    listed = warehouse.query("select distinct channel from due order by channel")["channel"].to_pylist()
    channels = tuple(name for name in listed if channel in (None, name))
    for name in channels:
        only = JUST_DECIDED if is_hot else ""
        warehouse.export(JUDGED.format(channel=name, only=only), folder / f"{name}.parquet")
    warehouse.export(SUPPRESSIONS, folder / "suppressions.parquet")
    warehouse.export(CONSENTS, folder / "consents.parquet")
    landing = settings.open_landing()
    return Due(folder, channels, known_files(warehouse, landing), as_of)


def deliver_due(
    settings: Settings, due: Due, now: datetime | None, progress: Progress | None = None
) -> DeliveryResult:
    """Hand due messages to their vendors, once each, after a last look at what has landed meanwhile.

    Args:
        settings: the installation.
        due: the list and what its last look needs; closed afterwards.
        now: naive UTC moment at which time stands still (a replay); none lets the clock run.
        progress: called with ("deliver", messages dealt with, messages in all).

    Raises:
        ProvidersError: `providers.yml` cannot be used, or credentials are missing.
        FenceError: the installation looks like a copy; nothing was sent.
    """
    landing = settings.open_landing()
    with closing(due), closing(open_store(settings.store_url)) as store:
        providers, senders = open_providers(settings)
        sync_suppressions(store, due.rows("suppressions"), due.as_of)
        sync_consents(store, due.rows("consents"), due.as_of)
        moment = now or utc_now()
        with fenced(store, settings.fence_path, moment) if reaches_people(senders) else nullcontext():
            result = deliver(
                store,
                landing,
                due.messages(),
                senders,
                open_renderer(settings.secret, settings.public_url),
                now,
                _counted(progress, due.count),
                refresh=partial(take_fresh_facts, store, landing, due.loaded_files, live_signals(settings)),
                policies=providers.policies(settings.mail_from),
            )
        write_feedback(store, landing, moment)
        tell_news(settings, store, moment)
        return result


def preview_due(settings: Settings, due: Due, now: datetime) -> list[Share]:
    """What a run would do with the list at a moment; the store takes in the last look's facts, and no claim.

    Raises:
        ProvidersError: as in `deliver_due`.
    """
    landing = settings.open_landing()
    with closing(due), closing(open_to_read(settings.store_url)) as store:
        providers, senders = open_providers(settings)
        try:
            sync_suppressions(store, due.rows("suppressions"), due.as_of)
            sync_consents(store, due.rows("consents"), due.as_of)
            take_fresh_facts(store, landing, due.loaded_files, live_signals(settings))
            return preview(store, due.messages(), senders, providers.policies(settings.mail_from), now)
        finally:
            close_senders(senders)


def _remove_forgotten(home: Path) -> None:
    """Lists that a killed run left behind."""
    for folder in home.glob(f"{SPOOL}*"):
        if time.time() - folder.stat().st_mtime > FORGOTTEN_AFTER_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


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
