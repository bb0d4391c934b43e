"""The transactional store: what must be decided in milliseconds and exactly once.

SQLite by default, PostgreSQL by URL, the same SQL for both. The ledger's rules are in `delivery/ledger.py`;
here are the engine, the migrations and the hot copies of suppressions and consents.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy.dialects import postgresql, sqlite

from connectors import tables
from connectors.errors import StoreError

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0007"
BUSY_SECONDS = 30
ROWS_PER_STATEMENT = 500
ROWS_PER_TRANSACTION = 5_000
"""Of a feed; others may write in between."""
UNSUBSCRIBED = "unsubscribed"
CAN_BE_LIFTED = ("stop", "invalid_token")
"""Suppressions that a later word takes back (START, a new registration); of these the latest word counts."""
DURABLE = ("journal_mode = wal", "synchronous = full", "foreign_keys = on")
ROOMY = ("cache_size = -65536", "wal_autocheckpoint = 8000", "temp_store = memory")
"""64 MB of pages stay in memory and the log is folded in every 32 MB: ids are hashes and fall everywhere."""
NEVER = datetime(1970, 1, 1)
NAME_A_STORE = "MILLRACE_STORE: write sqlite:////a/file or postgresql+psycopg://user:password@host/database"
READS_ONLY = "millrace_reads_only"


class Store:
    """An open store; every block of work is one transaction that nobody else writes into."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._open = threading.local()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A write transaction: all of it is durable at the end of the block, or nothing.

        A block inside another of the same thread is part of it: so several steps share one commit.
        """
        outer: sa.Connection | None = getattr(self._open, "connection", None)
        if outer is not None:
            yield outer
            return
        with self.engine.begin() as connection:
            self._open.connection = connection
            try:
                yield connection
            finally:
                self._open.connection = None

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent look that waits for no writer and keeps none waiting."""
        with self.engine.connect() as connection:
            yield connection.execution_options(**{READS_ONLY: True})

    def synced_at(self, feed: str) -> datetime | None:
        """When the hot copy of `suppressions` or `consents` was last brought up to the warehouse."""
        with self.transaction() as connection:
            return read_synced_at(connection, feed)

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def open_store(url: str) -> Store:
    """Open the store at a SQLAlchemy URL; creates what is missing and brings an older one up to date.

    Raises:
        StoreError: the URL is none, or of a database that is not supported.
    """
    engine = _engine(url)
    if is_sqlite(engine.url) and engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    migrate(engine)
    return Store(engine)


def open_to_read(url: str) -> Store:
    """The store, for who only looks: one that is not there yet reads as empty, and none is made."""
    return open_store(url if is_there(url) else "sqlite://")


def is_there(url: str) -> bool:
    """Whether the store has been made; a server's is taken to be."""
    parsed = _engine(url).url
    return not is_sqlite(parsed) or Path(parsed.database or "").is_file()


def _engine(url: str) -> sa.Engine:
    """Connects to nothing yet."""
    try:
        parsed = sa.engine.make_url(url)
        timeout = {"connect_args": {"timeout": BUSY_SECONDS}} if is_sqlite(parsed) else {}
        # hidden: addresses, in the errors of a disk that is full
        engine = sa.create_engine(parsed, hide_parameters=True, **timeout)
    except ModuleNotFoundError as error:
        raise StoreError(
            f"{error.name} is not installed, see the extra `postgres`. {NAME_A_STORE}"
        ) from error
    except (sa.exc.ArgumentError, ValueError) as error:
        raise StoreError(NAME_A_STORE) from error
    if engine.dialect.name not in {"sqlite", "postgresql"}:
        raise StoreError(NAME_A_STORE)
    if is_sqlite(parsed):
        sa.event.listen(engine, "connect", _configure_sqlite)
        sa.event.listen(engine, "begin", _begin_immediate)
    return engine


def is_sqlite(url: sa.URL) -> bool:
    """Whether the store is a file of our own."""
    return url.get_backend_name() == "sqlite"


