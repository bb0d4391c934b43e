"""A landing keeps complete files only, in a folder or in a bucket, and tells when one has changed."""

from __future__ import annotations

import errno
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from connectors.landing import ArchiveError, LandingFile, names_ever, open_landing

RECORD = {"event": "A", "timestamp": "2026-03-01T12:00:00Z", "properties": {"name": "Zoë"}}


@pytest.fixture(params=["folder", "s3"])
def landing(request, tmp_path, monkeypatch):
    if request.param == "folder":
        yield open_landing(str(tmp_path / "landing"))
        return
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="shop")
        yield open_landing("s3://shop/landing/events")


def content(landing, name):
    stream = landing.read(name)
    try:
        return stream.read()
    finally:
        stream.close()


def test_what_is_written_is_read(landing):
    assert landing.write("2026/03/a.ndjson", [RECORD, RECORD]) == "2026/03/a.ndjson"
    lines = content(landing, "2026/03/a.ndjson").splitlines()
    assert [json.loads(line) for line in lines] == [RECORD, RECORD]
    [file] = landing.files()
    assert (file.name, file.bytes) == ("2026/03/a.ndjson", sum(len(line) + 1 for line in lines))


def test_files_are_sorted_by_name(landing):
    for name in ("b.ndjson", "a/z.ndjson", "a.ndjson"):
        landing.write(name, [RECORD])
    assert [file.name for file in landing.files()] == ["a.ndjson", "a/z.ndjson", "b.ndjson"]


def test_what_no_loader_looks_at_is_named_and_endings_may_be_in_upper_case(landing):
    for name in ("A.CSV", "b.json", "c.xlsx", "2026/notes.txt", "d.ndjson.part", ".e.csv.tmp"):
        landing.write(name, [RECORD])
    assert [file.name for file in landing.files()] == ["A.CSV", "b.json"]
    assert landing.passed_over() == ["2026/notes.txt", "c.xlsx"]


def test_a_changed_file_has_another_fingerprint(landing):
    landing.write("a.ndjson", [RECORD])
    [before] = landing.files()
    [unchanged] = landing.files()
    landing.write("a.ndjson", [RECORD, RECORD])
    [after] = landing.files()
    assert before == unchanged != after


def test_an_empty_landing_has_no_files(landing):
    assert landing.files() == []


def test_a_write_that_fails_leaves_nothing(landing):
    def records():
        yield RECORD
        raise ConnectionError

    with pytest.raises(ConnectionError):
        landing.write("a.ndjson", records())
    assert landing.files() == []


def test_what_is_not_there_cannot_be_read(landing):
    with pytest.raises(FileNotFoundError, match=r"gone\.ndjson"):
        landing.read("gone.ndjson")


def test_a_failed_write_leaves_no_temporary_file_in_a_folder(tmp_path):
    with pytest.raises(ZeroDivisionError):
        open_landing(str(tmp_path)).write("a.ndjson", ({"n": 1 / n} for n in (1, 0)))
    assert list(tmp_path.iterdir()) == []


def test_a_bucket_and_its_prefix_are_told_from_the_url(landing):
    landing.write("a.ndjson", [RECORD])
    if type(landing).__name__ == "S3Landing":
        [item] = boto3.client("s3").list_objects_v2(Bucket="shop")["Contents"]
        assert item["Key"] == "landing/events/a.ndjson"


def test_a_file_that_is_handed_over_is_there_and_gone_where_it_was(landing, tmp_path):
    path = tmp_path / "landing" / ".segment.open"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b'{"n":1}\n')
    landing.adopt(path, "collector/2026-03-02/a.ndjson")
    assert [file.name for file in landing.files()] == ["collector/2026-03-02/a.ndjson"]
    assert content(landing, "collector/2026-03-02/a.ndjson") == b'{"n":1}\n'
    assert not path.exists()


