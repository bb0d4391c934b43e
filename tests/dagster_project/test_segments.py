"""Segments are pairs of files; whatever is wrong with one is said with its place."""

from __future__ import annotations

from datetime import datetime

import pytest

from dagster_project import tick
from dagster_project.flows.registry import check_flows
from dagster_project.pairs import discover
from dagster_project.segments import SegmentError, check_segments, load_segments, named
from dagster_project.settings import Settings
from dagster_project.warehouse import open_warehouse

WHOLE = "models: [{name: segment_vip, description: One row per profile that buys much.}]"
FILE = "models/marts/segments/segment_vip.yml"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of segments of a project that has nothing else."""
    for name in ("segments", "flows"):
        (tmp_path / "models" / "marts" / name).mkdir(parents=True)
    monkeypatch.setattr(Settings, "dbt_project", property(lambda _: tmp_path))
    return tmp_path / "models" / "marts" / "segments"


@pytest.fixture
def settings(tmp_path):
    return Settings.under(tmp_path / "home")


def test_a_whole_segment_is_listed(folder, settings):
    (folder / "segment_vip.sql").write_text("select 1")
    (folder / "segment_vip.yml").write_text(WHOLE)
    assert [(each.name, each.owner, each.description) for each in load_segments(settings)] == [
        ("vip", "team:data", "buys much.")
    ]
    assert discover(settings, "segment") == ["segment_vip"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models: [", f"{FILE}:1, field file: is not YAML: "),
        ("", f"{FILE}, field models: is missing: write `models:` and below it `- name: segment_vip`."),
        ("models: [{name: segment_vlp}]", f"{FILE}, field models: is missing: write `models:`"),
        (
            "models: [{name: segment_vip, config: no}]",
            f'{FILE}, field models.description: is missing: write "One row per profile that …".',
        ),
    ],
)
def test_what_is_wrong_with_its_description_is_told(text, said, folder, settings):
    (folder / "segment_vip.sql").write_text("select 1")
    (folder / "segment_vip.yml").write_text(text)
    (told,) = map(str, check_segments(settings))
    assert told.startswith(said)
    with pytest.raises(SegmentError):
        named(settings, "vip")


def test_a_half_is_told_from_either_side(folder, settings):
    (folder / "segment_vip.sql").write_text("select 1")
    (folder / "segment_new.yml").write_text(WHOLE)
    (folder.parent / "flows" / "flow_new.yml").write_text("models: []")
    assert [(problem.file, problem.field) for problem in check_segments(settings)] == [
        ("models/marts/segments/segment_new.sql", "file"),
        (FILE, "file"),
    ]
    assert discover(settings, "segment") == []


def test_a_flow_without_its_query_is_a_mistake(folder, settings, monkeypatch):
    (folder.parent / "flows" / "flow_new.yml").write_text("models: []")
    monkeypatch.setattr("dagster_project.flows.registry.Known.in_project", lambda _: None)
    assert [str(problem) for problem in check_flows(settings)] == [
        "models/marts/flows/flow_new.sql, field file: is missing: write the query beside the .yml, or remove that."
    ]


def test_a_run_on_a_changed_project_refuses_half_a_segment(folder, settings, monkeypatch):
    (folder / "segment_vip.sql").write_text("select 1")
    monkeypatch.setattr(tick, "settle", lambda *_: None)
    with open_warehouse(settings) as warehouse:
        tick.runs.ensure_run_tables(warehouse)
        with pytest.raises(SegmentError, match=FILE):
            tick.transform(settings, warehouse, datetime(2026, 3, 11))
