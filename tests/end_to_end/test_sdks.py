"""Unmodified public SDKs against a real collector that is killed while they send: everything is there, once."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from connectors.events import Event
from tests.npm import installed

FOLDER = Path(__file__).parent / "sdks"
COUNT = 500
PACKAGES = {
    "segment_node.cjs": "@segment/analytics-node@2.2.1",
    "rudderstack_node.cjs": "@rudderstack/rudder-sdk-node@3.0.13",
}
CALLS = {"Identified": 1, "Page Viewed": 1, "Screen Viewed": 1, "Grouped": 1, "Aliased": 1, "Tick": COUNT}


def started(script, collector):
    arguments = [collector.url, collector.key, str(COUNT)]
    if script.endswith(".py"):
        return subprocess.Popen([sys.executable, FOLDER / script, *arguments])
    modules = installed(PACKAGES[script], Path(script).stem)
    return subprocess.Popen(
        ["node", FOLDER / script, *arguments], env=os.environ | {"NODE_PATH": str(modules)}
    )


@pytest.mark.parametrize("script", ["segment_python.py", *PACKAGES])
def test_all_events_of_an_sdk_arrive_once_though_the_collector_is_killed(collector, script):
    sdk = started(script, collector)
    collector.wait_for_an_event()
    collector.kill()
    collector.start()
    assert sdk.wait(120) == 0
    collector.stop()
    landed = collector.landed()
    assert [each for each in landed if not isinstance(each, Event)] == []
    once = {event.event_id: event.event_name for event in landed}  # as the gate of the warehouse keeps them
    assert Counter(once.values()) == CALLS
