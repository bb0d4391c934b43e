"""Unmodified SDKs send at the same time while their collector is killed; what landed is compared with what was sent."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from connectors.events import Event
from tests.npm import installed

FOLDER = Path(__file__).parent / "sdks"
PACKAGES = {
    "segment_node.cjs": "@segment/analytics-node@2.2.1",
    "rudderstack_node.cjs": "@rudderstack/rudder-sdk-node@3.0.13",
}
SDKS = ("segment_python.py", *PACKAGES)
OTHER_CALLS = ("Identified", "Page Viewed", "Screen Viewed", "Grouped", "Aliased")
MOST_SECONDS = 1_800
BEHIND_SHARE = 0.95
"""The last kill comes before this share of all events is there, so that every kill meets senders at work."""


@dataclass(frozen=True)
class Outcome:
    """What became of one SDK's events.

    Attributes:
        exit_code: of the SDK's process; it is 1 when the SDK itself gave an event up.
        lines: its lines in landing; what was sent again after a kill is there more than once.
        calls: distinct events by name, as the warehouse's gate keeps them: one for each id.
        numbers: how often each `Tick` is there, by its number.
    """

    exit_code: int
    lines: int
    calls: Counter
    numbers: Counter

    def is_complete(self, count):
        """Whether everything is there, once."""
        return (
            self.exit_code == 0
            and self.calls == Counter({"Tick": count, **dict.fromkeys(OTHER_CALLS, 1)})
            and self.numbers == Counter(range(count))
        )


def run_sdks(collector, scripts, count, kills, on_progress=lambda lines: None):
    """Let each SDK send `count` events and one of every other call, killing the collector at even shares.

    Returns:
        The outcome of each SDK, and how many landed lines are no events.
    """
    sdks = {script: _started(script, collector, count) for script in scripts}
    step = BEHIND_SHARE * count * len(scripts) / (kills + 1)
    deadline, killed = time.monotonic() + MOST_SECONDS, 0
    try:
        while any(sdk.poll() is None for sdk in sdks.values()) and time.monotonic() < deadline:
            lines = collector.written()
            on_progress(lines)
            if killed < kills and lines > step * (killed + 1):
                collector.kill()
                collector.start()
                killed += 1
            time.sleep(0.01)
    finally:
        for sdk in sdks.values():
            sdk.kill()
    collector.stop()
    assert killed == kills, f"{killed} kills while the SDKs were at work"
    landed = collector.landed()
    events = [each for each in landed if isinstance(each, Event)]
    outcomes = {script: _outcome(script, sdk.wait(), events) for script, sdk in sdks.items()}
    return outcomes, len(landed) - len(events)


def _started(script, collector, count):
    arguments = [collector.url, collector.new_key(script), str(count)]
    if script.endswith(".py"):
        return subprocess.Popen([sys.executable, FOLDER / script, *arguments])
    modules = installed(PACKAGES[script], Path(script).stem)
    return subprocess.Popen(
        ["node", FOLDER / script, *arguments], env=os.environ | {"NODE_PATH": str(modules)}
    )


def _outcome(script, exit_code, events):
    own = [event for event in events if event.source == script]
    once = {event.event_id: event for event in own}.values()
    ticks = (json.loads(event.properties) for event in once if event.event_name == "Tick")
    return Outcome(
        exit_code=exit_code,
        lines=len(own),
        calls=Counter(event.event_name for event in once),
        numbers=Counter(tick["number"] for tick in ticks),
    )
