"""How a split ends: by itself never, by a winner, or little by little (a bandit)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from dagster_project.flows.fields import Duration, Name, Share
from dagster_project.flows.words import SECONDS, WHOLE, duration_words, share_words

LONGEST = 365 * SECONDS["day"]
"""What the engine looks back to on an hourly run, less a margin: the dbt var `flow_memory_days`."""

LONGEST_ENTRY = 60 * SECONDS["day"]
"""Every run reads the signals of so many days for the entries that come late."""

LONGEST_VARIANT_WAIT = 2 * SECONDS["day"]
"""With a time of day on top and the life of a message: what `may_be_pending` (ledgers.sql) still sees."""

SMALLEST_SAMPLE, LARGEST_SAMPLE = Decimal(10), Decimal(50)
LEAST_PARTICIPANTS = 100


def misuse(at: str, message: str) -> PydanticCustomError:
    """An error about words that are right by themselves but not together, shown at the field `at`."""
    return PydanticCustomError("misuse", "{message}", {"message": message, "at": at})


def at_most(longest: int, **durations: int | None) -> None:
    """Refuse durations (seconds, by field) that are longer than the engine looks back.

    Raises:
        PydanticCustomError: naming the field.
    """
    for field, seconds in durations.items():
        if seconds and seconds > longest:
            said, allowed = duration_words(seconds), duration_words(longest)
            raise misuse(field, f"{said} is more than the engine looks back to: say {allowed} or less")


class Vocabulary(BaseModel):
    """Frozen; no word beyond its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Winner(Vocabulary):
    """The split ends some time after it began: the winner goes to everybody who comes from then on.

    Of a campaign, only the sample takes part, and the rest waits for the winner. Of a flow, the rest gets
    `otherwise` meanwhile. When nobody has won, `otherwise` goes on (the variant listed first, unless said).
    """

    by: Literal["opened", "clicked", "converted", "revenue"]
    after: Duration
    sample: Share = WHOLE
    at_least: Annotated[int, Field(ge=LEAST_PARTICIPANTS, strict=True)] = LEAST_PARTICIPANTS
    otherwise: Name | None = None

    def __str__(self) -> str:
        """The rule as people read it."""
        sample = "" if self.sample == WHOLE else f" of a sample of {share_words(self.sample)}"
        return f"by {self.by}{sample} after {duration_words(self.after)}"

    @property
    def is_sample_moderate(self) -> bool:
        """Whether the sample leaves most people for the winner and still can find one."""
        return SMALLEST_SAMPLE <= self.sample <= LARGEST_SAMPLE


class Bandit(Vocabulary):
    """The shares follow success: at most once in `every`, each variant gets its chance to be the best one."""

    by: Literal["opened", "clicked", "converted"]
    every: Duration = 86_400

    def __str__(self) -> str:
        """The rule as people read it."""
        return f"shares follow {self.by}, every {duration_words(self.every)}"
