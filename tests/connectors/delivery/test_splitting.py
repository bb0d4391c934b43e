"""Poison rows: one bad message harms no other, and finding it is cheap."""

import asyncio
import math

from hypothesis import given
from hypothesis import strategies as st

from connectors.delivery.splitting import isolate
from connectors.errors import Indivisible, TryAgain
from tests.connectors.delivery.vendor import Vendor

REFUSED = Indivisible("http 422")


@given(size=st.integers(1, 600), data=st.data())
def test_k_culprits_in_n_rows_cost_k_log_n_calls_and_every_other_row_goes_once(size, data):
    poison = data.draw(st.sets(st.integers(0, size - 1), max_size=6))
    calls, taken, refused = [], [], []

    async def call(part):
        calls.append(len(part))
        if poison & set(part):
            raise REFUSED
        taken.extend(part)

    async def refuse(row, fault):
        refused.append((row, fault))

    asyncio.run(isolate(range(size), call, refuse))
    assert sorted(taken) == [row for row in range(size) if row not in poison]
    assert sorted(refused) == [(row, REFUSED) for row in sorted(poison)]
    assert len(calls) <= 1 + 2 * len(poison) * math.ceil(math.log2(max(size, 2)))


def test_a_poisonous_message_is_rejected_alone_and_the_rest_of_its_batch_goes(
    run_over, receipt_for, ledger_rows
):
    vendor = Vendor(batch_size=16, poison={"message-p03"})
    vendor.refusal = REFUSED
    due = [receipt_for(f"p{number:02d}") for number in range(16)]
    assert run_over(due, vendor).counts == {"accepted": 15, "rejected": 1}
    assert ledger_rows("state", "reason")["message-p03"] == ("rejected", "poison: http 422")
    assert len(vendor.taken) == len(set(vendor.taken)) == 15


def test_a_provider_that_goes_away_while_a_batch_is_halved_gets_nothing_twice(run_over, receipt_for):
    first, second = Vendor("first", batch_size=8, poison={"message-p7"}), Vendor("second", batch_size=8)
    first.refusal = REFUSED
    first.errors = [REFUSED, REFUSED, *[TryAgain("http 503")] * 20]
    due = [receipt_for(f"p{number}") for number in range(8)]
    assert run_over(due, first, second).counts == {"accepted": 8}
    assert (first.taken, sorted(second.taken)) == ([], sorted(message.message_id for message in due))
