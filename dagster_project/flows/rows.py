"""The rows of `raw_flows`, one class per table, columns as in `warehouse/raw_tables.py`."""

from __future__ import annotations

from dataclasses import dataclass


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
    """One step: when it is due after the last decision, or after the entry for the first one.

    Variants with times of their own lie up to `spread_seconds` apart; `observed_seconds` is for how long the
    message of each is watched, null for as long as the flow's goal has time.
    """

    flow: str
    flow_version: str
    step: str
    position: int
    wait_seconds: int
    at_time: str | None
    wait_until: str | None
    wait_until_timeout_seconds: int | None
    spread_seconds: int = 0
    observed_seconds: int | None = None


@dataclass(frozen=True)
class ArmRow:
    """One way of a step. The first is taken whose condition holds and whose share has the profile.

    Every step has an arm for everybody: a branch without `else` ends in an arm that does nothing. But in a
    campaign that finds its winner by a sample, the others have none until there is one.
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
    wait_seconds: int = 0
    at_time: str | None = None


@dataclass(frozen=True)
class ConditionRow:
    """One term of a condition; `match` says whether any or all of the condition's terms must hold.

    `since` is `entry`, a step, or null when signals count from any time (`within_seconds` ago at most).
    `about` is `entry` when only those of the entry's own order (cart, product) count.
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
    about: str | None = None


@dataclass(frozen=True)
class ExitRow:
    """One signal that ends the entry."""

    flow: str
    flow_version: str
    signal: str


@dataclass(frozen=True)
class FlowRows:
    """A compiled flow: its own row, and its rows of the tables that keep all versions."""

    flow: FlowRow
    flow_steps: tuple[StepRow, ...]
    flow_arms: tuple[ArmRow, ...]
    flow_conditions: tuple[ConditionRow, ...]
    flow_exits: tuple[ExitRow, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Flow and version: the identity of everything compiled from one definition."""
        return self.flow.flow, self.flow.flow_version
