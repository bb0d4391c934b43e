"""Lift of a treated group over its hold-out: the difference of two shares, its interval, what it can say.

The marts hold the counts (`experiment_totals`); this module adds what the demo's closing table needs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scipy import stats

CONFIDENCE = 0.95
POWER = 0.80


@dataclass(frozen=True, slots=True)
class Group:
    """One arm of an experiment: how many people were in it and how many of them did what was hoped for."""

    participants: int
    conversions: int

    def __post_init__(self) -> None:
        if not 0 <= self.conversions <= self.participants:
            raise ValueError(f"{self.conversions} conversions of {self.participants} participants")

    @property
    def rate(self) -> float:
        """Share of participants who converted; not a number without participants."""
        return self.conversions / self.participants if self.participants else math.nan

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Wilson's score interval of the rate (Wilson 1927); all of [0, 1] without participants."""
        if not self.participants:
            return 0.0, 1.0
        bounds = stats.binomtest(self.conversions, self.participants).proportion_ci(
            confidence, method="wilson"
        )
        return float(bounds.low), float(bounds.high)


@dataclass(frozen=True, slots=True)
class Lift:
    """How much more often treated people convert than held-out ones.

    Attributes:
        treated: people who were sent messages (or would have been: intention to treat).
        held_out: people who were chosen by hash to get none.
        difference: rate of the treated less rate of the held out, in shares (0.02 = 2 percentage points).
        low: lower end of the difference's confidence interval.
        high: upper end.
        detectable: smallest difference that groups of this size would find four times out of five.
    """

    treated: Group
    held_out: Group
    difference: float
    low: float
    high: float
    detectable: float

    @property
    def is_significant(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0

    @property
    def note(self) -> str:
        """One line for people: what the figures allow one to say."""
        if not self.treated.participants or not self.held_out.participants:
            return "no hold-out to compare with"
        if self.is_significant:
            return "clear at 95 %"
        return f"not clear: groups of this size show differences from {self.detectable * 100:.1f} points"


def measure_lift(treated: Group, held_out: Group, confidence: float = CONFIDENCE) -> Lift:
    """Lift with Newcombe's hybrid score interval.

    Source: Newcombe 1998, Interval estimation for the difference between independent proportions,
    Statistics in Medicine 17, method 10. It keeps its level for small groups and for rates near 0, where
    the usual normal interval does not. `experiment_totals` states the same formula in SQL.

    Args:
        treated: counts of the treated.
        held_out: counts of the held out.
        confidence: level of the interval.
    """
    treated_low, treated_high = treated.interval(confidence)
    held_out_low, held_out_high = held_out.interval(confidence)
    difference = treated.rate - held_out.rate
    return Lift(
        treated=treated,
        held_out=held_out,
        difference=difference,
        low=difference - math.hypot(treated.rate - treated_low, held_out_high - held_out.rate),
        high=difference + math.hypot(treated_high - treated.rate, held_out.rate - held_out_low),
        detectable=detectable_difference(treated, held_out, confidence),
    )


def detectable_difference(
    treated: Group, held_out: Group, confidence: float = CONFIDENCE, power: float = POWER
) -> float:
    """Smallest true difference that a two-sided test finds with the given power, at the groups' pooled rate.

    Normal approximation, Fleiss, Levin & Paik 2003, Statistical Methods for Rates and Proportions, chapter 4:
    (z(1 - alpha / 2) + z(power)) * sqrt(p (1 - p) (1 / n1 + 1 / n2)). Not a number when a group is empty.
    """
    if not treated.participants or not held_out.participants:
        return math.nan
    pooled = (treated.conversions + held_out.conversions) / (treated.participants + held_out.participants)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / treated.participants + 1 / held_out.participants))
    return float(stats.norm.ppf((1 + confidence) / 2) + stats.norm.ppf(power)) * spread


def hold_out_lifts(results: list[Mapping[str, Any]]) -> dict[str, Lift]:
    """Lift of each flow from rows of `experiment_totals`; flows without a hold-out are left out.

    Args:
        results: rows with at least experiment, metric, arm, participant_count and success_count.

    Returns:
        flow name (`flow_…`) to lift of its metric `converted`, sorted by name.
    """
    groups = {
        (row["experiment"].removesuffix(".hold_out"), row["arm"]): Group(
            row["participant_count"], row["success_count"]
        )
        for row in results
        if row["experiment"].endswith(".hold_out") and row["metric"] == "converted"
    }
    flows = sorted({flow for flow, arm in groups if arm == "held_out"})
    return {
        flow: measure_lift(groups.get((flow, "treated"), Group(0, 0)), groups[flow, "held_out"])
        for flow in flows
    }
