"""Questions: what may be asked, and what is said when there is nothing to ask."""

from __future__ import annotations

import pytest

from dagster_project.reading import apart, ask, grain, only_reads
from dagster_project.settings import Settings
from dagster_project.warehouse import QuestionError, WarehouseFileError, ensure_raw_tables, open_warehouse


@pytest.mark.parametrize(
    "statement",
    [
        "select 1; -- and no more",
        "values (1), (2)",
        "from t",
        "pivot t on a using sum(b)",
        "unpivot t on a",
        "explain select 1",
        "explain analyze select 1",
        "explain (format json) from t",
        "with a as (select 1) from a",
        "summarize t",
    ],
)
def test_whatever_only_reads_is_taken(statement):
    assert only_reads(statement, "duckdb") == statement


@pytest.mark.parametrize(
    "statement",
    [
        "explain analyze delete from t",
        "explain copy t to 'x'",
        "select 1; select 2",
        "call f()",
        "-- nothing",
    ],
)
def test_nothing_else_is(statement):
    with pytest.raises(QuestionError):
        only_reads(statement, "duckdb")


def test_columns_of_one_name_are_told_apart():
    assert apart(["a", "b", "a", "a_1", "a"]) == ["a", "b", "a_2", "a_1", "a_3"]


def test_a_home_may_have_an_apostrophe(tmp_path):
    settings = Settings.under(tmp_path / "o'neil")
    with open_warehouse(settings) as warehouse:
        ensure_raw_tables(warehouse)
        warehouse.export("select 1 as one", settings.home / "one.parquet")
    assert ask(settings, "select 1 as a, 2 as a").to_pylist() == [{"a": 1, "a_1": 2}]


def test_before_the_first_run_nothing_was_computed(tmp_path):
    settings = Settings.under(tmp_path)
    with open_warehouse(settings) as warehouse:
        ensure_raw_tables(warehouse)
    with pytest.raises(QuestionError, match="nothing was computed yet: `millrace run` first"):
        ask(settings, "select * from segment_memberships")


def test_a_damaged_file_is_not_taken_for_a_busy_one(tmp_path):
    settings = Settings.under(tmp_path)
    settings.warehouse_path.write_bytes(b"no database" * 1000)
    with pytest.raises(WarehouseFileError, match="not a valid DuckDB database file"):
        ask(settings, "select 1")
    with pytest.raises(WarehouseFileError, match="Put back a backup"), open_warehouse(settings):
        pass


def test_the_grain_is_the_first_sentence_of_a_description():
    assert (
        grain("One row per order\nof version 2.0: paid. Never edited.")
        == "One row per order of version 2.0: paid"
    )
    assert grain("One row per order") == "One row per order"
