"""Landing: where files of events arrive and stay, a folder or an S3-compatible bucket.

A landing file is written once and never changed. While it is being written it bears a name that no reader looks
at: one that starts with `.` or ends in `.tmp`, `.part` or `.partial`. A program that cannot rename may still copy
files in; if the loader meets one half-way, it takes what is there and the complete file again when it has changed.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

SUFFIXES = (".ndjson", ".jsonl", ".json", ".csv", ".parquet", ".ndjson.gz", ".jsonl.gz", ".json.gz", ".csv.gz")
UNFINISHED_SUFFIXES = (".tmp", ".part", ".partial")


@dataclass(frozen=True)
class LandingFile:
    """A file that has arrived: `name` relative to the landing, size, and a text that changes when its bytes do."""

    name: str
    bytes: int
    fingerprint: str


class Landing(Protocol):
    """Durable, append-only files of events."""

    def files(self) -> list[LandingFile]:
        """All complete event files, sorted by name."""
        ...

    def read(self, name: str) -> BinaryIO:
        """The bytes of one file, as a stream that the caller closes."""
        ...

    def write(self, name: str, records: Iterable[dict[str, Any]]) -> str:
        """Write NDJSON under `name`, visible only when complete and durable; returns the name."""
        ...


def open_landing(url: str, endpoint_url: str | None = None) -> Landing:
    """The landing at a folder path or at `s3://bucket/prefix` (of an S3-compatible `endpoint_url`)."""
    if url.startswith("s3://"):
        raise NotImplementedError(url)
    return FolderLanding(Path(url))


class FolderLanding:
    """Landing files in a folder and the folders below it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def files(self) -> list[LandingFile]:
        """All complete event files; the fingerprint is size and modification time, as the content is not read."""
        found = []
        for path, _, names in os.walk(self._folder):
            for name in names:
                if is_landing_file(name):
                    stat = (Path(path) / name).stat()
                    relative = (Path(path) / name).relative_to(self._folder).as_posix()
                    found.append(LandingFile(relative, stat.st_size, f"{stat.st_size}-{stat.st_mtime_ns}"))
        return sorted(found, key=lambda file: file.name)

    def read(self, name: str) -> BinaryIO:
        """The bytes of one file."""
        return (self._folder / name).open("rb")

    def write(self, name: str, records: Iterable[dict[str, Any]]) -> str:
        """Write beside the target, fsync, rename, fsync the folder."""
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        arriving = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        with arriving.open("wb") as stream:
            for record in records:
                stream.write(encode_record(record))
            stream.flush()
            os.fsync(stream.fileno())
        arriving.replace(target)
        descriptor = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return name


def is_landing_file(name: str) -> bool:
    """Whether a file of this name is complete and of a kind that the loader reads."""
    return name.endswith(SUFFIXES) and not name.startswith(".") and not name.endswith(UNFINISHED_SUFFIXES)


def encode_record(record: dict[str, Any]) -> bytes:
    """One NDJSON line."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=str).encode() + b"\n"
