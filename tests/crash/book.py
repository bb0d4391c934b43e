"""The provider's book: every message that it took, in a file that outlives everybody."""

import os
import time
from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

COUNTED = ("accepted", "refused")

CONNECTION = ContextVar("CONNECTION", default=0)
"""The client's port: what arrives over one connection was written by one process."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line: when (seconds since 1970), what the provider's clock said (minutes), what happened to a message.

    `word` is accepted or refused, which count, or else tells a story: `arrived:late`, `asked:not shown`.
    """

    at: float
    minutes: float
    word: str
    message_id: str
    wire: str
    connection: int


class Book:
    """Append-only, durable before the provider answers.

    Args:
        path: of the file.
        minutes: what the provider's clock says.
    """

    def __init__(self, path, minutes):
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._minutes = minutes

    def write(self, word, message_ids, wire):
        if not message_ids:
            return
        head = f"{time.time():.6f}\t{self._minutes():.3f}\t{word}"
        lines = (f"{head}\t{message_id}\t{wire}\t{CONNECTION.get()}\n" for message_id in message_ids)
        os.write(self._file, "".join(lines).encode())
        if word in COUNTED:
            os.fsync(self._file)


@dataclass(frozen=True, slots=True)
class Entries:
    """What a book says: how often each message was accepted and refused."""

    accepted: Counter = field(default_factory=Counter)
    refused: Counter = field(default_factory=Counter)

    @property
    def twice(self):
        return sorted(message_id for message_id, count in self.accepted.items() if count > 1)


def read_book(path, prefix="", start=0):
    """The counts of messages whose id begins with the prefix."""
    entries = Entries()
    for entry in read_entries(path, prefix, start):
        if entry.word in COUNTED:
            getattr(entries, entry.word)[entry.message_id] += 1
    return entries


def read_entries(path, prefix="", start=0):
    """All entries about messages whose id begins with the prefix, from a place in the file on."""
    with Path(path).open() as lines:
        lines.seek(start)
        for line in lines:
            at, minutes, word, message_id, wire, connection = line.split("\t")
            if message_id.startswith(prefix):
                yield Entry(float(at), float(minutes), word, message_id, wire, int(connection))
