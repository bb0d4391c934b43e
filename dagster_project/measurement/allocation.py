"""Who gets what from now on: winners for everybody, shares of bandits. Decided before a run, obeyed by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dagster_project.flows.spec import Definition, Step
from dagster_project.measurement.bandit import Tries, bounds, thompson_shares
from dagster_project.measurement.decisions import Decision, decide
from dagster_project.measurement.experiments import Experiment, read_experiments

if TYPE_CHECKING:
    from dagster_project.flows.splits import Bandit, Winner
    from dagster_project.warehouse import Warehouse

TABLE = "raw_measurement.allocations"
SPLIT_FLOWS = """
select flow, flow_version, definition from raw_flows.flows
where cast(definition as text) like '%"winner"%' or cast(definition as text) like '%"bandit"%'
order by flow
"""
ARMS = """
select
    flow_arms.step, flow_arms.arm, flow_arms.variant, flow_arms.share_from, flow_arms.share_to,
    allocations.kind, allocations.decided_at
from raw_flows.flow_arms
left join staging.stg_measurement__allocations as allocations
    on flow_arms.flow = allocations.flow and flow_arms.step = allocations.step
    and flow_arms.arm = allocations.arm
    and flow_arms.share_from = allocations.replaces_from and flow_arms.share_to = allocations.replaces_to
where flow_arms.flow = ? and flow_arms.flow_version = ? and flow_arms.variant is not null
order by flow_arms.arm_position
"""
BEGAN = """
select
    min(logged_at) filter (where kind = 'decided' and step = ? and arm = variant) as decided_at,
    min(logged_at) filter (where kind = 'entered') as entered_at,
    (select max(seen_at) from intermediate.complete_runs) as known_until
from intermediate.int_flow_log where flow = ?
"""
READY = """
select count(*) as found from information_schema.tables
where table_name in ('int_flow_log', 'experiment_totals', 'stg_measurement__allocations')
"""
NEEDED = 3


@dataclass(frozen=True, slots=True)
class Allocation:
    """New bounds of one arm in place of the YAML's: a row of `raw_measurement.allocations`."""

    flow: str
    step: str
    arm: str
    replaces_from: float
    replaces_to: float
    share_from: float
    share_to: float
    kind: str
    reason: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Split:
    """A split under way: its step, and its arms as compiled, each with what replaced it last."""

    flow: str
    kind: str
    step: Step
    waited: timedelta
    arms: tuple[Mapping[str, Any], ...]

    @property
    def experiment(self) -> str:
        """The experiment's name."""
        return f"{self.flow}.{self.step.step}"

    @property
    def is_won(self) -> bool:
        """Whether it has ended."""
        return all(arm["kind"] == "winner" for arm in self.arms)

    @property
    def last_moved_at(self) -> datetime | None:
        """When the bandit last moved; none when one of the arms is new."""
        moments = [arm["decided_at"] for arm in self.arms]
        return None if None in moments else max(moments)

    def allocate(
        self, shares: Mapping[str, tuple[float, float]], kind: str, reason: str, at: datetime
    ) -> list[Allocation]:
        """New bounds for all arms; who is not named gets nothing."""
        return [
            Allocation(
                self.flow,
                self.step.step,
                arm["arm"],
                arm["share_from"],
                arm["share_to"],
                *shares.get(arm["arm"], (0.0, 0.0)),
                kind,
                reason,
                at,
            )
            for arm in self.arms
        ]


def settle(warehouse: Warehouse, as_of: datetime) -> list[Allocation]:
    """End the splits whose time has come and move the bandits; what is decided holds from this run on.

    Costs one small query when no flow has a winner or a bandit.

    Returns:
        The new allocations, which stand in `raw_measurement.allocations`.
    """
    if warehouse.query(SPLIT_FLOWS).num_rows == 0 or _count(warehouse) < NEEDED:
        return []
    new = [row for split in _splits(warehouse) for row in _settled(warehouse, split, as_of)]
    if new:
        warehouse.load(TABLE, pa.Table.from_pylist([asdict(row) for row in new]))
    return new


def _count(warehouse: Warehouse) -> int:
    return int(warehouse.query(READY)["found"][0].as_py())


def _splits(warehouse: Warehouse) -> Iterator[Split]:
    for row in warehouse.query(SPLIT_FLOWS).to_pylist():
        definition = Definition.model_validate_json(row["definition"])
        arms = warehouse.query(ARMS, [row["flow"], row["flow_version"]]).to_pylist()
        waited = timedelta()
        for step in definition.steps:
            timeout = step.wait_until.timeout_seconds if step.wait_until else 0
            waited += timedelta(seconds=(step.wait or 0) + timeout)
            own = tuple(arm for arm in arms if arm["step"] == step.step)
            if own and (step.winner or step.bandit):
                yield Split(row["flow"], definition.kind, step, waited, own)


def _settled(warehouse: Warehouse, split: Split, as_of: datetime) -> list[Allocation]:
    if split.step.winner:
        return _won(warehouse, split, split.step.winner, as_of)
    return _moved(warehouse, split, split.step.bandit, as_of) if split.step.bandit else []


def _won(warehouse: Warehouse, split: Split, winner: Winner, as_of: datetime) -> list[Allocation]:
    if split.is_won or not _is_over(warehouse, split, winner, as_of):
        return []
    decision = _decision(read_experiments(warehouse, split.experiment), winner)
    chosen = decision.winner or split.step.fallback or ""
    reason = decision.reason if decision.winner else f"no winner: {decision.reason}"
    return split.allocate({chosen: (0.0, 1.0)}, "winner", reason, as_of)


def _decision(found: list[Experiment], winner: Winner) -> Decision:
    if not found:
        return Decision(None, "fewer than two arms have participants")
    return decide(found[0].evidence(winner.by), winner.at_least)


def _is_over(warehouse: Warehouse, split: Split, winner: Winner, as_of: datetime) -> bool:
    """Whether the split has run for as long as it should.

    Variants with times of their own are watched for equally long after each send: the latest one's time has
    to be over, too, and what happened in it to be known.
    """
    began = warehouse.query(BEGAN, [split.step.step, split.flow]).to_pylist()[0]
    began_at = _began_at(split, began)
    if began_at is None:
        return False
    over_at = began_at + timedelta(seconds=winner.after + split.step.spread)
    known_until = began["known_until"] if split.step.spread else as_of
    return known_until is not None and over_at <= min(as_of, known_until)


def _began_at(split: Split, began: Mapping[str, Any]) -> datetime | None:
    """First decision of a sampled entry. A campaign of which nobody is sampled must not wait for ever."""
    if began["decided_at"] is None and began["entered_at"] is not None and split.kind == "campaign":
        entered_at: datetime = began["entered_at"]
        return entered_at + split.waited
    decided_at: datetime | None = began["decided_at"]
    return decided_at


def _moved(warehouse: Warehouse, split: Split, bandit: Bandit, as_of: datetime) -> list[Allocation]:
    last = split.last_moved_at
    if last is not None and as_of < last + timedelta(seconds=bandit.every):
        return []
    found = read_experiments(warehouse, split.experiment)
    counted = found[0].metrics.get(bandit.by, {}) if found else {}
    tries = {
        arm["arm"]: Tries(counted[arm["arm"]].participants, round(counted[arm["arm"]].totals.value))
        if arm["arm"] in counted
        else Tries(0, 0)
        for arm in split.arms
    }
    if not counted:
        return []
    shares = thompson_shares(tries)
    said = ", ".join(f"{arm} {share:.0%}" for arm, share in shares.items())
    return split.allocate(bounds(shares), "bandit", said, as_of)
