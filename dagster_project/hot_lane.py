"""The hot lane: what lands is decided and sent within seconds, by one process that stays warm.

A turn is a tick: the same models, decisions, circuit breakers and ledger as in the hourly run, without what
nobody waits for. It sends only what has just been decided, a bounded number at a time, so a campaign of a
million is the hourly run's; what the lane leaves, the hourly run finds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dagster_project.alerts import alert
from dagster_project.runs import utc_now
from dagster_project.tick import TickResult, tick

if TYPE_CHECKING:
    from dagster_project.settings import Settings

LOOK_SECONDS = 0.25
LOOKING_SHARE = 5
"""A look at a large landing takes time: at most one in so many parts of the time goes to looking."""
REST_SECONDS = 1.0
"""Between two turns, in which others may have the warehouse: Dagster's runs, the command line."""
IDLE_SECONDS = 60.0
"""Without news a turn comes so often: a step that is due by its time goes within a minute, as does a wave."""
LONGEST_PAUSE_SECONDS = 60.0


def run(settings: Settings, stop: threading.Event, told: Callable[[TickResult], None]) -> None:
    """Take turns until it is stopped: one at the start, one whenever something has landed, one a minute.

    A turn that fails is told to people and tried again, after longer and longer pauses.

    Args:
        settings: the installation.
        stop: set to end after the turn under way.
        told: called with what each turn did.
    """
    landing = settings.open_landing()
    seen: frozenset[str] | None = None
    pause, was_blocked, turned_at = REST_SECONDS, False, 0.0
    while not stop.is_set():
        started = time.monotonic()
        try:
            landed = frozenset(f"{file.name} {file.fingerprint}" for file in landing.files())
            if seen is not None and landed <= seen and started - turned_at < IDLE_SECONDS:
                stop.wait(max(LOOK_SECONDS, LOOKING_SHARE * (time.monotonic() - started)))
                continue
            result = turn(settings, stop)
            seen, pause, turned_at = landed, REST_SECONDS, time.monotonic()
            if result.is_blocked and not was_blocked:
                reasons = "; ".join(verdict.reason for verdict in result.verdicts if verdict.blocks)
                alert(settings, f"the list is held ({reasons}): `millrace sends release --by NAME`")
            was_blocked = result.is_blocked
            told(result)
        except Exception as error:  # noqa: BLE001  (whatever it is, the next customer must not wait for a person)
            alert(settings, f"the hot lane failed, again in {pause:.0f} s: {type(error).__name__}: {error}")
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        stop.wait(pause)


def turn(settings: Settings, stop: threading.Event) -> TickResult:
    """One tick, at a whole second: models know no fractions, and see what arrived in one from its end on."""
    now = utc_now()
    stop.wait(1 - now.microsecond / 1_000_000)
    return tick(settings, utc_now().replace(microsecond=0), live=True, is_hot=True)
