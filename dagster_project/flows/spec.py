"""The whole vocabulary of a flow: what may stand under `config.meta.flow` of a `flow_*.yml`.

One class per list of words. Any other word is an error that names the file, the step, the field and the words
that are allowed (see `problems.py`). Times are written as people say them and kept in seconds.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from dagster_project.flows.conditions import Condition
from dagster_project.flows.fields import (
    ConditionWords,
    Duration,
    LocalTime,
    MessageClass,
    Name,
    Payload,
    Priority,
    ReenterWords,
    Share,
    TemplateName,
    WaitUntilWords,
    by_name,
)
from dagster_project.flows.splits import (
    LONGEST,
    LONGEST_ENTRY,
    LONGEST_VARIANT_WAIT,
    Bandit,
    Vocabulary,
    Winner,
    at_most,
    misuse,
)
from dagster_project.flows.words import BEST_TIME, SECONDS, WHOLE, Reenter, duration_words, share_words


def _variant(value: object) -> object:
    return {"share": value} if isinstance(value, str) else value


class Goal(Vocabulary):
    """What the flow is for: a signal within some time after the entry. Reaching it ends the entry."""

    signal: Name
    within: Duration


class Action(Vocabulary):
    """What an arm does: send a template, set traits of the profile, call a webhook, or nothing."""

    send: TemplateName | None = None
    update_profile: Annotated[Payload, Field(min_length=1)] | None = None
    webhook: Name | None = None
    with_: Payload | None = Field(None, alias="with")
    message_class: MessageClass | None = Field(None, alias="class")
    priority: Priority | None = None

    @property
    def acts(self) -> bool:
        """Whether it does anything."""
        return any((self.send, self.update_profile, self.webhook))

    @model_validator(mode="after")
    def _acts_once(self) -> Self:
        actions = [word for word in ("send", "update_profile", "webhook") if getattr(self, word) is not None]
        if len(actions) > 1:
            raise misuse(actions[1], f"one action each: {actions[0]} or {actions[1]}")
        if self.with_ is not None and actions == ["update_profile"]:
            raise misuse("with", "update_profile already lists what it sets")
        return self


class Arm(Action):
    """One way of a branch: taken when its condition is the first true one, or when none is (`else: true`)."""

    if_: ConditionWords | None = Field(None, alias="if")
    else_: Literal[True] | None = Field(None, alias="else")

    @model_validator(mode="after")
    def _is_reachable(self) -> Self:
        if (self.if_ is None) == (self.else_ is None):
            raise misuse("if", "an arm of a branch starts with `if: <condition>` or `else: true`")
        if self.with_ is not None and not self.acts:
            raise misuse("with", "the arm does nothing: with belongs to send or webhook")
        return self


class Variant(Action):
    """One variant of a split: its share and, when it differs from the step's, its action or its time."""

    share: Share
    wait: Duration | None = None
    at: LocalTime | None = None

    @property
    def longest_delay(self) -> int:
        """Seconds that its own time may cost, after the step's; a time of day may be a day away."""
        return (self.wait or 0) + (SECONDS["day"] if self.at else 0)

    @model_validator(mode="after")
    def _is_still_the_same_message(self) -> Self:
        if self.wait and self.wait > LONGEST_VARIANT_WAIT:
            said = duration_words(LONGEST_VARIANT_WAIT)
            raise misuse("wait", f"a variant waits {said} at most: what comes later is another step")
        return self


