"""A flow as its marketer reads it: which step, when, to whom, what; and what an edit changes."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from decimal import Decimal

from dagster_project.flows.compile import compile_flow
from dagster_project.flows.registry import Flow
from dagster_project.flows.rows import ArmRow
from dagster_project.flows.spec import Step
from dagster_project.flows.words import BEST_TIME, WHOLE, duration_words, share_words

COLUMNS = ("step", "when", "who", "channel", "template", "details")


def timetable(flow: Flow) -> list[dict[str, str]]:
    """One row per step and arm, in order, all text.

    Returns:
        Rows of `step`; `when`, counted from the entry ("at once", "+2 days", "at 09:00 local time");
        `who` ("everyone", "50% plain_subject", "if not engaged", "otherwise"); `channel`; `template`;
        `details`, which are the message class when it is not the flow's, and the payload.
    """
    arms = compile_flow(flow).flow_arms
    return [
        dict(
            zip(
                COLUMNS,
                (
                    step.step,
                    when(step, waited + arm.wait_seconds, arm.at_time or step.at),
                    who(arm),
                    arm.channel or "nothing",
                    arm.template or "",
                    _details(arm, flow),
                ),
                strict=True,
            )
        )
        for step, waited in _waits(flow)
        for arm in arms
        if arm.step == step.step
    ]


def rules(flow: Flow) -> dict[str, str]:
    """What holds for the whole flow, and its conditions, in words."""
    definition, goal = flow.definition, flow.definition.goal
    return {
        "who enters": " ".join(flow.description.split()),
        "enters again": str(definition.reenter),
        "ends on": ", ".join(definition.exit_on) or "its last step",
        "goal": f"{goal.signal} within {duration_words(goal.within)}" if goal else "none",
        "held out": share_words(definition.hold_out),
        "messages": f"{definition.message_class}, priority {definition.priority}",
        **{name: str(condition) for name, condition in definition.conditions.items()},
        **{
            f"end of {step.step}": _end_of_split(step)
            for step in definition.steps
            if step.winner or step.bandit
        },
    }


def describe(flow: Flow) -> str:
    """The whole flow as text for a terminal or a golden file: its rules, then the timetable."""
    said = rules(flow)
    width = max(map(len, said))
    head = f"{flow.name}: {flow.definition.kind} of {flow.owner}, version {flow.version}"
    aligned = [f"{name.ljust(width)}  {words}" for name, words in said.items()]
    return "\n".join([head, "", *aligned, "", *_table(flow)])


def diff_flows(old: Flow, new: Flow) -> list[str]:
    """What an edit changes in the description: lines that go with "- ", lines that come with "+ "."""
    changes = difflib.ndiff(describe(old).splitlines()[2:], describe(new).splitlines()[2:])
    return [change.rstrip() for change in changes if change[0] in "+-"]


def who(arm: ArmRow) -> str:
    """Whom an arm takes, in words."""
    if arm.variant:
        share = Decimal(repr(arm.share_to)) - Decimal(repr(arm.share_from))
        return f"{share_words((share * WHOLE).normalize())} {arm.arm}"
    if arm.condition:
        return f"if {arm.condition}"
    return "otherwise" if arm.arm == "else" else "everyone"


def when(step: Step, waited: int, at: str | None) -> str:
    """A step's moment in words, after so many seconds of waiting and at a time of day, if one is said."""
    since = f"+{duration_words(waited)}" if waited else "at once"
    if step.wait_until:
        since = f"when {step.wait_until.condition}, at the latest {since}"
    if at:
        moment = "at each person's best hour" if at == BEST_TIME else f"at {at} local time"
        return f"{since}, then {moment}" if since != "at once" else moment
    return since


def _end_of_split(step: Step) -> str:
    return f"{step.winner}, otherwise {step.fallback}" if step.winner else str(step.bandit)


def _waits(flow: Flow) -> Iterator[tuple[Step, int]]:
    """Each step with the seconds from the entry to it, as if every wait took its longest."""
    total = 0
    for step in flow.definition.steps:
        total += step.wait or (step.wait_until.timeout_seconds if step.wait_until else 0)
        yield step, total


def _details(arm: ArmRow, flow: Flow) -> str:
    is_own = arm.channel is not None and arm.message_class != flow.definition.message_class
    own_class = [arm.message_class] if is_own else []
    return ", ".join([*own_class, *(f"{name} {value}" for name, value in json.loads(arm.payload).items())])


def _table(flow: Flow) -> list[str]:
    rows = [COLUMNS, *(tuple(row.values()) for row in timetable(flow))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    padded = [[text.ljust(width) for text, width in zip(row, widths, strict=True)] for row in rows]
    return ["  ".join(row).rstrip() for row in padded]
