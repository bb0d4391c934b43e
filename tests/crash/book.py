"""The provider's book: every message that it took, in a file that outlives everybody."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


class Book:
    """Append-only, durable before the provider answers: `accepted` or `refused`, message id, wire."""

    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, word, message_ids, wire):
        if not message_ids:
            return
        lines = "".join(f"{word} {message_id} {wire}\n" for message_id in message_ids)
        os.write(self._file, lines.encode())
        os.fsync(self._file)


@dataclass(frozen=True, slots=True)
class Entries:
    """What a book says: how often each message was accepted and refused."""

    accepted: Counter = field(default_factory=Counter)
    refused: Counter = field(default_factory=Counter)

    @property
    def twice(self):
        return sorted(message_id for message_id, count in self.accepted.items() if count > 1)


def read_book(path, prefix=""):
    """The entries of messages whose id begins with the prefix."""
    entries = Entries()
    for line in Path(path).read_text().splitlines():
        word, message_id, _wire = line.split()
        if message_id.startswith(prefix):
            getattr(entries, word)[message_id] += 1
    return entries
