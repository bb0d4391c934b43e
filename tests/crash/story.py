"""The story of one message, from everybody who had to do with it: for whoever must find out why it went wrong."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tests.crash.book import read_entries
from tests.crash.history import KEPT, read_history
from tests.crash.life import Life

MOST_STORIES = 5
ALWAYS_SAID = ("run", "size", "store_url", "landing", "ends", "told", "seed", "minutes", "role")


@dataclass(frozen=True, slots=True)
class Lived:
    """A life that is over: its order, when it was there (seconds since 1970), and how it ended."""

    life: Life
    pid: int
    born_at: float
    ended_at: float
    end: str

    def says(self):
        """What was special about it."""
        special = {
            field.name: value
            for field in fields(Life)
            if field.name not in ALWAYS_SAID and (value := getattr(self.life, field.name)) != field.default
        }
        return f"pid {self.pid} {self.life.role} at {self.life.minutes:.1f} min {special or ''}".rstrip()


def tell(store, book, start, lived, message_id):
    """Lines in the order of time; seconds since the first of them.

    Args:
        store: the ledger, with its history.
        book: the provider's.
        start: where in the book the run begins.
        lived: all lives of the run; only those are named that were there when something happened.
        message_id: whose story.
    """
    lines = [
        (version["at"], "ledger", _changes(before, version))
        for before, version in _pairs(read_history(store, message_id))
    ]
    lines += [
        (entry.at, entry.wire, f"{entry.word} (connection {entry.connection}, {entry.minutes:.1f} min)")
        for entry in read_entries(book, message_id, start)
    ]
    moments = [at for at, _, _ in lines]
    for life in lived:
        if any(life.born_at <= at <= life.ended_at for at in moments):
            lines += [
                (life.born_at, "born", life.says()),
                (life.ended_at, "over", f"pid {life.pid}: {life.end}"),
            ]
    lines.sort()
    return [f"{at - lines[0][0]:9.3f} s  {who:8}  {what}" for at, who, what in lines]


def keep_evidence(folder, store, book, start, lived, faulty):
    """Write down what a run leaves: stories of the faulty messages, the book, all lives, the ledger's history."""
    folder = Path(folder)
    folder.mkdir(parents=True)
    stories = {key: tell(store, book, start, lived, key) for key in sorted(faulty)[:MOST_STORIES]}
    told = "\n".join(f"{key}\n{chr(10).join(lines)}\n" for key, lines in stories.items())
    (folder / "stories.txt").write_text(told)
    with Path(book).open() as source:
        source.seek(start)
        (folder / "book.tsv").write_text(source.read())
    _write_lines(folder / "lives.ndjson", ({**asdict(each), "life": asdict(each.life)} for each in lived))
    _write_lines(folder / "ledger.ndjson", read_history(store))
    return stories


def _write_lines(path, records):
    path.write_text("".join(f"{json.dumps(record, default=str)}\n" for record in records))


def _pairs(versions):
    return zip([{}, *versions], versions, strict=False)


def _changes(before, version):
    """Only what a step changed."""
    changed = [name for name in KEPT if version[name] != before.get(name)]
    return ", ".join(f"{name} {version[name]}" for name in changed if name != "message_id") or "nothing new"
