"""Off-policy evaluation: estimators by hand, invariants, and logs that cannot be evaluated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.measurement.policies import Logged, choose, evaluate_policy


def log(taken, propensities, rewards, groups=None) -> Logged:
    return Logged(
        ("mail", "text"),
        np.array(groups or [0] * len(taken)),
        np.array(taken),
        np.array(propensities, dtype=float),
        np.array(rewards, dtype=float),
    )


def test_who_by_chance_got_what_the_policy_says_stands_for_the_others():
    logged = log([0, 1, 1, 1], [0.25, 0.75, 0.75, 0.75], [1, 0, 1, 0])
    value = evaluate_policy(logged, choose([0, 0, 1, 1], 2))
    assert value.ips.value == pytest.approx((1 / 0.25 + 1 / 0.75) / 4)
    assert value.snips.value == pytest.approx((4 + 4 / 3) / (4 + 4 / 3 + 4 / 3))
    assert value.logged.value == 0.5
    assert not value.is_supported


def test_a_reward_that_the_group_tells_whole_leaves_no_doubt():
    groups = [0, 0, 0, 0, 1, 1, 1, 1]
    rewards = [1, 1, 0, 0, 0, 0, 1, 1]
    logged = log([0, 0, 1, 1] * 2, [0.5] * 8, rewards, groups)
    value = evaluate_policy(logged, choose([0] * 4 + [1] * 4, 2))
    assert value.dr.value == pytest.approx(1, abs=0.2)
    assert value.dr.high - value.dr.low < value.ips.high - value.ips.low


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.floats(0, 9)), min_size=2, max_size=30))
@settings(max_examples=50, deadline=None)
def test_the_policy_that_was_followed_earned_what_was_earned(decisions):
    """Without randomness all estimators give the mean."""
    taken, groups, rewards = zip(*decisions, strict=True)
    logged = log(taken, [1.0] * len(taken), rewards, list(groups))
    value = evaluate_policy(logged, choose(taken, 2))
    for estimate in (value.ips, value.snips, value.dr, value.logged):
        assert estimate.value == pytest.approx(np.mean(rewards))
    assert value.effective_count == pytest.approx(len(taken))


@pytest.mark.parametrize(
    ("propensities", "policy", "said"),
    [
        ([0.5, 0.0], [[1, 0], [1, 0]], "propensity, over 0"),
        ([0.5, 0.5], [[1, 0], [0.5, 0]], "add up to 1"),
        ([0.5, 0.5], [[1, 0]], "shape"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(propensities, policy, said):
    with pytest.raises(ValueError, match=said):
        evaluate_policy(log([0, 1], propensities, [1, 0]), np.array(policy, dtype=float))