def test_the_archive_is_out_of_sight_and_can_be_read(landing):
    for name in ("a.ndjson", "2026/b.ndjson", "z.xlsx"):
        landing.write(name, [RECORD])
    landing.archive([file for file in landing.files() if file.name != "a.ndjson"], date(2026, 3, 2))
    assert [file.name for file in landing.files()] == ["a.ndjson"]
    [archived] = landing.archived()
    assert archived.name == ".archive/2026-03-02/2026/b.ndjson"
    assert json.loads(content(landing, archived.name)) == RECORD
    assert landing.passed_over() == ["z.xlsx"]
    assert names_ever(landing) == {"a.ndjson", "2026/b.ndjson"}


def test_a_file_that_changed_or_went_since_it_was_listed_is_not_archived(landing):
    for name in ("changed.ndjson", "gone.ndjson", "same.ndjson"):
        landing.write(name, [RECORD])
    changed, gone, same = landing.files()
    landing.write("changed.ndjson", [RECORD, RECORD])
    landing.archive([gone], date(2026, 3, 1))
    landing.archive([changed, gone, same], date(2026, 3, 2))
    assert [file.name for file in landing.files()] == ["changed.ndjson"]
    assert len(content(landing, "changed.ndjson").splitlines()) == 2
    assert [file.name for file in landing.archived()] == [
        ".archive/2026-03-01/gone.ndjson",
        ".archive/2026-03-02/same.ndjson",
    ]


def test_a_file_that_landed_again_under_its_name_never_replaces_the_one_in_the_archive(landing):
    for day in (2, 3):
        landing.write("a.ndjson", [RECORD | {"messageId": str(day)}])
        landing.archive(landing.files(), date(2026, 3, day))
    assert landing.files() == []
    assert [json.loads(content(landing, file.name))["messageId"] for file in landing.archived()] == ["2", "3"]


def test_of_the_archive_the_days_from_one_on_can_be_asked_for(landing):
    for day in (2, 3, 4):
        landing.write(f"{day}.ndjson", [RECORD])
        landing.archive(landing.files(), date(2026, 3, day))
    assert [file.name for file in landing.archived(date(2026, 3, 3))] == [
        ".archive/2026-03-03/3.ndjson",
        ".archive/2026-03-04/4.ndjson",
    ]


def test_a_folder_that_is_a_link_or_elsewhere_does_not_keep_others_from_the_archive(tmp_path, monkeypatch):
    landing = open_landing(str(tmp_path / "landing"))
    for name in ("a/far.ndjson", "b.ndjson"):
        landing.write(name, [RECORD])
    (tmp_path / "landing" / "link.ndjson").symlink_to("b.ndjson")
    replace = Path.replace

    def replace_here(path, target):
        if path.parent.name == "a":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", replace_here)
    with pytest.raises(ArchiveError, match="Invalid cross-device link"):
        landing.archive([file for file in landing.files() if "link" not in file.name], date(2026, 3, 2))
    landing.archive([LandingFile("link.ndjson", 1, "1")], date(2026, 3, 2))
    assert [file.name for file in landing.archived()] == [".archive/2026-03-02/b.ndjson"]


def test_files_may_be_archived_while_somebody_lists_them(tmp_path):
    landing, done = open_landing(str(tmp_path)), threading.Event()
    for number in range(2_000):
        (tmp_path / f"{number}.ndjson").write_text("{}")

    def list_them():
        while not done.is_set():
            landing.files()

    with ThreadPoolExecutor() as pool:
        looking = [pool.submit(list_them) for _ in range(2)]
        landing.archive(landing.files(), date(2026, 3, 2))
        done.set()
        for each in looking:
            each.result()
    assert (landing.files(), len(landing.archived())) == ([], 2_000)


def test_a_landing_that_may_not_be_changed_says_so(landing, tmp_path, monkeypatch):
    landing.write("a.ndjson", [RECORD])
    if type(landing).__name__ == "S3Landing":
        denied = ClientError({"Error": {"Code": "AccessDenied"}}, "CopyObject")
        monkeypatch.setattr(landing._client, "copy", Mock(side_effect=denied))
    else:
        (tmp_path / "landing" / ".archive").write_text("in the way")
    with pytest.raises(ArchiveError, match=r"AccessDenied|Not a directory|File exists"):
        landing.archive(landing.files(), date(2026, 3, 2))
    assert [file.name for file in landing.files()] == ["a.ndjson"]
