"""Landing: where files of events arrive and stay, a folder or an S3-compatible bucket.

A landing file is written once and never changed. While it is being written it bears a name that no reader
looks at: one that starts with `.` or ends in `.tmp`, `.part` or `.partial`. A program that cannot rename
may still copy files in: if the loader meets one half-way, it takes what is there and the complete file
again when it has changed.

What everybody has read moves to `.archive/<day>/` below the landing, so that a look at it costs what has
lately arrived. The archive is kept whole: a warehouse that is lost is read from it again.
"""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Protocol

FORMATS = (".ndjson", ".jsonl", ".csv", ".parquet", ".ndjson.gz", ".jsonl.gz", ".csv.gz")
NEARLY = (".json", ".json.gz")
"""Listed too, so that the loader says in `raw_events.rejects` what to rename: none is passed over."""
UNFINISHED = (".tmp", ".part", ".partial")
ARCHIVE = ".archive/"
MEMORY_BYTES = 8 << 20
MOVES_AT_ONCE = 32
"""In a bucket, where each waits for three answers."""


@dataclass(frozen=True)
class LandingFile:
    """A file that has arrived: `name` below the landing, size, a text that changes when its bytes do."""

    name: str
    bytes: int
    fingerprint: str


class Landing(Protocol):
    """Durable, append-only files of events."""

    def files(self) -> list[LandingFile]:
        """All complete event files that are not in the archive, sorted by name."""
        ...

    def archived(self, since: date | None = None) -> list[LandingFile]:
        """Files of the archive, of all days or from one on, by day and name: `.archive/<day>/<name>`."""
        ...

    def archive(self, files: Iterable[LandingFile], day: date) -> None:
        """Move files to the archive; one that has changed since it was listed, or is gone, is left.

        Raises:
            ArchiveError: they cannot be moved.
        """
        ...

    def read(self, name: str) -> BinaryIO:
        """The bytes of one file, as a stream that the caller closes.

        Raises:
            FileNotFoundError: it is not there, or not any more.
        """
        ...

    def write(self, name: str, records: Iterable[dict[str, Any]]) -> str:
        """Write NDJSON under `name`, visible only when complete and durable; returns the name."""
        ...


class ArchiveError(Exception):
    """The landing lets us read its files, but not move them."""


def name_landed(name: str) -> str:
    """The name under which a file landed that may be in the archive by now."""
    return name.removeprefix(ARCHIVE).partition("/")[2] if name.startswith(ARCHIVE) else name


