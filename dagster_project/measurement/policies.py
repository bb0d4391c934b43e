"""What a rule would have earned that nobody followed: off-policy evaluation of logged decisions.

Each decision was drawn with a known chance (the shares of a split or bandit), so a rule that would have
decided otherwise can be judged by those who by chance got what it says. No kept library fits: obp 0.5.5 needs
numpy 1.22 and torch, contextualbandits knows only rewards of 0 and 1. The estimators are a line each.

- IPS, inverse propensity score: Horvitz & Thompson, JASA 1952.
- SNIPS, self-normalised: Swaminathan & Joachims, NeurIPS 2015.
- DR, doubly robust: Dudik, Langford & Li, ICML 2011. Here the reward model is the mean of each cell (group
  and arm), made without the decision it is used for, so that it cannot know the outcome it corrects.

Intervals are normal, from the spread of what each decision contributes (for SNIPS linearised).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dagster_project.measurement.statistics import Z_ALPHA

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_EFFECTIVE = 50.0
"""Below so many decisions' worth of evidence, an interval is not to be believed."""


@dataclass(frozen=True, slots=True)
class Logged:
    """Decisions as they were made, one position per decision in every array.

    Attributes:
        arms: names of the arms; the others refer to them by position.
        groups: what was known of the person, as a number from 0; rewards are modelled by group and arm.
        taken: position of the arm that was taken.
        propensities: chance with which it was taken, over 0.
        rewards: what came of it.

    Raises:
        ValueError: when arrays differ in length or a propensity is not in (0, 1].
    """

    arms: tuple[str, ...]
    groups: NDArray[np.int64]
    taken: NDArray[np.int64]
    propensities: NDArray[np.float64]
    rewards: NDArray[np.float64]

    def __post_init__(self) -> None:
        lengths = {len(part) for part in (self.groups, self.taken, self.propensities, self.rewards)}
        if len(lengths) != 1:
            raise ValueError(f"logged decisions of different lengths: {sorted(lengths)}")
        if not ((self.propensities > 0) & (self.propensities <= 1)).all():
            raise ValueError("every logged decision needs its propensity, over 0 and at most 1")

    def __len__(self) -> int:
        """How many decisions."""
        return len(self.taken)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Mean reward of a policy, with its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, contributions: NDArray[np.float64]) -> Estimate:
        """The mean of independent contributions; without a width where there are fewer than two."""
        count = len(contributions)
        if count < 2:  # noqa: PLR2004  (a spread needs two)
            return cls(math.nan, math.nan, math.nan)
        value = float(contributions.mean())
        margin = Z_ALPHA * float(contributions.std(ddof=1)) / math.sqrt(count)
        return cls(value, value - margin, value + margin)


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """What a policy would have earned per decision.

    Attributes:
        ips: unbiased; wide where propensities are small.
        snips: narrower, slightly biased in small samples.
        dr: as unbiased as IPS, and narrower where the groups tell something. The one to go by.
        logged: what was earned by the decisions as they were made.
        gain: DR less what was earned, with an interval of the difference.
        effective_count: decisions that the evidence is worth, (sum w) squared / sum of w squared (Kish 1965).
    """

    ips: Estimate
    snips: Estimate
    dr: Estimate
    logged: Estimate
    gain: Estimate
    effective_count: float

    @property
    def is_supported(self) -> bool:
        """Whether enough of the log agrees with the policy for its intervals to be believed."""
        return self.effective_count >= LEAST_EFFECTIVE


def evaluate_policy(logged: Logged, policy: NDArray[np.float64]) -> PolicyValue:
    """Estimate the mean reward per decision if a policy had decided.

    Args:
        logged: the decisions as they were made.
        policy: chance of each arm (column) for each decision (row); rows add up to 1.

    Raises:
        ValueError: when the policy does not fit the log, or its rows do not add up to 1.
    """
    robust, weights = doubly_robust(logged, policy), _weights(logged, policy)
    total = float(weights.sum())
    ratio = float(weights @ logged.rewards) / total if total else math.nan
    linearised = ratio + weights * (logged.rewards - ratio) * (len(logged) / total if total else math.nan)
    return PolicyValue(
        ips=Estimate.of(weights * logged.rewards),
        snips=Estimate.of(linearised),
        dr=Estimate.of(robust),
        logged=Estimate.of(logged.rewards),
        gain=Estimate.of(robust - logged.rewards),
        effective_count=total**2 / float((weights**2).sum()) if total else 0.0,
    )


def doubly_robust(logged: Logged, policy: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each decision contributes to the DR estimate of a policy, for comparing policies pair by pair.

    Raises:
        ValueError: as `evaluate_policy`.
    """
    if policy.shape != (len(logged), len(logged.arms)):
        raise ValueError(f"a policy of shape {policy.shape} for {len(logged)} decisions")
    if not np.allclose(policy.sum(axis=1), 1) or (policy < 0).any():
        raise ValueError("the chances of a policy add up to 1 for every decision")
    expected = _expected_rewards(logged)
    surprise = logged.rewards - expected[np.arange(len(logged)), logged.taken]
    contributions: NDArray[np.float64] = (policy * expected).sum(axis=1) + _weights(logged, policy) * surprise
    return contributions


def choose(choices: Sequence[int], arms: int) -> NDArray[np.float64]:
    """A policy that takes one arm for sure: the chances, from the arm's position per decision."""
    chances: NDArray[np.float64] = np.eye(arms)[np.asarray(choices, dtype=int)]
    return chances


def _weights(logged: Logged, policy: NDArray[np.float64]) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = policy[np.arange(len(logged)), logged.taken] / logged.propensities
    return weights


def _expected_rewards(logged: Logged) -> NDArray[np.float64]:
    """Mean reward of each decision's group under each arm, without itself; shape (decisions, arms).

    Means are shrunk to the arm's own by one decision, which also fills cells that nobody was in.
    """
    shape = (int(logged.groups.max(initial=0)) + 1, len(logged.arms))
    sums, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (logged.groups, logged.taken), logged.rewards)
    np.add.at(counts, (logged.groups, logged.taken), 1)
    arm_sums, arm_counts = sums.sum(axis=0), counts.sum(axis=0)
    rows = np.arange(len(logged))
    own = np.zeros((len(logged), len(logged.arms)))
    own[rows, logged.taken] = 1
    earned = own * logged.rewards[:, None]
    arm_means = (arm_sums - earned) / np.maximum(arm_counts - own, 1)
    expected: NDArray[np.float64] = (sums[logged.groups] - earned + arm_means) / (
        counts[logged.groups] - own + 1
    )
    return expected
