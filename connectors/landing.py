"""Landing: where files of events arrive and stay, a folder or an S3-compatible bucket.

A landing file is written once and never changed. While it is being written it bears a name that no reader
looks at: one that starts with `.` or ends in `.tmp`, `.part` or `.partial`. A program that cannot rename
may still copy files in: if the loader meets one half-way, it takes what is there and the complete file
again when it has changed.
"""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

FORMATS = (".ndjson", ".jsonl", ".csv", ".parquet", ".ndjson.gz", ".jsonl.gz", ".csv.gz")
NEARLY = (".json", ".json.gz")
"""Listed too, so that the loader says in `raw_events.rejects` what to rename: none is passed over."""
UNFINISHED = (".tmp", ".part", ".partial")
MEMORY_BYTES = 8 << 20


@dataclass(frozen=True)
class LandingFile:
    """A file that has arrived: `name` below the landing, size, a text that changes when its bytes do."""

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


def open_landing(url: str, endpoint_url: str | None = None) -> FolderLanding | S3Landing:
    """The landing at a folder path or at `s3://bucket/prefix` (of an S3-compatible `endpoint_url`)."""
    if url.startswith("s3://"):
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        return S3Landing(bucket, prefix, endpoint_url)
    return FolderLanding(Path(url))


class FolderLanding:
    """Landing files in a folder and the folders below it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def files(self) -> list[LandingFile]:
        """All complete event files; the fingerprint is size and modification time, as no content is read."""
        return sorted(_files_below(str(self._folder), "", is_landing_file), key=lambda file: file.name)

    def passed_over(self) -> list[str]:
        """Names of complete files that no loader looks at."""
        return sorted(file.name for file in _files_below(str(self._folder), "", is_passed_over))

    def read(self, name: str) -> BinaryIO:
        """The bytes of one file."""
        return (self._folder / name).open("rb")

    def write(self, name: str, records: Iterable[dict[str, Any]]) -> str:
        """Write beside the target, fsync, rename, fsync the folder."""
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        arriving = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        try:
            with arriving.open("wb") as stream:
                stream.writelines(map(encode_record, records))
                stream.flush()
                os.fsync(stream.fileno())
            arriving.replace(target)
        finally:
            arriving.unlink(missing_ok=True)
        _make_names_durable(target.parent)
        return name

    def adopt(self, path: Path, name: str) -> None:
        """Move a complete, durable NDJSON file here; `path` must be on the landing's disk."""
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        _make_names_durable(target.parent)


class S3Landing:
    """Landing files in a bucket below a prefix; credentials come from where boto3 finds them."""

    def __init__(self, bucket: str, prefix: str = "", endpoint_url: str | None = None) -> None:
        import boto3  # noqa: PLC0415  (a third of a second that a folder landing should not pay)

        self._client = boto3.client("s3", endpoint_url=endpoint_url)
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def files(self) -> list[LandingFile]:
        """All complete event files; the fingerprint is the ETag. What is listed is complete."""
        return sorted(self._objects(is_landing_file), key=lambda file: file.name)

    def passed_over(self) -> list[str]:
        """Names of objects that no loader looks at."""
        return sorted(file.name for file in self._objects(is_passed_over))

    def _objects(self, is_wanted: Callable[[str], bool]) -> list[LandingFile]:
        paginator = self._client.get_paginator("list_objects_v2")
        pages = paginator.paginate(Bucket=self._bucket, Prefix=self._prefix)
        return [
            LandingFile(item["Key"].removeprefix(self._prefix), item["Size"], item["ETag"].strip('"'))
            for page in pages
            for item in page.get("Contents", ())
            if not item["Key"].endswith("/") and is_wanted(item["Key"].rpartition("/")[2])
        ]

    def read(self, name: str) -> BinaryIO:
        """The bytes of one object, streamed."""
        body: BinaryIO = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"]
        return body

    def write(self, name: str, records: Iterable[dict[str, Any]]) -> str:
        """Upload the whole object; S3 shows it when it is complete."""
        with tempfile.SpooledTemporaryFile(MEMORY_BYTES) as whole:
            for record in records:
                whole.write(encode_record(record))
            whole.seek(0)
            self._client.upload_fileobj(whole, self._bucket, self._prefix + name)
        return name

    def adopt(self, path: Path, name: str) -> None:
        """Upload a complete NDJSON file and remove it; done again after a crash, it gives the same object."""
        self._client.upload_file(str(path), self._bucket, self._prefix + name)
        path.unlink()


def is_landing_file(name: str) -> bool:
    """Whether a file of this name is complete and one that the loader reads, or refuses with a reason."""
    return name.lower().endswith((*FORMATS, *NEARLY)) and not name.startswith(".")


def is_passed_over(name: str) -> bool:
    """Whether a file of this name is complete and none that the loader looks at."""
    return not (is_landing_file(name) or name.startswith(".") or name.lower().endswith(UNFINISHED))


def encode_record(record: dict[str, Any]) -> bytes:
    """One NDJSON line."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=str).encode() + b"\n"


def _make_names_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files_below(folder: str, prefix: str, is_wanted: Callable[[str], bool]) -> Iterator[LandingFile]:
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files_below(entry.path, f"{prefix}{entry.name}/", is_wanted)
            elif is_wanted(entry.name):
                stat = entry.stat()
                yield LandingFile(prefix + entry.name, stat.st_size, f"{stat.st_size}-{stat.st_mtime_ns}")
