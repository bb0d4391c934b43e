"""What commands print: nothing is cut off, wherever it goes, and JSON is JSON."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal

import pytest

from dagster_project.cli.output import BadMomentError, moment, show, show_json

ID = "0a1e" * 8
WIDE = [{f"column_{number}": ID for number in range(6)}, {f"column_{number}": None for number in range(6)}]


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 80 columns."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")


def test_a_redirected_table_keeps_every_value_on_its_line(capsys):
    show(WIDE, as_json=False, title="six ids")
    lines = capsys.readouterr().out.splitlines()
    assert [line.count(ID) for line in lines] == [0, 0, 0, 0, 6, 0, 0]
    assert lines[0].strip() == "six ids"


def test_a_table_that_is_too_wide_for_the_terminal_is_shown_row_by_row(terminal, capsys):
    show(WIDE, as_json=False, title="six ids")
    assert capsys.readouterr().out.splitlines() == [
        "six ids",
        "--- 1 of 2 ---",
        *(f"column_{number}  {ID}" for number in range(6)),
        "--- 2 of 2 ---",
        *(f"column_{number}" for number in range(6)),
    ]


def test_prose_wraps_before_rows_are_taken_apart(terminal, capsys):
    show([{"flow": "welcome", "meaning": "who subscribed " * 20}], as_json=False)
    out = capsys.readouterr().out
    assert "┃" in out
    assert out.count("subscribed") == 20


def test_a_value_of_several_lines_keeps_them(terminal, capsys):
    show([{"wide": "x" * 90, "sql": "select 1\nfrom dual"}], as_json=False)
    assert capsys.readouterr().out.splitlines()[1:] == [
        f"wide  {'x' * 90}",
        "sql   select 1",
        "      from dual",
    ]


def test_what_json_has_no_number_for_is_null(capsys):
    show_json({"a": float("nan"), "b": [1.5, float("-inf")], "c": {"d": float("inf")}})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [1.5, None], "c": {"d": None}}


@pytest.mark.parametrize(
    "text", ["yesterday", "0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00", "2206-11-20"]
)
def test_a_slip_is_no_moment(text):
    with pytest.raises(BadMomentError, match=text[:9]):
        moment(text)


def test_a_moment_with_a_zone_is_taken_as_utc():
    assert moment("2026-11-20T09:00+01:00") == datetime(2026, 11, 20, 8)


def test_a_sum_of_whole_numbers_is_a_whole_number_however_long(capsys):
    show_json({"items": Decimal(2**60 + 1), "money": Decimal("10.50")})
    assert capsys.readouterr().out.split() == ["{", '"items":', f"{2**60 + 1},", '"money":', "10.5", "}"]
