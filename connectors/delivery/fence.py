"""The clone fence: a restored or copied installation sends nothing until a person says that it may.

A copy has the same messages on its outbox and would send them again. So ledger and home folder recognize each
other: the folder holds a file with a token that is exchanged before and after every run, and the ledger
remembers that token, which file it was in (the moments of its birth and last change: a copy has others), and
which database the ledger itself was (a restored or cloned PostgreSQL is another).

    seen as                                         what has happened
    the file is another one                         the home folder was copied or restored
    the tokens differ                               ledger or home are from a backup, or were in use twice
    the ledger does not know the home               an emptied or foreign ledger, or a second home
    the ledger is another database                  PostgreSQL was restored, cloned or moved

What it cannot see: a whole disk that was copied block by block, or a virtual machine set back as a whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import sqlalchemy as sa

from connectors.delivery.birth import birth
from connectors.errors import StopSync
from connectors.store import Store
from connectors.tables import fences

AUTOMATIC = "first run"


class FenceError(StopSync):
    """This installation looks like a copy: a person must say that it is the one that sends."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the installation may send, and why not."""

    state: Literal["new", "armed", "closed"]
    reason: str = ""


@contextmanager
def fenced(store: Store, path: Path, now: datetime) -> Iterator[None]:
    """Send inside; the token is exchanged on the way in and on the way out.

    Args:
        store: the ledger.
        path: the file in the home folder.
        now: naive UTC.

    Raises:
        FenceError: the installation is a copy, or cannot prove that it is none.
    """
    verdict = look(store, path)
    if verdict.state == "closed":
        raise FenceError(
            f"nothing is sent: {verdict.reason}. A copy would send everything again. If this installation is "
            "the one that sends, and no other does: `millrace fence arm --by NAME`"
        )
    if verdict.state == "new":
        arm(store, path, now, AUTOMATIC)
    _exchange(store, path)
    try:
        yield
    finally:
        _exchange(store, path)


def look(store: Store, path: Path) -> Verdict:
    """Compare ledger and file, changing nothing; both as they are at one moment."""
    with store.transaction() as connection:
        rows = connection.execute(sa.select(fences).with_for_update()).mappings().all()
        home = _read(path)
        if home is None and not rows:
            return Verdict("new")
        objection = _objection(connection, rows, home, path)
        return Verdict("closed", objection) if objection else Verdict("armed")


def arm(store: Store, path: Path, now: datetime, by: str) -> None:
    """A person's word that this installation sends, and no copy of it does."""
    home = {"home_id": uuid4().hex, "token": uuid4().hex}
    with store.transaction() as connection:
        earlier = _read(path)
        if earlier:
            connection.execute(sa.delete(fences).where(fences.c.home_id == earlier["home_id"]))
        path.unlink(missing_ok=True)
        _write(path, home)
        connection.execute(
            sa.insert(fences),
            {
                **home,
                "file_mark": _file_mark(path),
                "store_mark": _store_mark(connection),
                "armed_by": by,
                "armed_at": now,
            },
        )


def _objection(
    connection: sa.Connection,
    rows: Sequence[Mapping[Any, Any]],
    home: Mapping[str, str] | None,
    path: Path,
) -> str | None:
    """Why ledger and home do not belong together; none when they do."""
    if home is None:
        return "the ledger belongs to another home folder, or this one lost its fence file"
    row = next((row for row in rows if row["home_id"] == home["home_id"]), None)
    if row is None:
        return "the ledger does not know this home folder: it is empty or another one"
    is_settled = home["token"] == row["token"]
    if row["store_mark"] != _store_mark(connection):
        return "the ledger is in another database than before: restored, cloned or moved"
    if not is_settled and home["token"] != row["next_token"]:
        return "ledger and home folder are not of the same moment: one is from a backup"
    if not _is_same(row["file_mark"], _file_mark(path), with_change=is_settled):
        return "the home folder is a copy or was restored"
    return None


def _exchange(store: Store, path: Path) -> None:
    """A new token, in two steps, so that a process that dies between them leaves a pair that matches.

    Senders of one home that run at the same time take turns: the ledger's row is locked. A token that a dead
    process has announced is used up first, for the file may hold it already.
    """
    home = _read(path)
    if home is None:  # somebody removed the file during the run; the next one will say so
        return
    mine = fences.c.home_id == home["home_id"]
    with store.transaction() as connection:
        announced = sa.func.coalesce(fences.c.next_token, uuid4().hex)
        connection.execute(sa.update(fences).where(mine).values(next_token=announced))
    with store.transaction() as connection:
        token = connection.scalar(sa.select(fences.c.next_token).where(mine).with_for_update())
        if token is None:  # another sender of this home has finished the exchange
            return
        _write(path, {"home_id": home["home_id"], "token": token})
        connection.execute(
            sa.update(fences).where(mine).values(token=token, next_token=None, file_mark=_file_mark(path))
        )


def _read(path: Path) -> dict[str, str] | None:
    """What the file says; none when there is none, or when it is not one of ours."""
    try:
        home = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return home if isinstance(home, dict) and home.keys() >= {"home_id", "token"} else None


def _write(path: Path, home: dict[str, str]) -> None:
    """In place, in one piece of always the same length: the file stays the one that the ledger knows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.pwrite(descriptor, f"{json.dumps(home)}\n".encode(), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _file_mark(path: Path) -> str:
    return f"{birth(path)}, changed {path.stat().st_mtime_ns}"


def _is_same(known: str, seen: str, *, with_change: bool) -> bool:
    """A process that died while it wrote left the change unrecorded, so then only the birth counts."""
    return known == seen if with_change else known.partition(",")[0] == seen.partition(",")[0]


def _store_mark(connection: sa.Connection) -> str:
    """Which database the ledger is in. A file needs no mark: it lies in the home folder."""
    if connection.dialect.name != "postgresql":
        return "file"
    url = connection.engine.url
    database = connection.scalar(sa.text("select oid from pg_database where datname = current_database()"))
    cluster = connection.scalar(sa.text("select system_identifier from pg_control_system()"))
    return f"{url.host}:{url.port}/{url.database} {cluster}/{database}"
