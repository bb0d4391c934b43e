"""Who should get which arm: what is there is found, what is not there is not, and nobody speaks for himself."""

from __future__ import annotations

import numpy as np
import pytest

from dagster_project.measurement.policies import Logged
from dagster_project.measurement.targeting import judge

PEOPLE = 4_000


def split(seed: int, *, effect: float) -> tuple[Logged, np.ndarray, dict[str, np.ndarray]]:
    """Mail or text by the coin; students buy `effect` more often after a text, all others after a mail."""
    dice = np.random.default_rng(seed)
    students, taken = dice.random(PEOPLE) < 0.3, dice.integers(0, 2, PEOPLE)
    rates = 0.2 + effect * np.where(taken == students, 1, -1)
    logged = Logged(
        ("mail", "text"),
        np.zeros(PEOPLE, dtype=np.int64),
        taken,
        np.full(PEOPLE, 0.5),
        (dice.random(PEOPLE) < rates).astype(float),
    )
    others = {f"chance {number}": dice.random(PEOPLE) < 0.5 for number in range(4)}
    return logged, dice.integers(0, 2, PEOPLE), {"students": students, **others}


def test_a_segment_that_reacts_otherwise_gets_its_own_arm():
    found = list(judge(*split(1, effect=0.08)))
    assert (found[0].segment, found[0].arm, found[0].otherwise) == ("students", "text", "mail")
    assert found[0].is_clear
    assert [rule.segment for rule in found if rule.is_clear] == ["students"]


def test_the_gain_is_that_of_the_truth():
    gains = [next(judge(*split(seed, effect=0.08))).gain for seed in range(20)]
    assert np.mean([gain.value for gain in gains]) == pytest.approx(0.3 * 2 * 0.08, abs=0.008)
    assert sum(gain.low <= 0.048 <= gain.high for gain in gains) >= 17


def test_where_nobody_differs_hardly_any_shop_sees_a_clear_rule():
    seen = sum(any(rule.is_clear for rule in judge(*split(seed, effect=0.0))) for seed in range(60))
    assert seen <= 6


def test_a_segment_without_enough_people_under_every_arm_has_no_rule():
    logged, halves, members = split(2, effect=0.1)
    few = np.zeros(PEOPLE, dtype=bool)
    few[:150] = True
    assert "few" not in {rule.segment for rule in judge(logged, halves, {**members, "few": few})}
