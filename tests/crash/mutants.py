"""Ledgers that are broken on purpose, in the sender's process only: the harness must find each of them."""

from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from connectors import http_connection
from connectors.delivery import calls, doubts, ledger, receipts, settling
from connectors.delivery.ledger import Attempt
from connectors.email import connection
from connectors.email.postmark import PostmarkSender
from connectors.model import Receipt
from connectors.tables import messages
from tests.crash.traps import replace_everywhere


def resend_unknown():
    """What nobody answered for is planned again at once."""
    doubt = ledger._doubt

    def planned(connection, which, now, reason):
        ledger._free(connection, which)
        return []

    replace_everywhere(doubt, planned)
    _change_receipts(lambda receipt: "retry" if receipt.outcome == "unknown" else receipt.outcome)


def forget_attempt():
    """Bytes leave without a durable word of it."""

    def attempt(store, message_ids, worker, *_):
        with store.transaction() as connection:
            mine = connection.scalars(
                sa.select(messages.c.message_id).where(
                    messages.c.message_id.in_(message_ids), ledger._held_by(worker, "claimed")
                )
            )
            return Attempt(frozenset(mine))

    replace_everywhere(ledger.attempt, attempt)


def settle_before_send():
    """The ledger says accepted, then the bytes leave."""
    ask = calls.Calls._ask

    async def settled_first(self, lane, part, attempted_at):
        sure = [Receipt(envelope.message.message_id, "accepted", lane.sender.provider) for envelope in part]
        await self._clerk.settle(sure, {})
        await ask(self, lane, part, attempted_at)

    calls.Calls._ask = settled_first


def mark_before_write():
    """Outcomes count as told to landing before they are."""
    unwritten = receipts._unwritten

    def marked(store):
        rows = unwritten(store)
        if rows:
            receipts._mark(store, rows)
        return rows

    replace_everywhere(unwritten, marked)


def trust_a_young_log():
    """What the vendor's log does not show yet was never sent."""
    PostmarkSender.read_back_horizon = timedelta(0)


def send_after_sleep():
    """A sender that was suspended between attempt and call goes on as if nothing had happened."""
    calls.LONGEST_PREPARATION = timedelta(days=1)


def connect_after_sleep():
    """As above, but only until it has a connection."""
    for module in (http_connection, connection):
        module.ask_to_leave = lambda: None


def believe_an_old_answer():
    """What the log did not show before another sender tried again is planned once more."""

    def still_unknown(opened, asked):
        keys = [doubt.message_id for doubt in asked]
        rows = opened.execute(
            sa.select(messages).where(messages.c.message_id.in_(keys), messages.c.state == "unknown")
        )
        return {row["message_id"]: row for row in rows.mappings()}

    doubts._still_open = still_unknown


def _change_receipts(word):
    settle = settling.settle

    def settled(store, told, worker, now, sent=settling.NO_MESSAGES):
        changed = [replace(receipt, outcome=word(receipt)) for receipt in told]
        return settle(store, changed, worker, now, sent)

    replace_everywhere(settle, settled)


MUTANTS = {
    function.__name__: function
    for function in (
        resend_unknown,
        forget_attempt,
        settle_before_send,
        mark_before_write,
        trust_a_young_log,
        send_after_sleep,
        connect_after_sleep,
        believe_an_old_answer,
    )
}
