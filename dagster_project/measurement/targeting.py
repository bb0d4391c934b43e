"""Who should get which arm: rules by segment, learned from a split and judged on other people.

A rule gives one arm to a segment and one to all others. It is learned on one half of the participants and
judged on the other, and the other way round (cross-fitting: Chernozhukov et al., Econometrics Journal 2018),
against the best single arm for everybody, learned on the same half. So nobody's own outcome speaks for the
rule that he falls under.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dagster_project.measurement.policies import LEAST_EFFECTIVE, Estimate, Logged, choose, doubly_robust

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Query = Callable[[str, Sequence[Any]], pa.Table]

CONFIDENCE = 0.95
"""That no rule is called clear by chance, all rules of an experiment together (Bonferroni)."""
REWARDS = ("converted", "clicked", "opened", "revenue")
PARTICIPANTS = """
with participants as (
    select arm, expected_share, profile_id, cast({reward} as double) as reward, since
    from intermediate.int_experiment_outcomes
    where experiment = ? and is_expected and expected_share > 0
    qualify row_number() over (partition by profile_id order by since, entry_id) = 1
)
select
    participants.arm, participants.expected_share, participants.profile_id, participants.reward,
    coalesce(
        list(distinct memberships.segment) filter (where memberships.segment is not null), []
    ) as segments
from participants
left join profiles.profile_identifiers as identifiers
    on participants.profile_id = identifiers.identifier_id
left join segments.segment_memberships as memberships
    on identifiers.profile_id = memberships.profile_id
    and memberships.entered_at <= participants.since
    and coalesce(memberships.exited_at, timestamp '9999-01-01') > participants.since
group by participants.arm, participants.expected_share, participants.profile_id, participants.reward
order by participants.profile_id
"""


class UnknownRewardError(ValueError):
    """There is no such reward; the message lists those that there are."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to give arms by segment.

    Attributes:
        segment: whose members get an arm of their own.
        members: how many participants were members when the arm was chosen.
        arm: what members should get.
        otherwise: what all others should get.
        value: mean reward per participant under the rule.
        gain: the same less that of the best single arm for everybody.
        is_clear: the gain is over 0 beyond chance, counting how many rules were tried.
    """

    segment: str
    members: int
    arm: str
    otherwise: str
    value: Estimate
    gain: Estimate
    is_clear: bool

    def shown(self) -> dict[str, str | int | float | bool]:
        """The rule as a line of a table."""
        return {
            "segment": self.segment,
            "members": self.members,
            "members get": self.arm,
            "others get": self.otherwise,
            "value": self.value.value,
            "gain over one arm for all": self.gain.value,
            "low": self.gain.low,
            "high": self.gain.high,
            "is clear": self.is_clear,
        }


def rules(query: Query, experiment: str, reward: str = "converted") -> list[Rule]:
    """Rules for one split, the largest gain first; empty where all segments should get the same arm.

    People count once, by their first time. Splits whose shares were moved by a bandit have no known chances
    and no rules.

    Args:
        query: asks the warehouse, or its readers' copy.
        experiment: as `experiment_results` names it.
        reward: what is to be got: converted, clicked, opened (shares) or revenue (currency of the shop).

    Raises:
        UnknownRewardError: for another reward.
    """
    if reward not in REWARDS:
        raise UnknownRewardError(f"{reward} is no reward: write one of {', '.join(REWARDS)}")
    found = query(PARTICIPANTS.format(reward=reward), [experiment]).to_pydict()
    segments = sorted({segment for listed in found["segments"] for segment in listed})
    is_member = {
        segment: np.array([segment in listed for listed in found["segments"]]) for segment in segments
    }
    logged = _log(found["arm"], found["expected_share"], found["reward"])
    halves = np.array([int(profile_id[-1], 16) % 2 for profile_id in found["profile_id"]])
    return list(judge(logged, halves, is_member))


def judge(
    logged: Logged, halves: NDArray[np.int64], is_member: dict[str, NDArray[np.bool_]]
) -> Iterator[Rule]:
    """Rules for a log, the largest gain first.

    Args:
        logged: one decision per participant.
        halves: 0 or 1 for each, by nothing that the outcome knows.
        is_member: for each segment, who was in it.
    """
    usable = {name: inside for name, inside in is_member.items() if _is_split(logged, halves, inside)}
    found = [_rule(logged, halves, name, inside, len(usable)) for name, inside in usable.items()]
    yield from sorted(
        (rule for rule in found if rule.arm != rule.otherwise), key=lambda rule: -rule.gain.value
    )


def _rule(
    logged: Logged, halves: NDArray[np.int64], segment: str, inside: NDArray[np.bool_], tried: int
) -> Rule:
    grouped = replace(logged, groups=inside.astype(np.int64))
    by_rule, for_all = np.zeros(len(logged), dtype=np.int64), np.zeros(len(logged), dtype=np.int64)
    for half in (0, 1):
        taught = halves != half
        by_rule[~taught] = np.where(
            inside[~taught], _best(logged, taught & inside), _best(logged, taught & ~inside)
        )
        for_all[~taught] = _best(logged, taught)
    value, single = (
        doubly_robust(grouped, choose(one.tolist(), len(logged.arms))) for one in (by_rule, for_all)
    )
    gain = Estimate.of(value - single)
    return Rule(
        segment=segment,
        members=int(inside.sum()),
        arm=logged.arms[_best(logged, inside)],
        otherwise=logged.arms[_best(logged, ~inside)],
        value=Estimate.of(value),
        gain=gain,
        is_clear=_p_value(value - single) <= (1 - CONFIDENCE) / tried,
    )


def _best(logged: Logged, among: NDArray[np.bool_]) -> int:
    """The arm with the largest mean reward among some; an arm that nobody had is the worst."""
    taken, rewards = logged.taken[among], logged.rewards[among]
    counts = np.bincount(taken, minlength=len(logged.arms))
    sums = np.bincount(taken, weights=rewards, minlength=len(logged.arms))
    return int(np.where(counts > 0, sums / np.maximum(counts, 1), -np.inf).argmax())


def _p_value(differences: NDArray[np.float64]) -> float:
    """One-sided, that the mean is not over 0 (normal)."""
    error = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    return 0.5 * math.erfc(float(differences.mean()) / error / math.sqrt(2)) if error else 1.0


def _is_split(logged: Logged, halves: NDArray[np.int64], inside: NDArray[np.bool_]) -> bool:
    """Whether enough people are inside and outside, in both halves and under every arm."""
    return all(
        np.bincount(logged.taken[(inside == side) & (halves == half)], minlength=len(logged.arms)).min()
        >= LEAST_EFFECTIVE
        for side in (True, False)
        for half in (0, 1)
    )


def _log(arms: Sequence[str], shares: Sequence[float], rewards: Sequence[float]) -> Logged:
    """Decisions with their chances among those who took part: shares of the arms need not add up to 1."""
    named = tuple(sorted(set(arms)))
    share_of = dict(zip(arms, shares, strict=True))
    taken = np.array([named.index(arm) for arm in arms], dtype=np.int64)
    chances = np.array([share_of[arm] for arm in named]) / max(sum(share_of.values()), 1e-9)
    no_groups = np.zeros(len(taken), dtype=np.int64)
    return Logged(named, no_groups, taken, chances[taken], np.array(rewards, dtype=float))
