"""Unmodified public SDKs against a real collector that is killed while they send: everything is there, once.

`python -m tests.end_to_end` is the same with 100,000 events of each.
"""

from tests.end_to_end.sdk_run import SDKS, run_sdks

COUNT = 1_000
KILLS = 3


def test_all_events_of_three_sdks_arrive_once_though_the_collector_is_killed(collector):
    outcomes, refused = run_sdks(collector, SDKS, COUNT, KILLS)
    assert refused == 0
    assert {script: outcome for script, outcome in outcomes.items() if not outcome.is_complete(COUNT)} == {}
