"""When the demo's story happens: weeks of history, then daily ticks, then a last day hour by hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

# Afternoon in Lisbon and Berlin, morning in New York: nobody's quiet hours. The last day, 1 November, is a
# newsletter's. All times are naive UTC.
GO_LIVE = datetime(2026, 10, 18, 15)


@dataclass(frozen=True)
class Calendar:
    """The moments (naive UTC) of one demo.

    Attributes:
        go_live: the first tick; everything before is history that it loads at once.
        history_days: days of full behaviour before `go_live`.
        live_days: days from `go_live` to the last tick.
        hourly_days: how many of the live days, at the end, are run hour by hour.
    """

    go_live: datetime = GO_LIVE
    history_days: int = 46
    live_days: int = 14
    hourly_days: int = 1

    @property
    def starts_at(self) -> datetime:
        """First moment of full behaviour."""
        return self.go_live - timedelta(days=self.history_days)

    @property
    def ends_at(self) -> datetime:
        """The last tick."""
        return self.go_live + timedelta(days=self.live_days)

    def ticks(self) -> list[datetime]:
        """Every moment at which Millrace runs, in order."""
        daily = self.live_days - self.hourly_days
        hours = range(1, 24 * self.hourly_days + 1)
        hourly_from = self.go_live + timedelta(days=daily)
        return [
            *(self.go_live + timedelta(days=day) for day in range(daily + 1)),
            *(hourly_from + timedelta(hours=hour) for hour in hours),
        ]