def names_ever(landing: Landing) -> set[str]:
    """The names of all files that are in the landing, and that those in its archive had there."""
    here = {file.name for file in landing.files()}  # first: a file may move while we look
    return here.union(name_landed(file.name) for file in landing.archived())


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

    def archived(self, since: date | None = None) -> list[LandingFile]:
        """Files of the archive, of all days or from one on, by day and name."""
        archive = self._folder / ARCHIVE
        days = [path.name for path in archive.iterdir()] if archive.is_dir() else []
        below = (
            _files_below(str(archive / day), f"{ARCHIVE}{day}/", is_landing_file)
            for day in days
            if since is None or day >= str(since)
        )
        return sorted(chain.from_iterable(below), key=lambda file: file.name)

    def archive(self, files: Iterable[LandingFile], day: date) -> None:
        """Rename; what turns out to have changed in this very moment comes back. A link stays where it is."""
        refused: OSError | None = None
        for file in files:
            source, target = self._folder / file.name, self._folder / ARCHIVE / f"{day}" / file.name
            if source.is_symlink():
                continue
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                source.replace(target)
            except FileNotFoundError:
                continue
            except OSError as error:
                refused = error
                continue
            if _fingerprint(target.lstat()) != file.fingerprint and not source.exists():
                target.replace(source)
        if refused:
            raise ArchiveError(refused.strerror) from refused

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
        from botocore.config import Config  # noqa: PLC0415  (as above)

        options = Config(max_pool_connections=MOVES_AT_ONCE)
        self._client = boto3.client("s3", endpoint_url=endpoint_url, config=options)
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def files(self) -> list[LandingFile]:
        """All complete event files; the fingerprint is the ETag. What is listed is complete."""
        return sorted(self._objects(is_landing_file), key=lambda file: file.name)

    def archived(self, since: date | None = None) -> list[LandingFile]:
        """Files of the archive, of all days or from one on, by day and name."""
        archive = self._prefix + ARCHIVE
        below = self._objects_below(archive, is_landing_file, StartAfter=f"{archive}{since or ''}")
        return sorted(below, key=lambda file: file.name)

    def archive(self, files: Iterable[LandingFile], day: date) -> None:
        """Copy and delete what has still the ETag that was listed; after a crash it is done again."""
        with ThreadPoolExecutor(MOVES_AT_ONCE) as pool:
            for _ in pool.map(lambda file: self._move(file, f"{ARCHIVE}{day}/{file.name}"), files):
                pass

    def _move(self, file: LandingFile, name: str) -> None:
        from boto3.s3.transfer import TransferConfig  # noqa: PLC0415  (as boto3)
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  (as boto3)

        source = {"Bucket": self._bucket, "Key": self._prefix + file.name}
        options = {
            "ExtraArgs": {"CopySourceIfMatch": f'"{file.fingerprint}"'},
            "Config": TransferConfig(use_threads=False),
        }
        try:
            self._client.copy(source, self._bucket, self._prefix + name, **options)
            self._client.delete_object(**source, IfMatch=f'"{file.fingerprint}"')
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in ("PreconditionFailed", "412", "NoSuchKey", "404"):
                raise ArchiveError(f"{code} ({error.operation_name})") from error
        except BotoCoreError as error:
            raise ArchiveError(type(error).__name__) from error

    def passed_over(self) -> list[str]:
        """Names of objects that no loader looks at."""
        return sorted(file.name for file in self._objects(is_passed_over))

    def _objects(self, is_wanted: Callable[[str], bool]) -> Iterator[LandingFile]:
        """Those outside the archive, which is never listed with them."""
        pages = self._pages(self._prefix, Delimiter="/")
        for page in pages:
            yield from self._files_of(page, is_wanted)
            for folder in page.get("CommonPrefixes", ()):
                if folder["Prefix"] != self._prefix + ARCHIVE:
                    yield from self._objects_below(folder["Prefix"], is_wanted)

    def _objects_below(
        self, prefix: str, is_wanted: Callable[[str], bool], **options: str
    ) -> Iterator[LandingFile]:
        for page in self._pages(prefix, **options):
            yield from self._files_of(page, is_wanted)

    def _pages(self, prefix: str, **options: str) -> Iterable[Mapping[str, Any]]:
        paginator = self._client.get_paginator("list_objects_v2")
        pages: Iterable[Mapping[str, Any]] = paginator.paginate(Bucket=self._bucket, Prefix=prefix, **options)
        return pages

    def _files_of(self, page: Mapping[str, Any], is_wanted: Callable[[str], bool]) -> Iterator[LandingFile]:
        for item in page.get("Contents", ()):
            if not item["Key"].endswith("/") and is_wanted(item["Key"].rpartition("/")[2]):
                name = item["Key"].removeprefix(self._prefix)
                yield LandingFile(name, item["Size"], item["ETag"].strip('"'))

    def read(self, name: str) -> BinaryIO:
        """The bytes of one object, streamed."""
        try:
            body: BinaryIO = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"]
        except self._client.exceptions.NoSuchKey as error:
            raise FileNotFoundError(name) from error
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
            name = prefix + entry.name
            if entry.is_dir():
                if f"{name}/" != ARCHIVE:
                    yield from _files_below(entry.path, f"{name}/", is_wanted)
            elif is_wanted(entry.name):
                try:
                    stat = entry.stat()
                except FileNotFoundError:  # archived this very moment
                    continue
                yield LandingFile(name, stat.st_size, _fingerprint(stat))


def _fingerprint(stat: os.stat_result) -> str:
    return f"{stat.st_size}-{stat.st_mtime_ns}"
