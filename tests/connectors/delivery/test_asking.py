"""A log that is asked about one message at a time: what was not asked proves nothing."""

import asyncio
from datetime import datetime

import pytest

from connectors.delivery.asking import ask_for_each
from connectors.errors import TryAgain
from connectors.model import Doubt, Receipt

SEEN = {"a": "accepted", "c": "rejected"}


def doubts(names):
    return [Doubt(name, f"{name}@example.com", datetime(2026, 3, 2)) for name in names]


def ask(names, had_enough_of=""):
    async def look_up(doubt):
        if doubt.message_id in had_enough_of:
            raise TryAgain("http 429")
        outcome = SEEN.get(doubt.message_id)
        return Receipt(doubt.message_id, outcome, "vendor") if outcome else None

    return asyncio.run(ask_for_each(doubts(names), "vendor", look_up))


def test_what_the_log_shows_has_a_receipt_and_what_it_does_not_show_has_none():
    assert ask("abc") == [Receipt("a", "accepted", "vendor"), Receipt("c", "rejected", "vendor")]


def test_what_was_learned_before_the_log_had_enough_counts_and_the_rest_stays_in_doubt():
    assert ask("abcd", had_enough_of="c") == [
        Receipt("a", "accepted", "vendor"),
        Receipt("c", "unknown", "vendor", reason="not_asked"),
        Receipt("d", "unknown", "vendor", reason="not_asked"),
    ]


def test_a_log_that_cannot_be_asked_at_all_says_nothing():
    with pytest.raises(TryAgain):
        ask("ab", had_enough_of="a")
