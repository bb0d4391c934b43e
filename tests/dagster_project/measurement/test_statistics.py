"""Comparisons, decisions and the bandit, against a published library, their definitions and simulation."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.measurement.bandit import Tries, bounds, chances_to_be_best, thompson_shares
from dagster_project.measurement.decisions import Evidence, clear_arms, decide
from dagster_project.measurement.statistics import Comparison, Totals, compare, sample_ratio_p_value


def totals(values, weights=None, before=None) -> Totals:
    """Totals of units given one by one."""
    value = np.asarray(values, dtype=float)
    weight = np.ones_like(value) if weights is None else np.asarray(weights, dtype=float)
    prior = np.zeros_like(value) if before is None else np.asarray(before, dtype=float)
    return Totals(
        len(value),
        *(float(column.sum()) for column in (value, weight, prior)),
        *(float((column**2).sum()) for column in (value, weight, prior)),
        float((value * weight).sum()),
        float((prior * value).sum()),
        float((prior * weight).sum()),
    )


def sums(count, value, squares, before=0.0, before_squares=0.0, product=0.0) -> Totals:
    return Totals(count, value, count, before, squares, count, before_squares, value, product, before)


GBSTATS = [
    # Arms and results of gbstats 0.8.0: TwoSidedTTest, SequentialTwoSidedTTest and EffectBayesianABTest with a
    # proper prior, absolute differences. First the baseline, then the arm.
    (
        (1000, 100.0, 100.0),
        (1000, 130.0, 130.0),
        (0.03, 0.002036799193397186, 0.05796320080660281, 0.035503335057858854),
        (-0.014540237791478755, 0.07454023779147875, 0.37957050462324404),
        (0.9713033099263971, 0.00014224516550430147),
    ),
    (
        (21306, 13908.33, 2814000.0),
        (21387, 23038.11, 5105000.0),
        (0.4244122159365966, 0.16671302592175696, 0.6821114059514363, 0.0012475190590326424),
        (0.0009607551731535269, 0.8478636767000397, 0.04885242485832708),
        (0.9963194619970055, 0.0001234996546712296),
    ),
    (
        (5000, 2500.0, 3500.0, 2400.0, 3300.0, 2900.0),
        (4000, 2200.0, 3100.0, 2000.0, 2800.0, 2450.0),
        (0.03454136184580758, 0.015827780176757865, 0.0532549435148573, 0.00029842745105201907),
        (0.005383615921546847, 0.06369910777006832, 0.00861651542404714),
        (0.9998474403410391, 3.564175175993926e-07),
    ),
]


@pytest.mark.parametrize(("baseline", "arm", "welch", "sequential", "bayesian"), GBSTATS)
def test_all_three_ways_of_comparing_agree_with_gbstats(baseline, arm, welch, sequential, bayesian):
    found = compare(sums(*arm), sums(*baseline))
    assert (found.lift, found.low, found.high, found.p_value) == pytest.approx(welch, rel=1e-9)
    assert (found.sequential_low, found.sequential_high, found.sequential_p_value) == pytest.approx(
        sequential, rel=1e-9
    )
    assert (found.chance_to_beat, found.expected_loss) == pytest.approx(bayesian, rel=1e-6)


def test_people_who_count_several_times_do_not_make_an_experiment_surer_than_it_is():
    dice = np.random.default_rng(1)
    habit, entries = dice.random((2, 4000)), dice.integers(1, 8, (2, 4000))
    successes = dice.binomial(entries, habit)
    by_person = compare(*(totals(successes[arm], entries[arm]) for arm in (0, 1)))
    rate = [successes[arm].sum() / entries[arm].sum() for arm in (0, 1)]
    by_entry = math.sqrt(sum(rate[arm] * (1 - rate[arm]) / entries[arm].sum() for arm in (0, 1)))
    assert by_person.plain_lift == pytest.approx(rate[0] - rate[1])
    assert by_person.standard_error > 1.4 * by_entry


def test_cuped_sharpens_what_habit_explains_and_leaves_the_lift_where_it_is():
    dice = np.random.default_rng(2)
    before = dice.gamma(2, 10, (2, 5000))
    after = before + dice.normal(0, 5, (2, 5000)) + np.array([[1.0], [0.0]])
    sharp = compare(*(totals(after[arm], before=before[arm]) for arm in (0, 1)))
    blunt = compare(*(totals(after[arm]) for arm in (0, 1)))
    assert sharp.standard_error < 0.45 * blunt.standard_error
    assert sharp.low < 1 < sharp.high


@pytest.mark.parametrize("values", [[1], [0, 0, 0], [2, 2]])
def test_where_nothing_varies_nothing_is_said(values):
    said = compare(totals(values), totals([0, 0]))
    assert not said.is_known
    assert not said.is_underpowered


def test_sizes_of_arms_are_held_against_their_shares():
    assert sample_ratio_p_value([500, 500], [0.5, 0.5]) == 1
    assert sample_ratio_p_value([900, 100], [0.9, 0.1]) == 1
    assert sample_ratio_p_value([5_200, 4_800], [0.5, 0.5]) < 0.001
    assert sample_ratio_p_value([0, 0], [0.5, 0.5]) == 1


def lift(difference: float, p_value: float) -> Comparison:
    error = abs(difference) / 2 or 1.0
    return Comparison(
        lift=difference,
        low=difference - error,
        high=difference + error,
        p_value=p_value,
        standard_error=error,
        needed_count=1.0,
    )


EVIDENCE = Evidence("a", {"a": 500, "b": 500, "c": 500}, {}, {}, 0.9)


@pytest.mark.parametrize(
    ("lifts", "changes", "winner"),
    [
        ({"b": lift(0.1, 0.001), "c": lift(0.2, 0.001)}, {}, "c"),
        ({"b": lift(0.1, 0.03), "c": lift(0.2, 0.04)}, {}, None),  # Holm: 0.03 > 0.05 / 2
        ({"b": lift(0.1, 0.02), "c": lift(0.2, 0.04)}, {}, "c"),
        ({"b": lift(-0.1, 0.001), "c": lift(-0.2, 0.001)}, {}, "a"),
        ({"b": lift(-0.1, 0.001), "c": lift(0.01, 0.6)}, {}, None),
        ({"b": lift(0.1, 0.001), "c": lift(0.2, 0.001)}, {"guardrails": {"c": (lift(0.05, 0.01),)}}, "b"),
        ({"b": lift(0.1, 0.001)}, {"guardrails": {"b": (lift(0.05, 0.01),)}}, None),
        ({"b": lift(0.1, 0.001)}, {"sample_ratio_p_value": 1e-5}, None),
        ({"b": lift(0.1, 0.001)}, {"participants": {"a": 500, "b": 99}}, None),
        ({"b": Comparison()}, {}, None),
    ],
)
def test_an_arm_wins_when_it_is_clearly_better_and_nothing_speaks_against_it(lifts, changes, winner):
    decision = decide(replace(EVIDENCE, lifts=lifts, **changes))
    assert decision.winner == winner
    assert decision.reason


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_several_useless_arms_rarely_look_clear(seed):
    dice = np.random.default_rng(seed)
    wrong = sum(
        bool(clear_arms({str(arm): lift(0.1, p) for arm, p in enumerate(dice.random(4))})) for _ in range(400)
    )
    assert wrong / 400 < 0.05 + 4 * math.sqrt(0.05 * 0.95 / 400)


tries = st.integers(0, 3000).flatmap(lambda count: st.tuples(st.just(count), st.integers(0, count)))


@given(st.lists(tries, min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_a_bandits_shares_are_the_same_for_the_same_counts_and_cover_everybody(counts):
    arms = {f"arm_{number}": Tries(*tried) for number, tried in enumerate(counts)}
    shares = thompson_shares(arms)
    assert shares == thompson_shares(dict(arms))
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) > 0.049 if len(arms) <= 20 else True
    ends = list(bounds(shares).values())
    assert ends[0][0] == 0
    assert ends[-1][1] == 1
    assert all(left[1] == right[0] for left, right in pairwise(ends))


def test_chances_to_be_best_are_those_of_many_draws():
    arms = {"a": Tries(100, 10), "b": Tries(120, 15), "c": Tries(30, 5)}
    dice = np.random.default_rng(3)
    drawn = np.array([dice.beta(1 + t.successes, 1 + t.count - t.successes, 400_000) for t in arms.values()])
    shares = np.bincount(drawn.argmax(axis=0), minlength=3) / 400_000
    assert list(chances_to_be_best(arms).values()) == pytest.approx(shares, abs=0.003)
