"""Senders that are killed at any moment and at every step send nothing twice and lose nothing."""

import pytest

from tests.crash.conftest import SEED
from tests.crash.harness import Harness, Stores, search
from tests.crash.report import as_text

KILLS = 52
"""For each of the four: more than 200 in all."""


@pytest.mark.parametrize("provider", ["smtp", "http"])
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_killed_senders_send_nothing_twice_and_lose_nothing(
    store, provider, folder, request, nursery, far_ends
):
    url = request.getfixturevalue("postgres_url") if store == "postgresql" else None
    harness = Harness(folder, Stores(folder, url), nursery, far_ends, SEED)
    findings = search(harness, [(store, provider)], KILLS, kills_per_run=KILLS)
    print(as_text(findings))
    assert findings.all_kills.total >= KILLS
    assert findings.is_clean, as_text(findings)


def test_a_message_in_doubt_does_not_fail_over(folder, nursery, far_ends, sqlite_stores):
    """Two providers, one book: what the first may have taken, the second never gets."""
    harness = Harness(folder, sqlite_stores, nursery, far_ends, SEED)
    findings = search(harness, [("sqlite", "failover")], 20)
    assert findings.is_clean, as_text(findings)
