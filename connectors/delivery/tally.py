"""What became of the messages of one run, counted as it happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Progress = Callable[[int], None]
"""Called with the number of messages that have just been dealt with."""


@dataclass(frozen=True)
class DeliveryResult:
    """What became of the messages of one run.

    Attributes:
        counts: messages by outcome: accepted, rejected, retry, unknown, skipped, held, not_due (already
            settled, not due again, or another worker's).
        reasons: messages by reason, for all that were not accepted.
        written_back: outcomes that went to landing.
        stopped: `channel/provider` → why it could not be used at all.
        resolved: earlier doubts by what they became: accepted, rejected, planned (known not sent), skipped,
            unknown (for good).
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    written_back: int = 0
    stopped: Mapping[str, str] = field(default_factory=dict)
    resolved: Mapping[str, int] = field(default_factory=dict)


class Tally:
    """Counts outcomes, and the messages that are under way.

    Args:
        progress: told of each message that has been dealt with.

    Attributes:
        under_way: messages that were read and have no outcome in this run yet.
        on_end: called when a message has been dealt with.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.resolved: Counter[str] = Counter()
        self.stopped: dict[str, str] = {}
        self.under_way = 0
        self.on_end: Callable[[], None] = lambda: None
        self._progress = progress or (lambda _count: None)

    def begin(self, count: int) -> None:
        """So many messages were read from a list."""
        self.under_way += count

    def end(self, outcome: str, count: int, reason: str | None = None) -> None:
        """So many messages that were under way have an outcome."""
        if not count:
            return
        self.count(outcome, count, reason)
        self.under_way -= count
        self._progress(count)
        self.on_end()

    def count(self, outcome: str, count: int, reason: str | None = None) -> None:
        """Count messages that were never under way in this run."""
        if count:
            self.counts[outcome] += count
            if reason:
                self.reasons[reason] += count

    def count_each(self, outcome: str, reasons: Mapping[str, str]) -> None:
        """As `count`, for messages with a reason each."""
        for reason, count in Counter(reasons.values()).items():
            self.count(outcome, count, reason)

    def end_each(self, outcome: str, reasons: Mapping[str, str]) -> None:
        """As `end`, for messages with a reason each."""
        for reason, count in Counter(reasons.values()).items():
            self.end(outcome, count, reason)

    def result(self, written_back: int) -> DeliveryResult:
        """The counts as they are now."""
        return DeliveryResult(
            dict(self.counts), dict(self.reasons), written_back, dict(self.stopped), dict(self.resolved)
        )
