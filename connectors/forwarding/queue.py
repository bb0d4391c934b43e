"""The queue of forwarded events: filled from landing, file by file, exactly once; emptied as they are taken.

A file's events and the note that it has been looked through are one transaction, so a process that dies
loses nothing and queues nothing twice. An event that landed twice is one entry.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from connectors.delivery.settling import GIVE_UP_AFTER, backoff
from connectors.events.files import EventFiles
from connectors.forwarding.registry import Webhook
from connectors.landing import Landing, LandingFile
from connectors.store import Store, batches, forget_files, insert
from connectors.tables import forwarded_files, forwards

HEADER_SAFE = re.compile(r"[A-Za-z0-9_.:@/+=-]{1,128}")
KEPT_FOR = timedelta(days=8)
"""A delivered event is remembered so that the same event, landing again, is not told again."""
FIRST_WAIT_SECONDS = 1.0
QUICK_ATTEMPTS = 6
"""A system that restarts is back within a minute: so many attempts come 1, 2, 4 … seconds apart."""
LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Entry:
    """One event that a webhook is to be told, and how often that was tried."""

    number: int
    event_id: str
    body: str
    queued_at: datetime
    attempt_count: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """How a webhook does: entries that wait, since when the oldest does, entries that were given up."""

    webhook: str
    waiting: int
    oldest: datetime | None
    delivered: int
    dead: int


def enqueue_landed(
    store: Store, landing: Landing, webhooks: Iterable[Webhook], seen: dict[str, str], now: datetime
) -> int:
    """Queue the events of landing files that nobody has looked through.

    At the very first call everything that has landed counts as known: webhooks are told news, not history.
    For the same reason an event that is older than a day is never queued.

    Args:
        store: holds the queue.
        landing: where the files are.
        webhooks: who is told what.
        seen: fingerprints by file of what this process knows; brought up to date here.
        now: naive UTC.

    Returns:
        the number of entries that the new files hold, known ones included.
    """
    listed = landing.files()
    if not seen:
        with store.transaction() as connection:
            seen |= {row.file: row.fingerprint for row in connection.execute(sa.select(forwarded_files))}
            if not seen:
                seen[""] = ""
                _note(connection, [{"file": "", "fingerprint": ""}, *map(_as_row, listed)])
                seen |= {file.name: file.fingerprint for file in listed}
    gone = seen.keys() - {"", *(file.name for file in listed)}
    if gone:
        with store.transaction() as connection:
            forget_files(connection, forwarded_files, gone)
        for name in gone:
            del seen[name]
    reader, count = EventFiles(), 0
    for file in listed:
        if seen.get(file.name) != file.fingerprint:
            try:
                count += _enqueue_file(store, landing, file, reader, list(webhooks), now)
            except FileNotFoundError:  # archived this very moment: more than a day old
                continue
            seen[file.name] = file.fingerprint
    return count


def due(store: Store, webhook: str, now: datetime, limit: int) -> list[Entry]:
    """What a webhook is to be told now, in the order of arrival; nothing while it is away."""
    queue = forwards.c
    mine = sa.and_(queue.webhook == webhook, queue.state == "waiting")
    with store.reading() as connection:
        if connection.execute(
            sa.select(queue.number).where(mine, queue.is_away, queue.next_attempt_at > now).limit(1)
        ).first():
            return []
        rows = connection.execute(
            sa.select(queue.number, queue.event_id, queue.body, queue.queued_at, queue.attempt_count)
            .where(mine, queue.next_attempt_at <= now)
            .order_by(queue.number)
            .limit(limit)
        ).mappings()
        return [Entry(**row) for row in rows]


def settle_delivered(store: Store, number: int, now: datetime) -> None:
    """It was taken; its content is forgotten."""
    _settle(store, number, state="delivered", body="", reason=None, settled_at=now)


def settle_failed(
    store: Store,
    entry: Entry,
    now: datetime,
    *,
    reason: str,
    is_away: bool = False,
    asked_seconds: float | None = None,
) -> timedelta | None:
    """It was not taken, or nobody knows: again after a pause that grows, for a day; then it is dead.

    Args:
        store: holds the queue.
        entry: what was tried.
        now: naive UTC.
        reason: in a word or two, without an address.
        is_away: the system takes nothing at all, so the pause stays short enough to notice when it is back.
        asked_seconds: the pause that it asks for.

    Returns:
        the pause, none when it is dead.
    """
    if now - entry.queued_at >= GIVE_UP_AFTER:
        _settle(store, entry.number, state="dead", reason=reason, settled_at=now)
        return None
    attempts = entry.attempt_count + 1
    wait = timedelta(seconds=FIRST_WAIT_SECONDS * 2 ** min(attempts - 1, QUICK_ATTEMPTS))
    if attempts > QUICK_ATTEMPTS:
        wait = backoff(entry.event_id, attempts - QUICK_ATTEMPTS)
    if is_away:
        wait = min(wait, LONGEST_PAUSE)
    wait = max(wait, timedelta(seconds=asked_seconds or 0))
    again = {"attempt_count": attempts, "next_attempt_at": now + wait, "is_away": is_away}
    _settle(store, entry.number, reason=reason, **again)
    return wait


def replay(store: Store, webhook: str, now: datetime) -> int:
    """Give a webhook's dead entries another day; their number."""
    queue = forwards.c
    with store.transaction() as connection:
        return connection.execute(
            sa.update(forwards)
            .where(queue.webhook == webhook, queue.state == "dead")
            .values(state="waiting", queued_at=now, next_attempt_at=now, attempt_count=0, settled_at=None)
        ).rowcount


