"""From the sums of `experiment_totals` to what they say: one analysis per experiment, metric and arm."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dagster_project.measurement.decisions import (
    MINIMUM_PARTICIPANTS,
    MISMATCH_P_VALUE,
    Decision,
    Evidence,
    decide,
)
from dagster_project.measurement.statistics import Comparison, Totals, compare, sample_ratio_p_value

if TYPE_CHECKING:
    from dagster_project.warehouse import Warehouse

DECIDING_METRIC = "converted"
GUARDRAILS = ("unsubscribed", "complained", "bounced")
"""No winner may do clearly worse on one of them."""
READ = "select * from measurement.experiment_totals {} order by experiment, metric, arm"
SUMS = tuple(f"{name}_sum" for name in Totals.__dataclass_fields__ if name != "count")
SHOWN = (
    "plain_lift", "lift", "low", "high", "p_value", "sequential_low", "sequential_high", "sequential_p_value",
    "chance_to_beat", "expected_loss", "detectable_lift", "needed_count",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm's row of `experiment_totals`."""

    name: str
    participants: int
    expected_count: int
    expected_share: float
    totals: Totals
    first_at: datetime | None
    last_at: datetime | None

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Arm:
        """A row as an arm."""
        return cls(
            name=row["arm"],
            participants=row["participant_count"],
            expected_count=row["expected_count"] or 0,
            expected_share=row["expected_share"] or 0.0,
            totals=Totals(row["unit_count"], *(float(row[name] or 0) for name in SUMS)),
            first_at=row["first_at"],
            last_at=row["last_at"],
        )


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment: its arms by metric, and what they say."""

    name: str
    baseline: str
    metrics: Mapping[str, Mapping[str, Arm]]

    @property
    def arms(self) -> Mapping[str, Arm]:
        """The arms as they were assigned: every entry of theirs counts."""
        return self.metrics.get(DECIDING_METRIC) or next(iter(self.metrics.values()))

    @property
    def sample_ratio_p_value(self) -> float:
        """Of the arms' sizes against the shares that were meant; 1 where they cannot be compared."""
        arms = [arm for arm in self.arms.values() if arm.expected_share > 0]
        return sample_ratio_p_value(
            [arm.expected_count for arm in arms], [arm.expected_share for arm in arms]
        )

    def lifts(self, metric: str) -> dict[str, Comparison]:
        """Each arm against the baseline; nothing is known where one of them has no rows."""
        arms = self.metrics.get(metric, {})
        return {
            name: compare(arms[name].totals, arms[self.baseline].totals)
            if name in arms and self.baseline in arms
            else Comparison()
            for name in self.arms
            if name != self.baseline
        }

    def balance_p_value(self) -> float:
        """Smallest p-value of a difference before the experiment: the arms must have been alike.

        Corrected for the number of arms. A small one means that the assignment is not random, or that what
        is taken for known beforehand was touched by the experiment (a leak).
        """
        before = {name: _before(arm.totals) for name, arm in self.arms.items()}
        if self.baseline not in before:
            return 1.0
        found = [
            compare(totals, before[self.baseline]).p_value
            for name, totals in before.items()
            if name != self.baseline
        ]
        known = [p_value for p_value in found if math.isfinite(p_value)]
        return min(1.0, min(known) * len(known)) if known else 1.0

    def evidence(self, metric: str, guardrails: Sequence[str] = GUARDRAILS) -> Evidence:
        """What the decision is made from."""
        watched = {name: self.lifts(name) for name in guardrails if name in self.metrics and name != metric}
        counted = self.metrics.get(metric, {})
        return Evidence(
            baseline=self.baseline,
            participants={
                name: counted[name].totals.count if name in counted else 0
                for name in {*self.arms, self.baseline}
            },
            lifts=self.lifts(metric),
            guardrails={
                name: tuple(lifts[name] for lifts in watched.values())
                for name in self.arms
                if name != self.baseline
            },
            sample_ratio_p_value=self.sample_ratio_p_value,
        )


