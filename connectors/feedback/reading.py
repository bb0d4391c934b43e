"""Recorded posts and bounce mails from files, as the vendors' functions take them."""

from __future__ import annotations

import mailbox
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic_core import from_json

from connectors.feedback.model import Feedback, Post, Reject, moment
from connectors.feedback.providers import PROVIDERS

MAILS = "bounces"
LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class RejectedItem:
    """What could not be taken in: where it stands, the field, and why; never its content."""

    file: str
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Recording:
    """A file or folder of recorded posts of one provider.

    Posts are NDJSON, one object per line: `headers`, `body` (text, or the JSON or form that it holds), and
    where they matter `url` and `received_at`. Bounces are mails: a Maildir, an mbox, a folder, one file.
    """

    path: Path
    provider: str

    def count(self) -> int:
        """How many posts there are."""
        return sum(1 for _ in self._raw())

    def feedback(
        self, now: datetime, rejected: Callable[[RejectedItem], None], progress: Callable[[], None]
    ) -> Iterator[Feedback]:
        """Every event of every post; what cannot be read goes to `rejected`.

        Args:
            now: naive UTC, for posts that do not say when they arrived.
            rejected: called with each reject.
            progress: called after each post.
        """
        normalize = PROVIDERS[self.provider].normalize
        for place, raw in self._raw():
            post = Post(raw, now) if self.provider == MAILS else _recorded(raw, now)
            items: list[Feedback | Reject] = [post] if isinstance(post, Reject) else normalize(post)
            for item in items:
                if isinstance(item, Feedback):
                    yield item
                else:
                    rejected(RejectedItem(place, item.field, item.reason))
            progress()

    def _raw(self) -> Iterator[tuple[str, bytes]]:
        """Every post or mail as bytes, with its place."""
        if self.provider != MAILS:
            yield from _lines(self.path)
        elif (self.path / "cur").is_dir():
            maildir = mailbox.Maildir(self.path, create=False)
            yield from ((key, maildir.get_bytes(key)) for key in sorted(maildir.keys()))
        elif self.path.suffix == ".mbox":
            box = mailbox.mbox(self.path, create=False)
            yield from ((f"{self.path.name}:{key}", box.get_bytes(key)) for key in box.iterkeys())
        else:
            yield from ((path.name, path.read_bytes()) for path in _files(self.path))


def _lines(path: Path) -> Iterator[tuple[str, bytes]]:
    for file in _files(path):
        if file == path or file.name.endswith(LINES):
            with file.open("rb") as stream:
                for number, line in enumerate(stream, 1):
                    if line.strip():
                        yield f"{file.name}:{number}", line


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))


def _recorded(line: bytes, now: datetime) -> Post | Reject:
    try:
        record = from_json(line)
    except ValueError:
        return Reject("", "not JSON")
    if not isinstance(record, dict) or "body" not in record:
        return Reject("body", "a recorded post is an object with headers and body")
    return Post.from_record(record, moment(record.get("received_at")) or now)
