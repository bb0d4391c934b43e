"""A vendor that does as it is told: it stands where a wire would begin."""

import asyncio

from connectors.delivery.sender import Rate
from connectors.model import Receipt


class Vendor:
    """Takes everything, unless `error` is raised by the next calls, or `answers` says something of a message.

    `calls` are the ids of every call; `taken` those that it took. `errors` are raised by one call each.
    """

    is_repeatable = False

    def __init__(self, provider="first", channel="email", *, batch_size=2, rate=None, seconds=0, poison=()):
        self.provider = provider
        self.channel = channel
        self.batch_size = batch_size
        self.rate = rate or Rate()
        self.seconds = seconds
        self.poison = set(poison)
        self.answers = {}
        self.errors = []
        self.error = None
        self.calls = []
        self.taken = []
        self.under_way = self.most_at_once = 0
        self.serves_only = None

    def serves(self, message):
        return self.serves_only is None or message.message_id in self.serves_only

    async def send(self, batch):
        ids = [envelope.message.message_id for envelope in batch]
        self.calls.append(ids)
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.under_way -= 1
        if self.errors:
            raise self.errors.pop(0)
        if self.error:
            raise self.error
        if self.poison & set(ids):
            raise self.refusal
        receipts = [self.answers.get(i) or Receipt(i, "accepted", self.provider, f"p-{i}") for i in ids]
        self.taken += [receipt.message_id for receipt in receipts if receipt.outcome == "accepted"]
        return receipts

    async def close(self):
        """Nothing is open."""
