"""One call per message: every message gets its own receipt, whatever happened to its neighbours."""

import asyncio

import pytest

from connectors.delivery.singly import one_by_one
from connectors.errors import Rejected, StopSync, TryAgain
from connectors.model import Content, Envelope, Receipt


@pytest.fixture
def run(message, now):
    def call(**answers):
        async def send_one(envelope):
            answer = answers[envelope.message.message_id.removeprefix("message-")]
            if isinstance(answer, Exception):
                raise answer
            return Receipt(envelope.message.message_id, answer, "vendor")

        batch = [Envelope(message(person), Content("Hello"), now) for person in answers]
        receipts = asyncio.run(one_by_one(batch, "vendor", send_one))
        return [
            (receipt.message_id, receipt.outcome, receipt.reason, receipt.retry_after_seconds)
            for receipt in receipts
        ]

    return call


def test_a_fault_speaks_for_its_own_message(run):
    assert run(
        ann="accepted", bob=TryAgain("http 429", 7), cid=Rejected("not_a_number"), dan=KeyError("x")
    ) == [
        ("message-ann", "accepted", None, None),
        ("message-bob", "retry", "http 429", 7),
        ("message-cid", "rejected", "not_a_number", None),
        ("message-dan", "unknown", "error: KeyError", None),
    ]


def test_a_vendor_that_takes_nothing_more_keeps_what_it_took(run):
    assert [outcome for _, outcome, _, _ in run(ann="accepted", bob=StopSync("wrong key"))] == [
        "accepted",
        "retry",
    ]


@pytest.mark.parametrize("fault", [StopSync("wrong key"), TryAgain("http 503", 5)])
def test_a_fault_of_all_is_one_of_the_call(run, fault):
    with pytest.raises(type(fault), match=str(fault)):
        run(ann=fault, bob=fault)


def test_an_empty_batch_calls_nobody(run):
    assert run() == []
