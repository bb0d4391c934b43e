"""A vendor's log that may show a message, and may not: the doubt stays, nothing is sent again."""

import asyncio
import os
from datetime import timedelta

import pytest

from connectors.delivery import doubts, ledger
from connectors.delivery.settling import settle
from connectors.model import Receipt

WORKER = f"here:{os.getpid()}:a"


class Log:
    """A vendor's log that answers what it is told to."""

    channel, provider = "email", "vendor"
    read_back_horizon = timedelta(minutes=5)

    def __init__(self, *shown):
        self.shown = shown

    async def read_back(self, _doubts):
        return [Receipt(f"message-{person}", outcome, "vendor") for person, outcome in self.shown]


@pytest.fixture
def in_doubt(store, agree, message, now):
    """Ann's and Bob's messages left, perhaps."""
    agree("ann", "bob")
    people = [message("ann"), message("bob")]
    ledger.claim(store, people, WORKER, now, now + timedelta(minutes=5))
    sent = {each.message_id: each for each in people}
    ledger.attempt(store, list(sent), WORKER, now, "vendor")
    answers = [Receipt(message_id, "unknown", "vendor", reason="no_answer") for message_id in sent]
    settle(store, answers, WORKER, now, sent)


@pytest.mark.usefixtures("in_doubt")
def test_what_is_not_proven_stays_in_doubt_and_what_is_absent_is_sent_again(store, ledger_rows, now):
    log = Log(("ann", "unknown"))
    asyncio.run(doubts.read_back(store, log, now + timedelta(hours=1)))
    assert ledger_rows("state") == {"message-ann": "unknown", "message-bob": "planned"}
