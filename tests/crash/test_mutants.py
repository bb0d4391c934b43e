"""The harness is a check that can fail: ledgers that are broken on purpose are found within a few kills."""

import pytest

from tests.crash.conftest import SEED
from tests.crash.harness import Harness, search
from tests.crash.mutants import MUTANTS

MOST_KILLS = 60
FOUND_AS = {
    "resend_unknown": "twice",
    "forget_attempt": "twice",
    "settle_before_send": "lost",
    "mark_before_write": "untrue",
    "trust_a_young_log": "twice",
    "send_after_sleep": "twice",
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_harness_finds_a_broken_ledger(mutant, tmp_path, nursery, far_ends, sqlite_stores):
    harness = Harness(tmp_path, sqlite_stores, nursery, far_ends, SEED, mutant)
    findings = search(
        harness, [("sqlite", "http")], MOST_KILLS, stop_at_fault=FOUND_AS[mutant], kills_per_run=12
    )
    assert getattr(findings.verdicts["sqlite", "http"], FOUND_AS[mutant])
