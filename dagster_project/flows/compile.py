"""Flows as rows of `raw_flows`: the only form in which the engine, a reviewer and a diff see them.

Every table but `flows` keeps all versions, so that a decision can be read under the version that took it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dagster_project.flows.conditions import Condition
from dagster_project.flows.registry import Flow, check_flows, load_flows
from dagster_project.flows.rows import ArmRow, ConditionRow, ExitRow, FlowRow, FlowRows, StepRow
from dagster_project.flows.spec import Action, Step, Variant
from dagster_project.flows.words import WHOLE, ConditionWord

if TYPE_CHECKING:
    from dagster_project.warehouse import Warehouse

VERSIONED = ("flow_steps", "flow_arms", "flow_conditions", "flow_exits")
"""Tables that keep every version that was ever compiled."""

__all__ = ["check_flows", "compile_flow", "load_flows", "write_flows"]


def compile_flow(flow: Flow) -> FlowRows:
    """The rows of one flow; the same words give the same rows."""
    definition, key = flow.definition, (flow.name, flow.version)
    conditions = definition.conditions
    return FlowRows(
        flow=_flow_row(flow),
        flow_steps=tuple(
            _step_row(flow, position, step) for position, step in enumerate(definition.steps, 1)
        ),
        flow_arms=tuple(arm for step in definition.steps for arm in _arm_rows(flow, step)),
        flow_conditions=tuple(
            row
            for word in _asked(definition.steps)
            for row in _condition_rows(key, word, conditions[word.name])
        ),
        flow_exits=tuple(ExitRow(*key, signal) for signal in dict.fromkeys(definition.exit_on)),
    )


def write_flows(warehouse: Warehouse, flows: Sequence[Flow], as_of: datetime) -> list[str]:
    """Make these flows the live ones and keep every version that was ever compiled.

    Args:
        warehouse: has the tables of `ensure_raw_tables`.
        flows: all flows of the project; one that is missing here is no longer live.
        as_of: moment of the run; a version that was not live until now is live since then.

    Returns:
        Names of the flows whose version was never compiled before.
    """
    compiled = [compile_flow(flow) for flow in flows]
    with warehouse, warehouse.transaction():
        before = {
            (row["flow"], row["flow_version"]): row
            for row in _rows(warehouse, "select * from raw_flows.flows")
        }
        live = {
            rows.key: {**asdict(rows.flow), "live_since": before.get(rows.key, {}).get("live_since", as_of)}
            for rows in compiled
        }
        if live == before:
            return []
        warehouse.execute("delete from raw_flows.flows")
        _append(warehouse, "flows", list(live.values()))
        steps = _rows(warehouse, "select distinct flow, flow_version from raw_flows.flow_steps")
        known = {(row["flow"], row["flow_version"]) for row in steps}
        new = [rows for rows in compiled if rows.key not in known]
        for table in VERSIONED:
            _append(warehouse, table, [asdict(row) for rows in new for row in getattr(rows, table)])
    return [rows.flow.flow for rows in new]


def _rows(warehouse: Warehouse, sql: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = warehouse.query(sql).to_pylist()
    return found


def _append(warehouse: Warehouse, table: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        warehouse.load(f"raw_flows.{table}", pa.Table.from_pylist(rows))


def _flow_row(flow: Flow) -> FlowRow:
    definition, goal = flow.definition, flow.definition.goal
    return FlowRow(
        flow=flow.name,
        flow_version=flow.version,
        kind=definition.kind,
        owner=flow.owner,
        description=flow.description,
        message_class=definition.message_class,
        priority=definition.priority,
        reenter=definition.reenter.rule,
        reenter_after_seconds=definition.reenter.after_seconds,
        hold_out_share=float(definition.hold_out / WHOLE),
        goal_signal=goal.signal if goal else None,
        goal_within_seconds=goal.within if goal else None,
        enter_within_seconds=definition.enter_within,
        max_age_seconds=definition.max_age_seconds,
        definition=json.dumps(definition.words()),
    )


def _step_row(flow: Flow, position: int, step: Step) -> StepRow:
    until = step.wait_until
    return StepRow(
        flow.name,
        flow.version,
        step.step,
        position,
        step.wait or 0,
        None if step.is_at_best_time else step.at,
        str(until.condition) if until else None,
        until.timeout_seconds if until else None,
        step.spread,
        _observed(flow, step) if step.spread else None,
    )


def _observed(flow: Flow, step: Step) -> int | None:
    """For how long each message of a split over send times is watched, so that all are watched alike.

    A campaign's people all come at once: until `after`. A flow's people come all the time: who came in the
    first half of `after` is watched for the other half.
    """
    if step.winner:
        return step.winner.after if flow.definition.kind == "campaign" else step.winner.after // 2
    return step.bandit.every if step.bandit else None


def _arm_rows(flow: Flow, step: Step) -> Iterator[ArmRow]:
    if step.branch is not None:
        for position, arm in enumerate(step.branch, start=1):
            yield _arm_row(flow, step, arm, str(arm.if_ or "else"), position, condition=arm.if_)
        if step.branch[-1].if_:
            yield _arm_row(flow, step, Action(), "else", len(step.branch) + 1)
    elif step.ab_test is not None:
        yield from _variant_rows(flow, step, step.ab_test)
    else:
        yield _arm_row(flow, step, step, "only", 1)


def _variant_rows(flow: Flow, step: Step, variants: dict[str, Variant]) -> Iterator[ArmRow]:
    """Variants side by side within the sample; behind it, what a flow sends to the others meanwhile.

    A campaign has nothing there: the others wait until the shares of the winner cover them.
    """
    sample = step.winner.sample / WHOLE if step.winner else Decimal(1)
    total = Decimal()
    for position, (name, variant) in enumerate(variants.items(), start=1):
        bounds = (float(total * sample / WHOLE), float((total + variant.share) * sample / WHOLE))
        total += variant.share
        yield _arm_row(flow, step, variant, name, position, bounds=bounds, variant=name)
    if sample < 1 and flow.definition.kind == "flow" and step.fallback:
        name, rest = step.fallback, (float(sample), 1.0)
        arm = f"{name}_meanwhile"
        yield _arm_row(flow, step, variants[name], arm, len(variants) + 1, bounds=rest, variant=name)


def _arm_row(
    flow: Flow,
    step: Step,
    said: Action,
    arm: str,
    position: int,
    *,
    bounds: tuple[float, float] = (0.0, 1.0),
    condition: ConditionWord | None = None,
    variant: str | None = None,
) -> ArmRow:
    acting = step if isinstance(said, Variant) and not said.acts else said
    action, channel, template, payload = _action(acting)
    priorities = (said.priority, step.priority, flow.definition.priority)
    return ArmRow(
        flow.name,
        flow.version,
        step.step,
        arm,
        position,
        *bounds,
        str(condition) if condition else None,
        action,
        channel,
        template,
        variant,
        said.message_class or step.message_class or flow.definition.message_class,
        next(priority for priority in priorities if priority is not None),
        json.dumps(payload | (said.with_ or {}), separators=(",", ":")),
        (isinstance(said, Variant) and said.wait) or 0,
        (isinstance(said, Variant) and said.at) or (step.at if step.is_at_best_time else None),
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


def _condition_rows(
    key: tuple[str, str], word: ConditionWord, condition: Condition
) -> Iterator[ConditionRow]:
    """Terms as rows; a negated condition negates each term and swaps any and all (De Morgan)."""
    match = "any" if bool(condition.any_of) != word.is_negated else "all"
    terms = [(term, False) for term in condition.any_of + condition.all_of]
    terms += [(term, True) for term in condition.none_of]
    since = condition.since or (None if condition.within else "entry")
    for position, (term, is_negated) in enumerate(terms, start=1):
        operator, value = term.comparison
        is_signal = term.kind == "signal"
        yield ConditionRow(
            *key,
            str(word),
            position,
            match,
            term.kind,
            term.name,
            operator,
            _text(value),
            since if is_signal else None,
            condition.within if is_signal else None,
            is_negated != word.is_negated,
            term.about,
        )


def _text(value: object) -> str | None:
    """A value as the warehouse writes it in text: true, 3, 2.5, vip."""
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
