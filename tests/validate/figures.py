"""One line of the table: our figure beside a published or true one, and how far apart they may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dagster_project.settings import CHECKOUT

SHARED = CHECKOUT.parent / "shared" / "data"
"""Published data, beside the checkout."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that is checked.

    Attributes:
        of: what it is a figure of.
        name: which one.
        ours: what we compute.
        expected: the published or true value; the middle of a range where only a range is known.
        tolerance: how far ours may be from it.
        source: who says so.
    """

    of: str
    name: str
    ours: float
    expected: float
    tolerance: float
    source: str

    @property
    def difference(self) -> float:
        """Ours less the expected."""
        return self.ours - self.expected

    @property
    def holds(self) -> bool:
        """Whether it is near enough; what is not a number is not."""
        return bool(abs(self.difference) <= self.tolerance)


def between(of: str, name: str, ours: float, low: float, high: float, source: str) -> Figure:
    """A figure that must lie in a range."""
    return Figure(of, name, ours, (low + high) / 2, (high - low) / 2, source)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is simulated.

    Attributes:
        seeds: simulated shops.
        experiments: simulated experiments without an effect, looked at again and again.
        scratch: a folder for a warehouse.
    """

    seeds: int
    experiments: int
    scratch: Path


Section = Callable[[Effort], Iterator[Figure]]
