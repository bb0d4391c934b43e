"""Named questions that branches and waits ask: signals that happened, segments that hold a person, traits."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from dagster_project.flows.fields import Duration, Name, Number, Scalar, TraitName
from dagster_project.flows.splits import LONGEST, Vocabulary, at_most, misuse
from dagster_project.flows.words import duration_words

OWN_TRAITS = "traits"
"""The column of `profiles` with what a shop or a flow calls otherwise: `traits.loyalty_level`."""

COMPARISONS = ("is", "is_not", "at_least", "at_most", "more_than", "less_than", "is_known")


def _term(value: object) -> object:
    return {"signal": value} if isinstance(value, str) else value


class Term(Vocabulary):
    """One thing that is true or not: a signal happened, a segment holds the profile, a trait compares.

    A bare word is a signal: `any_of: [message_opened]` is `any_of: [{signal: message_opened}]`. A signal
    `about: entry` is one of the very order (cart, product) that the entry stands for, where `entry_id` is the
    hash of flow and order.
    """

    signal: Name | None = None
    about: Literal["entry"] | None = None
    segment: Name | None = None
    trait: TraitName | None = None
    is_: Scalar | None = Field(None, alias="is")
    is_not: Scalar | None = None
    at_least: Number | None = None
    at_most: Number | None = None
    more_than: Number | None = None
    less_than: Number | None = None
    is_known: Annotated[bool, Field(strict=True)] | None = None

    def __str__(self) -> str:
        """The term as people read it: `message_opened`, `in segment vip`, `order_count at least 2`."""
        operator, value = self.comparison
        if operator == "is_known":
            return f"{self.trait} is {'known' if value else 'unknown'}"
        if operator:
            said = str(value).lower() if isinstance(value, bool) else value
            return f"{self.trait} {operator.replace('_', ' ')} {said}"
        about = f" of the same {self.about}" if self.about else ""
        return f"in segment {self.segment}" if self.segment else f"{self.name}{about}"

    @property
    def kind(self) -> Literal["signal", "segment", "trait"]:
        """What the term looks at."""
        return "signal" if self.signal else "segment" if self.segment else "trait"

    @property
    def name(self) -> str:
        """The signal's, segment's or trait's name."""
        return self.signal or self.segment or self.trait or ""

    @property
    def is_own_trait(self) -> bool:
        """Whether it is one of the shop's own, which only its data can tell."""
        return (self.trait or "").startswith(f"{OWN_TRAITS}.")

    @property
    def comparison(self) -> tuple[str, bool | int | float | str] | tuple[None, None]:
        """Operator and value of a trait's comparison."""
        said = self.model_dump(by_alias=True, exclude_none=True)
        return next(((word, said[word]) for word in COMPARISONS if word in said), (None, None))

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        said = self.model_dump(by_alias=True, exclude_none=True)
        kinds = [word for word in ("signal", "segment", "trait") if word in said]
        comparisons = [word for word in COMPARISONS if word in said]
        if len(kinds) != 1:
            raise misuse((kinds or ["signal"])[-1], "a term names one of signal, segment, trait")
        if kinds == ["trait"] and len(comparisons) != 1:
            raise misuse("trait", f"a trait is compared with one of {', '.join(COMPARISONS)}")
        if kinds != ["signal"] and self.about:
            raise misuse("about", f"only a signal is about something; a {kinds[0]} is of the person")
        if kinds != ["trait"] and comparisons:
            raise misuse(comparisons[0], f"only a trait is compared; a {kinds[0]} is true or not")
        return self


class Condition(Vocabulary):
    """A named question that branches and waits ask. Signals count from `since`, at most `within` ago.

    Without `since` and `within`, signals count since the entry; with `within` alone, also from before it.
    """

    any_of: tuple[Annotated[Term, BeforeValidator(_term)], ...] = ()
    all_of: tuple[Annotated[Term, BeforeValidator(_term)], ...] = ()
    none_of: tuple[Annotated[Term, BeforeValidator(_term)], ...] = ()
    since: Name | None = None
    within: Duration | None = None

    def __str__(self) -> str:
        """The condition as people read it: `message_opened or message_clicked since miss_you`."""
        said = " or ".join(map(str, self.any_of)) or " and ".join(
            [*map(str, self.all_of), *(f"not {term}" for term in self.none_of)]
        )
        since = f" since {self.since}" if self.since else ""
        return f"{said}{since}{f' within {duration_words(self.within)}' if self.within else ''}"

    @model_validator(mode="after")
    def _asks_one_question(self) -> Self:
        if not (self.any_of or self.all_of or self.none_of):
            raise misuse("any_of", "a condition lists terms in any_of, all_of or none_of")
        if self.any_of and (self.all_of or self.none_of):
            raise misuse("any_of", "any_of stands alone; all_of and none_of may stand together")
        at_most(LONGEST, within=self.within)
        return self
