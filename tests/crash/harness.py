"""Runs over stores and providers until enough senders were killed."""

import contextlib
import random
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from uuid import uuid4

import psycopg

from connectors import tables
from connectors.store import open_store
from tests.connectors.postgres import create_database, start_postgres
from tests.crash.campaign import Campaign, Kills
from tests.crash.history import keep_history
from tests.crash.life import Life
from tests.crash.nursery import open_nursery
from tests.crash.provider import open_far_ends
from tests.crash.verdict import Verdict

STORES = ("sqlite", "postgresql")
PROVIDERS = {"smtp": ("smtp",), "http": ("http",), "failover": ("http", "smtp")}
KILLS_PER_RUN = 30


@dataclass
class Findings:
    """Verdicts and kills by (store, provider), and the seconds that all took."""

    verdicts: dict = field(default_factory=dict)
    kills: dict = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def is_clean(self):
        return all(verdict.is_clean for verdict in self.verdicts.values())

    @property
    def all_kills(self):
        """Over all stores and providers."""
        whole = Kills()
        for kills in self.kills.values():
            whole.by_point += kills.by_point
            whole.at_random += kills.at_random
            whole.ends += kills.ends
        return whole


class Stores:
    """Empty ledgers: a new file, or a database that is emptied.

    Args:
        folder: for the files.
        postgres_url: of a server; none when it is not wanted.
    """

    def __init__(self, folder, postgres_url=None):
        self._template = folder / "template.sqlite"
        _prepare(f"sqlite:///{self._template}")
        self._postgres = postgres_url and create_database(postgres_url, f"crash_{uuid4().hex[:8]}")
        if self._postgres:
            _prepare(self._postgres)

    def empty(self, kind, run, folder):
        """The URL of an empty, migrated ledger."""
        if kind == "sqlite":
            path = folder / f"{run}.sqlite"
            shutil.copyfile(self._template, path)
            return f"sqlite:///{path}"
        names = ", ".join(["history", *(table.name for table in tables.metadata.sorted_tables)])
        with psycopg.connect(self._postgres.replace("+psycopg", "")) as connection:
            connection.execute(f"truncate {names}")
        return self._postgres


def _prepare(url):
    with contextlib.closing(open_store(url)) as store:
        keep_history(store.engine)


class Harness:
    """Campaigns on any store and provider, one after the other.

    Args:
        folder: for ledgers, landing and the book.
        stores: gives empty ledgers.
        seed: of all dice.
        mutant: what is broken on purpose in every sender.
        evidence: where runs that went wrong leave everything; without one it goes with the folder.
    """

    def __init__(self, folder, stores, nursery, far_ends, seed, mutant=None, evidence=None):
        self._folder, self._stores, self._nursery, self._far_ends = folder, stores, nursery, far_ends
        self._dice = random.Random(seed)
        self._mutant, self._evidence = mutant, evidence or folder / "evidence"
        self.is_stopped = False

    @contextlib.contextmanager
    def campaign(self, store, provider, kills, *, folder=None, **options):
        """One list on an empty ledger, in a folder of its own if need be; options are those of its lives."""
        run = uuid4().hex[:10]
        base = Life(
            role="sender",
            run=run,
            store_url=self._stores.empty(store, run, folder or self._folder),
            landing=str((folder or self._folder) / run),
            ends={wire: self._far_ends.urls[wire] for wire in PROVIDERS[provider]},
            mutant=self._mutant,
            **{"size": 0} | options,
        )
        with contextlib.closing(open_store(base.store_url)) as ledger:
            ends = self._nursery, self._far_ends
            yield Campaign(*ends, ledger, base, kills, self._dice, self._evidence)


def search(
    harness,
    places,
    kills_wanted,
    progress=lambda _kills, _findings: None,
    *,
    stop_at_fault=None,
    kills_per_run=KILLS_PER_RUN,
):
    """Campaigns in turn over all (store, provider) until so many kills are reached; what was found.

    `stop_at_fault` names a kind of fault (twice, lost, untrue, faults for any): the first of it is enough.
    """
    findings, began = Findings(), time.monotonic()
    findings.verdicts = {place: Verdict() for place in places}
    findings.kills = {place: Kills() for place in places}
    for place in cycle(places):
        before = findings.kills[place].total
        most = min(kills_per_run, kills_wanted - findings.all_kills.total)
        is_warming_up = before // kills_per_run % 3 == 1  # every third run
        with harness.campaign(*place, findings.kills[place], is_warming_up=is_warming_up) as campaign:
            findings.verdicts[place] += campaign.run(most)
        progress(findings.kills[place].total - before, findings)
        is_over = findings.all_kills.total >= kills_wanted or harness.is_stopped
        if is_over or (stop_at_fault and getattr(findings.verdicts[place], stop_at_fault)):
            break
    findings.seconds = time.monotonic() - began
    return findings


@contextlib.contextmanager
def quick_folder():
    """A temporary folder, in memory where there is such a place.

    What a killed process has written stays with the kernel, so memory is as good as a disk here, and no run waits
    for one. A power cut is another matter: `synchronous = full` and PostgreSQL's own promise.
    """
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(
        prefix="millrace-crash-", dir=memory if memory.is_dir() else None
    ) as folder:
        yield Path(folder)


@contextlib.contextmanager
def open_harness(folder, seed, *, mutant=None, postgres_url=None, evidence=None):
    """A harness with its nursery and providers; `postgres_url` of a server, where runs on it are wanted."""
    with open_far_ends(folder / "book", seed) as far_ends, open_nursery() as nursery:
        yield Harness(folder, Stores(folder, postgres_url), nursery, far_ends, seed, mutant, evidence)


@contextlib.contextmanager
def maybe_postgres(folder, stores):
    """The URL of a server when one of the stores needs it."""
    if "postgresql" not in stores:
        yield None
        return
    with start_postgres(folder / "postgres") as url:
        yield url