class Step(Action):
    """One step: when it is due, then exactly one way to act."""

    step: Name
    wait: Duration | None = None
    wait_until: WaitUntilWords | None = None
    at: LocalTime | None = None
    ab_test: dict[Name, Annotated[Variant, BeforeValidator(_variant)]] | None = None
    winner: Winner | None = None
    bandit: Bandit | None = None
    branch: tuple[Arm, ...] | None = None

    @property
    def fallback(self) -> str | None:
        """The variant for those who are not part of the split, and for everybody when nobody has won."""
        return (self.winner and self.winner.otherwise) or next(iter(self.ab_test or ()), None)

    @property
    def is_at_best_time(self) -> bool:
        """Whether each person's own hour is meant: chosen, once, with the arm, when the step is decided."""
        return self.at == BEST_TIME

    @property
    def spread(self) -> int:
        """Seconds by which the times of the variants may lie apart; 0 when all have the step's."""
        own = max((variant.longest_delay for variant in (self.ab_test or {}).values()), default=0)
        return own or (SECONDS["day"] if self.ab_test and self.is_at_best_time else 0)

    @model_validator(mode="after")
    def _acts_one_way(self) -> Self:
        if self.step == "entry":
            raise misuse("step", "entry is the moment of entering: name the step otherwise")
        if self.wait_until and (self.wait or self.at):
            raise misuse("wait_until", "wait_until stands alone, without wait or at")
        self._check_end_of_split()
        self._check_times_and_channels(self.ab_test or {})
        if self.branch is not None:
            self._check_branch(self.branch)
        elif self.ab_test is not None:
            self._check_shares(self.ab_test)
        elif not self.acts:
            raise misuse("send", "the step does nothing: say send, branch, update_profile or webhook")
        return self

    def _check_branch(self, branch: tuple[Arm, ...]) -> None:
        if self.acts or self.ab_test or self.with_:
            raise misuse("branch", "a step picks one arm: by branch, or by ab_test, or it has no arms")
        names = [str(arm.if_) for arm in branch if arm.if_]
        if not names or len(branch) - len(names) > 1 or (len(names) < len(branch) and branch[-1].if_):
            raise misuse("branch", "a branch is a list of `if` arms; one `else: true` may come last")
        if len(set(names)) < len(names):
            raise misuse("branch", "two arms ask the same condition: the second is never reached")

    def _check_end_of_split(self) -> None:
        for word, said in (("winner", self.winner), ("bandit", self.bandit)):
            if said and not self.ab_test:
                raise misuse(word, f"only an ab_test has a {word}: name its variants there")
        if self.winner and self.bandit:
            raise misuse("bandit", "a split ends by a winner or by a bandit, not by both")
        if self.winner and self.fallback not in (self.ab_test or ()):
            raise misuse("winner", f"otherwise names a variant of this step: {', '.join(self.ab_test or ())}")
        if self.winner:
            at_most(LONGEST_ENTRY, winner=self.winner.after)

    def _check_times_and_channels(self, variants: dict[str, Variant]) -> None:
        if self.at and any(variant.longest_delay for variant in variants.values()):
            raise misuse("at", "the step has a time of day: its variants have none of their own")
        channels = {(variant.send or self.send or "").partition("/")[0] for variant in variants.values()}
        for word, said in (("winner", self.winner), ("bandit", self.bandit)):
            if said and said.by == "opened" and len(channels) > 1:
                raise misuse(word, "an opening is not the same on every channel: go by clicked or converted")

    def _check_shares(self, variants: dict[str, Variant]) -> None:
        total = sum((variant.share for variant in variants.values()), Decimal())
        if total != WHOLE:
            raise misuse("ab_test", f"shares add up to {share_words(total)}: they must add up to 100%")
        if not self.acts and not all(variant.acts for variant in variants.values()):
            raise misuse("ab_test", "the step sends nothing: say send beside ab_test, or in every variant")


class Definition(Vocabulary):
    """A whole flow: who may come again, what ends it, whom it spares, and its steps in order."""

    kind: Literal["flow", "campaign"] = "flow"
    message_class: MessageClass = Field("marketing", alias="class")
    priority: Priority = 50
    reenter: ReenterWords = Reenter("never")
    enter_within: Duration = 2 * SECONDS["day"]
    max_age: Duration | None = None
    goal: Goal | None = None
    exit_on: tuple[Name, ...] = ()
    hold_out: Share = Decimal()
    conditions: Annotated[dict[Name, Condition], AfterValidator(by_name)] = Field(default_factory=dict)
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    @property
    def nominal_seconds(self) -> int:
        """Time from entry to the last step if every wait takes its longest; a time of day counts as a day."""
        return sum(
            (step.wait or 0)
            + (step.wait_until.timeout_seconds if step.wait_until else 0)
            + (SECONDS["day"] if step.at else 0)
            + step.spread
            for step in self.steps
        )

    @property
    def max_age_seconds(self) -> int:
        """Age at which an open entry expires: twice the nominal time and 30 days, unless said."""
        return self.max_age or min(2 * self.nominal_seconds + 30 * SECONDS["day"], LONGEST)

    @model_validator(mode="after")
    def _fits_the_memory(self) -> Self:
        at_most(LONGEST, max_age=self.max_age, steps=self.nominal_seconds)
        at_most(LONGEST, reenter=self.reenter.after_seconds)
        at_most(LONGEST_ENTRY, enter_within=self.enter_within)
        return self

    @model_validator(mode="after")
    def _campaigns_sample(self) -> Self:
        if self.kind == "campaign" and any(
            step.winner and not step.winner.is_sample_moderate for step in self.steps
        ):
            raise misuse("steps", "a campaign has its winner found by a sample: say sample, 10% to 50%")
        return self

    def words(self) -> dict[str, Any]:
        """The definition as it would be written in YAML, defaults left out: equal flows give equal words."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
