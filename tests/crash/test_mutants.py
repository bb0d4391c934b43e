"""The harness is a check that can fail: ledgers that are broken on purpose are found within three kills."""

from pathlib import Path

import pytest

from tests.crash.conftest import SEED
from tests.crash.harness import Harness, Kills
from tests.crash.mutants import MUTANTS


def dies_at(point):
    def play(run, _far_ends):
        for _ in range(3):
            run.more(8)
            run.go([run.life(point=point)], step=2)

    return play


def sleeps_at(point):
    def play(run, _far_ends):
        run.more(8)
        slow = run.life(action="stop", point=point)
        run.overtake(slow, run.life(host="elsewhere"), asleep_minutes=61)

    return play


def is_overtaken_while_it_asks_the_log(run, far_ends):
    """Nothing has arrived; the quick one sends it again, and cannot read what it is answered."""
    run.more(8)
    far_ends.only("cut_in_request")
    run.go([run.life()])
    far_ends.only("unreadable")
    slow = run.life(action="stop", point="wire: an answer has come")
    run.overtake(slow, run.life(skew_minutes=6), step=45)


dies_when_it_is_answered = dies_at("wire: an answer has come")
SCENES = {
    "resend_unknown": (dies_when_it_is_answered, "twice"),
    "forget_attempt": (dies_when_it_is_answered, "twice"),
    "trust_a_young_log": (dies_when_it_is_answered, "twice"),
    "settle_before_send": (dies_at("wire: before a write"), "lost"),
    "mark_before_write": (dies_at("landing.write: before"), "untrue"),
    "send_after_sleep": (sleeps_at("call: before"), "twice"),
    "connect_after_sleep": (sleeps_at("wire: before a connection"), "twice"),
    "believe_an_old_answer": (is_overtaken_while_it_asks_the_log, "twice"),
}
"""What happens to its senders, and as what the harness sees it."""


def play(harness, scene, far_ends):
    """The scene, and the verdict."""
    with harness.campaign("sqlite", "http", Kills()) as run:
        scene(run, far_ends)
        return run.finish()


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_harness_finds_a_broken_ledger(mutant, folder, nursery, calm, sqlite_stores):
    scene, fault = SCENES[mutant]
    verdict = play(Harness(folder, sqlite_stores, nursery, calm, SEED, mutant), scene, calm)
    assert getattr(verdict, fault)


@pytest.mark.parametrize("scene", list(dict.fromkeys(scene for scene, _ in SCENES.values())))
def test_the_same_scene_with_a_whole_ledger_is_clean(scene, folder, nursery, calm, sqlite_stores):
    assert play(Harness(folder, sqlite_stores, nursery, calm, SEED), scene, calm).faults == []


def test_a_fault_leaves_the_story_of_its_message(folder, nursery, calm, sqlite_stores):
    """Who claimed, attempted and took it, over which connection, and what became of them."""
    harness = Harness(folder, sqlite_stores, nursery, calm, SEED, "resend_unknown")
    verdict = play(harness, dies_when_it_is_answered, calm)
    ((place, stories),) = verdict.evidence.items()
    files = {file.name for file in Path(place).iterdir()}
    assert files == {"stories.txt", "book.tsv", "lives.ndjson", "ledger.ndjson"}
    key, story = next(iter(stories.items()))
    assert key in verdict.faulty
    assert sum("postmark  accepted (" in line for line in story) >= 2
    assert sum("ledger    state attempted" in line for line in story) >= 2
    assert any("killed wire: an answer has come" in line for line in story)


def test_every_mutant_has_its_scene():
    assert SCENES.keys() == MUTANTS.keys()
