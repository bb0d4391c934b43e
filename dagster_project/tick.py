"""One tick: landed files become events, profiles, decisions and a send list; messages leave; readers see it.

Each stage is a plain function, so that the command line, the demo and Dagster run the same code.
The warehouse file is closed while messages leave: a slow provider never keeps the next run waiting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from dagster_project import delivery, runs
from dagster_project.checks import ListFacts, Verdict, judge, look
from dagster_project.dbt_runner import DbtProject, NodeResult
from dagster_project.flows.compile import load_flows, write_flows
from dagster_project.loader import LoadResult, archive_old, load_landing
from dagster_project.measurement.allocation import settle
from dagster_project.segments import load_segments
from dagster_project.warehouse import Warehouse, ensure_raw_tables, open_warehouse

if TYPE_CHECKING:
    from connectors.delivery import DeliveryResult
    from dagster_project.settings import Settings

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total) while something long is under way."""

LONGEST_PAUSE = timedelta(days=30)
"""After a longer one, a run reads all of the past again: the dbt macro `and_on_ticks` counts on it."""

Counted = Callable[[int, int], None]
"""Called with (done, total) by the work inside one stage."""


@dataclass(frozen=True)
class TickResult:
    """What one tick did.

    Attributes:
        as_of: the UTC moment that was computed.
        loaded: files, records and rejects taken from landing.
        nodes: what each dbt node did.
        facts: the list that was due.
        verdicts: what the circuit breakers said of it.
        delivery: outcomes of delivery; none when nothing was to be delivered or the list is blocked.
        seconds: wall-clock seconds by stage.
    """

    as_of: datetime
    loaded: LoadResult
    nodes: tuple[NodeResult, ...]
    facts: ListFacts
    verdicts: tuple[Verdict, ...]
    delivery: DeliveryResult | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def is_blocked(self) -> bool:
        """Whether a circuit breaker stopped the list."""
        return any(verdict.blocks for verdict in self.verdicts)


def tick(
    settings: Settings,
    as_of: datetime,
    *,
    deliver: bool = True,
    live: bool = False,
    is_hot: bool = False,
    progress: Progress | None = None,
) -> TickResult:
    """Bring an installation to a UTC moment.

    Args:
        settings: the installation.
        as_of: naive UTC moment, not before the last tick's.
        deliver: hand due messages to the providers; without, the list is only decided.
        live: the clock runs during delivery; otherwise it stands at `as_of`, so that a replay is exact.
        is_hot: somebody waits: deliver only what has just been decided; leave the rest to the hourly run.
        progress: called with (stage, done, total).

    Raises:
        TimeRunsForwardError: when `as_of` lies before the last tick.
        DbtError: when a model fails; nothing is delivered then.
    """
    watch = Stopwatch(progress)
    with open_warehouse(settings) as warehouse:
        with watch("load"):
            loaded = ingest(settings, warehouse, as_of, watch.within("load"))
        with watch("transform"):
            nodes = transform(settings, warehouse, as_of, watch.within("transform"))
        with watch("check"):
            facts, verdicts = check(warehouse, as_of)
            goes = deliver and not any(verdict.blocks for verdict in verdicts)
            due = delivery.read_due(settings, warehouse, as_of, is_hot=is_hot) if goes else None
    outcome = None
    if due:
        with watch("deliver"):
            outcome = delivery.deliver_due(settings, due, None if live else as_of, progress)
    with watch("results"):
        take_results(settings)
    if not is_hot:
        with watch("archive"):
            archive(settings)
        with watch("serve"):
            serve(settings)
    return TickResult(as_of, loaded, tuple(nodes), facts, tuple(verdicts), outcome, watch.seconds)


def ingest(
    settings: Settings, warehouse: Warehouse, as_of: datetime, progress: Counted | None = None
) -> LoadResult:
    """Take new landing files and the live flow definitions into `raw_*`.

    Raises:
        TimeRunsForwardError: when `as_of` lies before the last tick.
    """
    ensure_raw_tables(warehouse)
    runs.ensure_run_tables(warehouse)
    runs.no_way_back(warehouse, as_of)
    landing = settings.open_landing()
    loaded = load_landing(warehouse, landing, progress=progress)
    write_flows(warehouse, load_flows(settings), as_of)
    return loaded


def transform(
    settings: Settings, warehouse: Warehouse, as_of: datetime, progress: Counted | None = None
) -> list[NodeResult]:
    """Run what a tick must run; all models and seeds when the project changed since the last tick.

    Before that, splits of flows whose time has come are decided from what the last tick left.

    Raises:
        TimeRunsForwardError: when `as_of` lies before the last tick.
        SegmentError: when the files of a segment have a mistake; asked when the project changed.
        DbtError: when a node fails.
    """
    project = dbt_project(settings)
    started, fingerprint = time.perf_counter(), project.fingerprint()
    runs.no_way_back(warehouse, as_of)
    settle(warehouse, as_of)
    last = runs.last_run(warehouse)
    if last and last.project_fingerprint == fingerprint and last.as_of > as_of - LONGEST_PAUSE:
        nodes = project.tick(as_of, progress)
    else:
        load_segments(settings)
        nodes = [*project.build(as_of, command="seed"), *project.build(as_of, progress=progress)]
    runs.record_run(warehouse, as_of, fingerprint, len(nodes), time.perf_counter() - started)
    return nodes


def check(warehouse: Warehouse, as_of: datetime) -> tuple[ListFacts, list[Verdict]]:
    """Judge the list that is due, and put facts and verdicts on record."""
    facts = look(warehouse, as_of)
    verdicts = judge(warehouse, as_of, facts)
    runs.record_list(warehouse, as_of, facts, verdicts)
    return facts, verdicts


def take_results(settings: Settings) -> LoadResult:
    """Take what delivery wrote to landing back into `raw_events`."""
    with open_warehouse(settings) as warehouse:
        return load_landing(warehouse, settings.open_landing())


def archive(settings: Settings) -> None:
    """Move landing files that everybody has read out of sight, so that a look costs what lately arrived."""
    landing = settings.open_landing()
    archive_old(open_warehouse(settings), landing)


def serve(settings: Settings) -> None:
    """Swap the readers' snapshot: nothing waits for it."""
    with open_warehouse(settings) as warehouse:
        warehouse.snapshot(settings.serving_path)


def last_load_id(warehouse: Warehouse) -> int:
    """The number of the last landing file taken; 0 before the first."""
    table = warehouse.query("select coalesce(max(load_id), 0) as load_id from raw_events.landing_files")
    return int(table["load_id"][0].as_py())


@lru_cache(maxsize=4)
def dbt_project(settings: Settings) -> DbtProject:
    """The parsed dbt project of an installation, kept for the life of the process."""
    return DbtProject(settings)


class Stopwatch:
    """Times stages: `with watch("load"): …` fills `seconds` and tells `progress` where the tick is."""

    def __init__(self, progress: Progress | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    def within(self, stage: str) -> Counted | None:
        """How the work inside a stage reports (done, total); none when nobody listens."""
        return partial(self._progress, stage) if self._progress else None

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time one stage."""
        if self._progress:
            self._progress(stage, 0, 1)
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - started
        if self._progress:
            self._progress(stage, 1, 1)
