"""The small grammars inside a flow's YAML: "2 days", "10%", "09:00", "after 7 days", "not engaged"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
LONGEST_DAYS = 3_650
BEST_TIME = "best_time"
WHOLE = Decimal(100)


def parse_duration(words: object) -> int:
    """Seconds of "1 hour", "23 hours", "2 days" or "1 week".

    Raises:
        ValueError: when it is not a whole number and a unit, or longer than ten years.
    """
    found = re.fullmatch(r"([0-9]{1,7}) (minute|hour|day|week)s?", words) if isinstance(words, str) else None
    if found is None:
        raise ValueError(
            f'{quoted(words)} is not a duration: write a number and a unit, such as "1 hour" or "2 days"'
        )
    seconds = int(found[1]) * SECONDS[found[2]]
    if not 0 < seconds <= LONGEST_DAYS * SECONDS["day"]:
        raise ValueError(f"{quoted(words)} must be longer than nothing and at most {LONGEST_DAYS} days")
    return seconds


def duration_words(seconds: int) -> str:
    """The shortest way to write a duration so that `parse_duration` gives the same seconds.

    >>> duration_words(86_400), duration_words(82_800), duration_words(5_400)
    ('1 day', '23 hours', '90 minutes')
    """
    unit = next(unit for unit in ("day", "hour", "minute") if seconds % SECONDS[unit] == 0)
    count = seconds // SECONDS[unit]
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def parse_share(words: object) -> Decimal:
    """Per cent of "10%" or "33.3%", exact, so that shares can be added up to 100.

    Raises:
        ValueError: when it is not a number from 0 to 100 with a per-cent sign.
    """
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)%", words) if isinstance(words, str) else None
    if found is None or Decimal(found[1]) > WHOLE:
        raise ValueError(f'{quoted(words)} is not a share: write 0% to 100%, such as "10%"')
    return Decimal(found[1]).normalize()


def share_words(share: Decimal) -> str:
    """A share as written in YAML: "10%"."""
    return f"{share:f}%"


def parse_time(words: object) -> str:
    """A local time of day, "HH:MM", or `best_time`: each person's own ("smart send time" elsewhere).

    Raises:
        ValueError: when it is no such time. YAML reads a bare 10:00 as 600 (base sixty), hence the quotes.
    """
    if words == BEST_TIME:
        return BEST_TIME
    if isinstance(words, str) and re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", words):
        return words
    raise ValueError(
        f'{quoted(words)} is not a time of day: write it in quotes, such as "09:00" or "18:30", '
        f"or {BEST_TIME}"
    )


@dataclass(frozen=True)
class Reenter:
    """When a profile may enter again: never, always, or after some seconds since its last entry."""

    rule: Literal["never", "always", "after"]
    after_seconds: int | None = None

    @classmethod
    def parse(cls, words: object) -> Reenter:
        """Read "never", "always" or "after 7 days".

        Raises:
            ValueError: for other words.
        """
        if words == "never":
            return cls("never")
        if words == "always":
            return cls("always")
        if isinstance(words, str) and words.startswith("after "):
            return cls("after", parse_duration(words.removeprefix("after ")))
        raise ValueError(f'{quoted(words)} is not a re-entry rule: write never, always, or "after 7 days"')

    def __str__(self) -> str:
        """The rule as written in YAML."""
        return f"after {duration_words(self.after_seconds)}" if self.after_seconds else self.rule


@dataclass(frozen=True)
class ConditionWord:
    """A condition by name, perhaps negated: "engaged" or "not engaged"."""

    name: str
    is_negated: bool = False

    @classmethod
    def parse(cls, words: object) -> ConditionWord:
        """Read "engaged" or "not engaged".

        Raises:
            ValueError: when it is no name.
        """
        found = re.fullmatch(r"(not )?([a-z][a-z0-9_]*)", words) if isinstance(words, str) else None
        if found is None:
            raise ValueError(f'{quoted(words)} is not a condition: write "engaged" or "not engaged"')
        return cls(found[2], is_negated=found[1] is not None)

    def __str__(self) -> str:
        """The words as written in YAML; also the compiled condition's name."""
        return f"not {self.name}" if self.is_negated else self.name


@dataclass(frozen=True)
class WaitUntil:
    """A condition to wait for, and the seconds after which the step comes anyway."""

    condition: ConditionWord
    timeout_seconds: int

    @classmethod
    def parse(cls, words: object) -> WaitUntil:
        """Read "engaged or after 3 days".

        Raises:
            ValueError: when a part is missing: a wait without an end would keep people for ever.
        """
        text = words if isinstance(words, str) else ""
        condition, separator, timeout = text.partition(" or after ")
        if not separator:
            raise ValueError(f'{quoted(words)} has no end: write "engaged or after 3 days"')
        return cls(ConditionWord.parse(condition), parse_duration(timeout))

    def __str__(self) -> str:
        """The words as written in YAML."""
        return f"{self.condition} or after {duration_words(self.timeout_seconds)}"


def quoted(value: object) -> str:
    """A value in an error message, cut when it is long."""
    text = value if isinstance(value, str) else repr(value)
    return f'"{text[:57]}..."' if len(text) > 60 else f'"{text}"'  # noqa: PLR2004
