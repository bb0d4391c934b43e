"""Who has won: the rule that gives an experiment's winner to everybody else, or says that nobody has won."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster_project.measurement.statistics import ALPHA

if TYPE_CHECKING:
    from dagster_project.measurement.statistics import Comparison

MINIMUM_PARTICIPANTS = 100
"""In each arm; with fewer, the normal distribution behind the statistics is a guess."""
MISMATCH_P_VALUE = 0.001
"""Below it, the arms' sizes are not chance: the assignment is broken, so nothing else counts."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of an experiment.

    Attributes:
        baseline: arm that the others are compared with.
        participants: units, by arm.
        lifts: the deciding metric, by arm without the baseline.
        guardrails: by arm without the baseline: metrics of which more is worse.
        sample_ratio_p_value: of the arms' sizes against the shares that were meant.
    """

    baseline: str
    participants: Mapping[str, int]
    lifts: Mapping[str, Comparison]
    guardrails: Mapping[str, tuple[Comparison, ...]]
    sample_ratio_p_value: float


@dataclass(frozen=True, slots=True)
class Decision:
    """An arm, or none, and why in words."""

    winner: str | None
    reason: str


def decide(evidence: Evidence, minimum: int = MINIMUM_PARTICIPANTS) -> Decision:
    """The winner at the end of an experiment.

    An arm wins when it is better than the baseline (Holm's correction for several arms, 5 % in all) and no
    guardrail is clearly worse; of several, the one with the greatest lift. The baseline wins when every other
    arm is clearly worse, by the same rule. Otherwise nobody has won.
    """
    if evidence.sample_ratio_p_value < MISMATCH_P_VALUE:
        return Decision(None, "the arms' sizes differ from the shares that were meant: check the assignment")
    if min(evidence.participants.values(), default=0) < minimum:
        return Decision(None, f"an arm has fewer than {minimum} participants")
    clear = clear_arms(evidence.lifts)
    broken = {arm for arm in clear if breaks_guardrail(evidence.guardrails.get(arm, ()))}
    better = {arm for arm in clear if evidence.lifts[arm].lift > 0}
    if better - broken:
        winner = max(sorted(better - broken), key=lambda arm: evidence.lifts[arm].lift)
        return Decision(winner, f"better than {evidence.baseline}")
    if better:
        return Decision(None, f"better, but a guardrail is worse: {', '.join(sorted(better))}")
    if clear and clear == set(evidence.lifts):
        return Decision(evidence.baseline, "every other arm is worse")
    return Decision(None, "no clear difference")


def clear_arms(lifts: Mapping[str, Comparison], alpha: float = ALPHA) -> set[str]:
    """Arms that differ from the baseline, with at most `alpha` chance of any error (Holm 1979)."""
    known = sorted((arm for arm, lift in lifts.items() if lift.is_known), key=lambda arm: lifts[arm].p_value)
    found: set[str] = set()
    for position, arm in enumerate(known):
        if lifts[arm].p_value > alpha / (len(lifts) - position):
            break
        found.add(arm)
    return found


def breaks_guardrail(comparisons: tuple[Comparison, ...]) -> bool:
    """Whether any of these metrics is clearly higher: more people leave or complain, more addresses fail."""
    return any(one.is_known and one.low > 0 for one in comparisons)
