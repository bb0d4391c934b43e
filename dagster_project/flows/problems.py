"""What is wrong with a flow, said so that its author can repair it: place, mistake, allowed words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dagster_project.flows.words import quoted

Path = tuple[str | int, ...]
"""Keys and positions from the top of a definition to a place in it."""


@dataclass(frozen=True)
class Problem:
    """One mistake in one file.

    Attributes:
        file: path below the dbt project.
        field: dotted path below `config.meta.flow`, such as `steps.reminder_2.branch.1.send`.
        message: what is wrong and what to write instead.
        step: the step's name, or its number when it has none.
        allowed: the words that may stand there, when they are few.
        suggestion: the allowed word that was probably meant.
        line: line in the file, from 1.
    """

    file: str
    field: str
    message: str
    step: str | None = None
    allowed: tuple[str, ...] = ()
    suggestion: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        """One line for a terminal."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        step = f", step {self.step}" if self.step else ""
        meant = f' Did you mean "{self.suggestion}"?' if self.suggestion else ""
        allowed = f" Allowed: {', '.join(self.allowed)}." if self.allowed else ""
        return f"{place}{step}, field {self.field}: {self.message}.{meant}{allowed}"


class FlowError(ValueError):
    """Flows that cannot be compiled; `problems` lists every mistake of every file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, problems)))


def unknown_word(word: object, what: str, allowed: Iterable[str]) -> dict[str, Any]:
    """Message, allowed words and suggestion for a word that is not among the allowed ones."""
    words = tuple(sorted(allowed))
    close = difflib.get_close_matches(str(word), words, n=3, cutoff=0.6)
    swapped = [near for near in close if sorted(near) == sorted(str(word))]
    meant = next(iter(swapped + close), None)
    return {"message": f"unknown {what} {quoted(word)}", "allowed": words, "suggestion": meant}
