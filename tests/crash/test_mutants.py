"""The harness is a check that can fail: ledgers that are broken on purpose are found within three kills."""

import pytest

from tests.crash.conftest import SEED
from tests.crash.harness import Harness, Kills
from tests.crash.mutants import MUTANTS

SCENES = {
    "resend_unknown": ("wire: an answer has come", "twice"),
    "forget_attempt": ("wire: an answer has come", "twice"),
    "trust_a_young_log": ("wire: an answer has come", "twice"),
    "settle_before_send": ("wire: before a write", "lost"),
    "mark_before_write": ("landing.write: before", "untrue"),
    "send_after_sleep": ("call: before", "twice"),
}
"""Where its senders are killed (the last one's are put to sleep), and as what the harness sees it."""


def play(harness, mutant):
    """Three lives that end at the mutant's point, and the verdict."""
    point, _ = SCENES[mutant]
    with harness.campaign("sqlite", "http", Kills()) as run:
        for _ in range(3):
            run.more(8)
            if mutant == "send_after_sleep":
                slow = run.life(action="stop", point=point)
                run.overtake(slow, run.life(host="elsewhere"), asleep_minutes=61)
            else:
                run.go([run.life(point=point)], step=2)
        return run.finish()


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_harness_finds_a_broken_ledger(mutant, folder, nursery, calm, sqlite_stores):
    verdict = play(Harness(folder, sqlite_stores, nursery, calm, SEED, mutant), mutant)
    assert getattr(verdict, SCENES[mutant][1])


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_same_scene_with_a_whole_ledger_is_clean(mutant, folder, nursery, calm, sqlite_stores):
    assert play(Harness(folder, sqlite_stores, nursery, calm, SEED), mutant).faults == []


def test_every_mutant_has_its_scene():
    assert SCENES.keys() == MUTANTS.keys()