def migrate(engine: sa.Engine) -> None:
    """Bring the tables to this version, in one transaction, once, however many processes start together."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("select pg_advisory_xact_lock(7074655)"))
        if MigrationContext.configure(connection).get_current_revision() == HEAD:
            return
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """Durable at commit (WAL alone loses the last commits in a power cut); transactions begin when we say."""
    connection.isolation_level = None
    for pragma in (*DURABLE, *ROOMY):
        connection.execute(f"pragma {pragma}")


def _begin_immediate(connection: sa.Connection) -> None:
    """Take the write lock at the start: claims never interleave, and none fails half-way with 'locked'."""
    reads_only = connection.get_execution_options().get(READS_ONLY)
    connection.exec_driver_sql("begin" if reads_only else "begin immediate")


def insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that knows `on conflict`, in the dialect of the connection."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def read_synced_at(connection: sa.Connection, feed: str) -> datetime | None:
    """As `Store.synced_at`, inside a transaction that is already open."""
    found: datetime | None = connection.scalar(
        sa.select(tables.feeds.c.synced_at).where(tables.feeds.c.feed == feed)
    )
    return found


def sync_suppressions(store: Store, rows: Iterable[Mapping[str, Any]], as_of: datetime) -> None:
    """Take in suppressions from the warehouse (channel, address, reason, since); say that they are fresh.

    An unsubscription is left out: it can be taken back, so the consents decide about it.
    """
    wanted = (
        suppression(row["channel"], row["address"], row["reason"], row["since"])
        for row in rows
        if row["reason"] != UNSUBSCRIBED
    )
    for portion in batches(wanted, ROWS_PER_TRANSACTION):
        with store.transaction() as connection:
            add_suppressions(connection, portion)
    with store.transaction() as connection:
        _mark_synced(connection, "suppressions", as_of)


def sync_consents(store: Store, rows: Iterable[Mapping[str, Any]], as_of: datetime) -> None:
    """Take in consents from the warehouse (profile_id, channel, purpose, status, since); the latest holds.

    It is enough to pass the consents of the people on the outbox, as long as it happens at every run.
    """
    columns = ("profile_id", "channel", "purpose", "status", "since")
    wanted = ({column: row[column] for column in columns} for row in rows)
    for portion in batches(wanted, ROWS_PER_TRANSACTION):
        with store.transaction() as connection:
            statement = insert(connection, tables.consents)
            statement = statement.on_conflict_do_update(
                index_elements=["profile_id", "channel", "purpose"],
                set_={"status": statement.excluded.status, "since": statement.excluded.since},
                where=statement.excluded.since >= tables.consents.c.since,
            )
            connection.execute(statement, portion)
    with store.transaction() as connection:
        _mark_synced(connection, "consents", as_of)


def suppression(channel: str, address: str, reason: str, since: datetime) -> dict[str, Any]:
    """A row for `add_suppressions`."""
    return {"channel": channel, "address": normal_address(address), "reason": reason, "since": since}


def add_suppressions(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Suppress addresses (channel, normal address, reason, since), in whatever order the news arrive.

    One that already is, for the same reason, keeps its date, unless the reason can be lifted: then the latest
    word counts. A push token that is closed is revoked in `device_tokens` too.
    """
    statement = insert(connection, tables.suppressions)
    statement = statement.on_conflict_do_update(
        index_elements=["channel", "address", "reason"],
        set_={"since": statement.excluded.since},
        where=sa.and_(
            # Not `in_`: it cannot be used with many rows.
            sa.or_(*(tables.suppressions.c.reason == reason for reason in CAN_BE_LIFTED)),
            statement.excluded.since > tables.suppressions.c.since,
        ),
    )
    for batch in batches(rows):
        connection.execute(statement, batch)
    for row in (row for row in rows if row["channel"] == "push"):
        connection.execute(
            sa.update(tables.device_tokens)
            .where(sa.func.lower(tables.device_tokens.c.token) == row["address"])
            .where(tables.device_tokens.c.since <= row["since"])
            .values(status=row["reason"], since=row["since"])
        )


def lift_suppression(
    connection: sa.Connection, channel: str, address: str, reason: str, lifted_at: datetime
) -> None:
    """Take a suppression back as of a moment; one that was said again after it stays."""
    statement = insert(connection, tables.suppressions)
    known = tables.suppressions.c.lifted_at
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["channel", "address", "reason"],
            set_={"lifted_at": statement.excluded.lifted_at},
            where=sa.or_(known.is_(None), known < statement.excluded.lifted_at),
        ),
        suppression(channel, address, reason, NEVER) | {"lifted_at": lifted_at},
    )


def register_tokens(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Push tokens that an app has registered (token, platform, since): active, whatever was said before."""
    statement = insert(connection, tables.device_tokens)
    statement = statement.on_conflict_do_update(
        index_elements=["token"],
        set_={
            "platform": statement.excluded.platform,
            "status": "active",
            "since": statement.excluded.since,
        },
        where=statement.excluded.since > tables.device_tokens.c.since,
    )
    for row in rows:
        connection.execute(statement, {**row, "status": "active"})
        lift_suppression(connection, "push", row["token"], "invalid_token", row["since"])


def is_in_force() -> sa.ColumnElement[bool]:
    """The suppressions that hold: never lifted, or said again since."""
    closed = tables.suppressions.c
    return sa.or_(closed.lifted_at.is_(None), closed.since >= closed.lifted_at)


def _mark_synced(connection: sa.Connection, feed: str, as_of: datetime) -> None:
    statement = insert(connection, tables.feeds)
    statement = statement.on_conflict_do_update(
        index_elements=["feed"], set_={"synced_at": statement.excluded.synced_at}
    )
    connection.execute(statement, {"feed": feed, "synced_at": as_of})


def normal_address(address: str) -> str:
    """The form in which addresses are compared: trimmed, lower case."""
    return address.strip().lower()


def forget_files(connection: sa.Connection, notes: sa.Table, gone: Iterable[str]) -> None:
    """Drop notes about landing files that are in the archive: nobody looks there for news."""
    statement = sa.delete(notes).where(notes.c.file == sa.bindparam("gone"))
    for portion in batches({"gone": name} for name in gone):
        connection.execute(statement, portion)


def batches(
    rows: Iterable[Mapping[str, Any]], size: int = ROWS_PER_STATEMENT
) -> Iterator[list[Mapping[str, Any]]]:
    """The rows in portions that one statement or transaction may carry, holding no more than one."""
    iterator = iter(rows)
    while portion := list(islice(iterator, size)):
        yield portion
