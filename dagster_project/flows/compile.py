"""Flows as rows of `raw_flows`: the only form in which the engine, a reviewer and a diff see them.

Every table but `flows` is append-only per version, so that an entry can be read under the version that decided it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dagster_project.flows.registry import Flow, check_flows, load_flows
from dagster_project.flows.spec import Action, Condition, Step, Term, Variant
from dagster_project.flows.words import WHOLE, ConditionWord

if TYPE_CHECKING:
    from dagster_project.warehouse import Warehouse

__all__ = ["ArmRow", "ConditionRow", "ExitRow", "FlowRow", "FlowRows", "StepRow", "check_flows", "compile_flow",
           "load_flows", "write_flows"]


@dataclass(frozen=True)
class FlowRow:
    """The flow as a whole."""

    flow: str
    flow_version: str
    kind: str
    owner: str
    description: str
    message_class: str
    priority: int
    reenter: str
    reenter_after_seconds: int | None
    hold_out_share: float
    goal_signal: str | None
    goal_within_seconds: int | None
    enter_within_seconds: int
    max_age_seconds: int
    definition: str


@dataclass(frozen=True)
class StepRow:
    """One step: when it is due after the last decision, or after the entry for the first one."""

    flow: str
    flow_version: str
    step: str
    position: int
    wait_seconds: int
    at_time: str | None
    wait_until: str | None
    wait_until_timeout_seconds: int | None


@dataclass(frozen=True)
class ArmRow:
    """One way of a step: the first by position whose condition holds (none = always) and whose share has the profile.

    Every step has an arm for everybody: a branch without `else` ends in an arm that does nothing.
    """

    flow: str
    flow_version: str
    step: str
    arm: str
    arm_position: int
    share_from: float
    share_to: float
    condition: str | None
    action: str
    channel: str | None
    template: str | None
    variant: str | None
    message_class: str
    priority: int
    payload: str


@dataclass(frozen=True)
class ConditionRow:
    """One term of a condition; `match` says whether any or all of the condition's terms must hold.

    `since` is `entry`, a step, or null when signals count from any time (`within_seconds` ago at most).
    """

    flow: str
    flow_version: str
    condition: str
    term_position: int
    match: str
    term_type: str
    term: str
    operator: str | None
    value: str | None
    since: str | None
    within_seconds: int | None
    is_negated: bool


@dataclass(frozen=True)
class ExitRow:
    """One signal that ends the entry."""

    flow: str
    flow_version: str
    signal: str


@dataclass(frozen=True)
class FlowRows:
    """A compiled flow: one tuple per table of `raw_flows`."""

    flows: tuple[FlowRow, ...]
    flow_steps: tuple[StepRow, ...]
    flow_arms: tuple[ArmRow, ...]
    flow_conditions: tuple[ConditionRow, ...]
    flow_exits: tuple[ExitRow, ...]


def compile_flow(flow: Flow) -> FlowRows:
    """The rows of one flow; the same words give the same rows."""
    definition, key = flow.definition, (flow.name, flow.version)
    return FlowRows(
        flows=(FlowRow(
            *key, definition.kind, flow.owner, flow.description, definition.message_class, definition.priority,
            definition.reenter.rule, definition.reenter.after_seconds, float(definition.hold_out / WHOLE),
            definition.goal.signal if definition.goal else None,
            definition.goal.within if definition.goal else None,
            definition.enter_within, definition.max_age_seconds, json.dumps(definition.words()),
        ),),
        flow_steps=tuple(_step_row(key, position, step) for position, step in enumerate(definition.steps, start=1)),
        flow_arms=tuple(arm for step in definition.steps for arm in _arm_rows(flow, step)),
        flow_conditions=tuple(row for word in _asked(definition.steps)
                              for row in _condition_rows(key, word, definition.conditions[word.name])),
        flow_exits=tuple(ExitRow(*key, signal) for signal in dict.fromkeys(definition.exit_on)),
    )


def write_flows(warehouse: Warehouse, flows: Sequence[Flow], as_of: datetime) -> list[str]:
    """Make these flows the live ones and keep every version that was ever compiled.

    Args:
        warehouse: has the tables of `ensure_raw_tables`.
        flows: all flows of the project; one that is missing here is no longer live.
        as_of: moment of the run; a version that is new stands as live since then.

    Returns:
        Names of the flows whose version was never compiled before.
    """
    compiled = [compile_flow(flow).flows[0] for flow in flows]
    with warehouse, warehouse.transaction():
        known = {(row["flow"], row["flow_version"]) for row in
                 warehouse.query("select distinct flow, flow_version from raw_flows.flow_steps").to_pylist()}
        since = {(row["flow"], row["flow_version"]): row["live_since"] for row in
                 warehouse.query("select flow, flow_version, live_since from raw_flows.flows").to_pylist()}
        warehouse.execute("delete from raw_flows.flows")
        _append(warehouse, "flows", FlowRow,
                [asdict(row) | {"live_since": since.get((row.flow, row.flow_version), as_of)} for row in compiled])
        new = [flow for flow in flows if (flow.name, flow.version) not in known]
        for table, kind in (("flow_steps", StepRow), ("flow_arms", ArmRow), ("flow_conditions", ConditionRow),
                            ("flow_exits", ExitRow)):
            _append(warehouse, table, kind, [asdict(row) for flow in new for row in getattr(compile_flow(flow), table)])
    return [flow.name for flow in new]


def _append(warehouse: Warehouse, table: str, kind: type, rows: list[dict[str, Any]]) -> None:
    if rows:
        warehouse.load(f"raw_flows.{table}", pa.Table.from_pylist(rows))


def _step_row(key: tuple[str, str], position: int, step: Step) -> StepRow:
    until = step.wait_until
    return StepRow(*key, step.step, position, step.wait or 0, step.at,
                   str(until.condition) if until else None, until.timeout_seconds if until else None)


def _arm_rows(flow: Flow, step: Step) -> Iterator[ArmRow]:
    if step.branch is not None:
        for position, arm in enumerate(step.branch, start=1):
            yield _arm_row(flow, step, arm, str(arm.if_ or "else"), position, condition=arm.if_)
        if step.branch[-1].if_:
            yield _arm_row(flow, step, Action(), "else", len(step.branch) + 1)
    elif step.ab_test is not None:
        total = Decimal()
        for position, (name, variant) in enumerate(step.ab_test.items(), start=1):
            bounds = (float(total / WHOLE), float((total + variant.share) / WHOLE))
            total += variant.share
            yield _arm_row(flow, step, variant, name, position, bounds=bounds, variant=name)
    else:
        yield _arm_row(flow, step, step, "only", 1)


def _arm_row(flow: Flow, step: Step, said: Action, arm: str, position: int, *,
             bounds: tuple[float, float] = (0.0, 1.0), condition: ConditionWord | None = None,
             variant: str | None = None) -> ArmRow:
    acting = step if isinstance(said, Variant) and not said.acts else said
    action, channel, template, payload = _action(acting)
    return ArmRow(
        flow.name, flow.version, step.step, arm, position, *bounds, str(condition) if condition else None,
        action, channel, template, variant,
        said.message_class or step.message_class or flow.definition.message_class,
        next(priority for priority in (said.priority, step.priority, flow.definition.priority) if priority is not None),
        json.dumps(payload | (said.with_ or {}), separators=(",", ":")),
    )


def _action(said: Action) -> tuple[str, str | None, str | None, dict[str, Any]]:
    """Action, channel, template and payload."""
    payload = dict(said.with_ or {})
    if said.send:
        channel, _, template = said.send.partition("/")
        return "send", channel, template, payload
    if said.update_profile:
        return "update_profile", "profile", None, dict(said.update_profile)
    if said.webhook:
        return "webhook", "webhook", said.webhook, payload
    return "nothing", None, None, {}


def _asked(steps: Sequence[Step]) -> list[ConditionWord]:
    """The conditions that steps ask, each once: "engaged" and "not engaged" are two."""
    waits = [step.wait_until.condition for step in steps if step.wait_until]
    branches = [arm.if_ for step in steps for arm in step.branch or () if arm.if_]
    return sorted(set(waits + branches), key=str)


def _condition_rows(key: tuple[str, str], word: ConditionWord, condition: Condition) -> Iterator[ConditionRow]:
    """Terms as rows; a negated condition negates each term and swaps any and all (De Morgan)."""
    match = "any" if bool(condition.any_of) != word.is_negated else "all"
    terms = [(term, False) for term in condition.any_of + condition.all_of] + [(term, True) for term in condition.none_of]
    since = condition.since or (None if condition.within else "entry")
    for position, (term, is_negated) in enumerate(terms, start=1):
        operator, value = term.comparison
        is_signal = term.kind == "signal"
        yield ConditionRow(*key, str(word), position, match, term.kind, term.name, operator, _text(value),
                           since if is_signal else None, condition.within if is_signal else None,
                           is_negated != word.is_negated)


def _text(value: object) -> str | None:
    """A value as the warehouse writes it in text: true, 3, 2.5, vip."""
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