def read_experiments(warehouse: Warehouse, name: str | None = None) -> list[Experiment]:
    """Every experiment with two arms or more (or one of them by name), as of now."""
    where = "where experiment = ?" if name else ""
    rows = warehouse.query(READ.format(where), [name] if name else []).to_pylist()
    found = [_experiment(key, list(group)) for key, group in groupby(rows, lambda row: row["experiment"])]
    return [experiment for experiment in found if len(experiment.arms) > 1]


def analyse(experiment: Experiment, metric: str = DECIDING_METRIC) -> list[dict[str, Any]]:
    """Rows of `raw_measurement.analyses`, one per metric and arm, without the moment.

    Args:
        experiment: what was counted.
        metric: the one that decides.
    """
    decision = decide(experiment.evidence(metric))
    ratio, balance = experiment.sample_ratio_p_value, experiment.balance_p_value()
    rows = []
    for name, arms in experiment.metrics.items():
        lifts = experiment.lifts(name)
        for arm in arms.values():
            lift = lifts.get(arm.name, Comparison())
            rows.append(
                _row(experiment, name, arm, lift, decision)
                | {
                    "sample_ratio_p_value": ratio,
                    "balance_p_value": balance,
                    "decides": name == metric,
                    "warning": warning(
                        arm, lift, ratio, balance, is_baseline=arm.name == experiment.baseline
                    ),
                }
            )
    return rows


def warning(arm: Arm, lift: Comparison, ratio: float, balance: float, *, is_baseline: bool) -> str | None:
    """The most serious thing that a reader of the row must know; none when there is none."""
    weak = f"underpowered: shows lifts from {lift.detectable_lift:.4g}"
    said = {
        "sample ratio mismatch: the assignment is broken, believe nothing": ratio < MISMATCH_P_VALUE,
        "the arms differed before the experiment: believe nothing": balance < MISMATCH_P_VALUE,
        f"fewer than {MINIMUM_PARTICIPANTS} participants": arm.totals.count < MINIMUM_PARTICIPANTS,
        "nothing varies: no statement": not is_baseline and not lift.is_known,
        weak: lift.is_underpowered,
    }
    return next((words for words, holds in said.items() if holds), None)


def write_analyses(warehouse: Warehouse, rows: Iterable[Mapping[str, Any]], as_of: datetime) -> None:
    """Append analyses; what is not a number becomes null."""
    stamped = [{**_nulls(row), "analysed_at": as_of} for row in rows]
    if stamped:
        warehouse.load("raw_measurement.analyses", pa.Table.from_pylist(stamped))


def _experiment(name: str, rows: list[dict[str, Any]]) -> Experiment:
    metrics: dict[str, dict[str, Arm]] = {}
    for row in rows:
        metrics.setdefault(row["metric"], {})[row["arm"]] = Arm.read(row)
    return Experiment(name, rows[0]["baseline_arm"], metrics)


def _row(
    experiment: Experiment, metric: str, arm: Arm, lift: Comparison, decision: Decision
) -> dict[str, Any]:
    said = asdict(lift)
    return {
        "experiment": experiment.name,
        "metric": metric,
        "arm": arm.name,
        "baseline_arm": experiment.baseline,
        "unit_count": arm.totals.count,
        "participant_count": arm.participants,
        "mean": arm.totals.mean,
        **{name: said[name] for name in SHOWN},
        "winner": decision.winner,
        "reason": decision.reason,
        "first_at": arm.first_at,
        "last_at": arm.last_at,
    }


def _before(totals: Totals) -> Totals:
    """The covariate as if it were what is measured, once for each unit."""
    return replace(
        totals,
        value=totals.before,
        value_value=totals.before_before,
        weight=float(totals.count),
        weight_weight=float(totals.count),
        value_weight=totals.before,
        before=0.0,
        before_before=0.0,
        before_value=0.0,
        before_weight=0.0,
    )


def _nulls(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
