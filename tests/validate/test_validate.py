"""The cheap version of `make validate`: the same figures from less simulation."""

from __future__ import annotations

import json

import pytest

from tests.validate import cdnow, demo_shop, hillstrom, policies
from tests.validate.__main__ import as_json
from tests.validate.figures import Effort, Figure


@pytest.fixture
def effort(tmp_path) -> Effort:
    return Effort(seeds=8, experiments=300, scratch=tmp_path)


@pytest.mark.parametrize("section", [hillstrom, cdnow, policies, demo_shop])
def test_our_figures_are_the_published_and_the_true_ones(section, effort):
    found = list(section.figures(effort))
    assert len(found) > 4
    assert [figure for figure in found if not figure.holds] == []


def test_the_table_can_be_had_as_json(effort):
    rows = json.loads(as_json(list(cdnow.figures(effort))))
    assert {"of", "name", "ours", "expected"} <= set(rows[0])
    assert all(row["holds"] is True for row in rows)


def test_a_figure_that_is_off_is_found():
    assert Figure("", "", 1.01, 1.0, 0.02, "").holds
    assert not Figure("", "", 1.03, 1.0, 0.02, "").holds
    assert not Figure("", "", float("nan"), 1.0, 0.02, "").holds


def test_without_the_experiments_labels_the_lift_is_gone(effort, monkeypatch):
    """A lift that survives shuffled labels would be a leak: the table must not hold then."""
    honest = hillstrom.customers()
    shuffled = dict(honest)
    shuffled["segment"] = honest["segment"][::-1]
    monkeypatch.setattr(hillstrom, "customers", lambda: shuffled)
    off = [figure.name for figure in hillstrom.figures(effort) if not figure.holds]
    assert "visit, lift of Mens E-Mail" in off
    assert "spend, lift of Mens E-Mail" in off