def backlogs(store: Store) -> list[Backlog]:
    """How each webhook does that was ever told something, by name."""
    queue = forwards.c
    waiting = queue.state == "waiting"
    with store.reading() as connection:
        rows = connection.execute(
            sa.select(
                queue.webhook,
                sa.func.count().filter(waiting).label("waiting"),
                sa.func.min(queue.queued_at).filter(waiting).label("oldest"),
                sa.func.count().filter(queue.state == "delivered").label("delivered"),
                sa.func.count().filter(queue.state == "dead").label("dead"),
            )
            .group_by(queue.webhook)
            .order_by(queue.webhook)
        ).mappings()
        return [Backlog(**row) for row in rows]


def forget(store: Store, now: datetime) -> None:
    """Drop what was delivered long ago; what is dead stays until somebody replays it."""
    queue = forwards.c
    with store.transaction() as connection:
        connection.execute(
            sa.delete(forwards).where(queue.state == "delivered", queue.settled_at < now - KEPT_FOR)
        )


def _enqueue_file(
    store: Store,
    landing: Landing,
    file: LandingFile,
    reader: EventFiles,
    webhooks: Sequence[Webhook],
    now: datetime,
) -> int:
    with landing.read(file.name) as stream:
        rows = [
            row
            for batch in reader.read(file.name, stream)
            for event in batch.events.to_pylist()
            for row in _rows(event, webhooks, now)
        ]
    with store.transaction() as connection:
        statement = insert(connection, forwards)
        for portion in batches(rows):
            connection.execute(
                statement.on_conflict_do_nothing(index_elements=["webhook", "event_id"]), portion
            )
        _note(connection, [_as_row(file)])
    return len(rows)


def _rows(event: Mapping[str, Any], webhooks: Sequence[Webhook], now: datetime) -> Iterator[dict[str, Any]]:
    wanted = [webhook for webhook in webhooks if webhook.wants(event["event_name"])]
    if not wanted or event["received_at"] < now - GIVE_UP_AFTER:
        return
    body, event_id = as_body(event), event["event_id"]
    if not HEADER_SAFE.fullmatch(event_id):
        event_id = hashlib.sha256(event_id.encode(errors="replace")).hexdigest()
    about = {"event_id": event_id, "body": body, "state": "waiting", "attempt_count": 0, "is_away": False}
    for webhook in wanted:
        yield about | {"webhook": webhook.name, "queued_at": now, "next_attempt_at": now}


def as_body(event: Mapping[str, Any]) -> str:
    """An event as Standard Webhooks would have it: type, time, and as `data` the event in Segment's words."""
    bags = {bag: json.loads(event[bag]) for bag in ("properties", "traits", "context")}
    data = {
        "messageId": event["event_id"],
        "type": event["event_type"],
        "userId": event["user_id"],
        "anonymousId": event["anonymous_id"],
        "receivedAt": f"{event['received_at'].isoformat()}Z",
        "source": event["source"],
        **{bag: value for bag, value in bags.items() if value},
    }
    whole = {
        "type": event["event_name"],
        "timestamp": f"{event['occurred_at'].isoformat()}Z",
        "data": {name: value for name, value in data.items() if value is not None},
    }
    return json.dumps(whole, separators=(",", ":"))


def _settle(store: Store, number: int, **values: Any) -> None:  # noqa: ANN401  (columns)
    with store.transaction() as connection:
        connection.execute(sa.update(forwards).where(forwards.c.number == number).values(**values))


def _note(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    for portion in batches(rows):
        statement = insert(connection, forwarded_files)
        statement = statement.on_conflict_do_update(
            index_elements=["file"], set_={"fingerprint": statement.excluded.fingerprint}
        )
        connection.execute(statement, portion)


def _as_row(file: LandingFile) -> dict[str, str]:
    return {"file": file.name, "fingerprint": file.fingerprint}
