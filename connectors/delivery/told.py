"""Evidence from outside: what webhooks and bounce mails tell about messages, whenever they came.

A webhook may overtake the receipt, or come while a worker dies. So evidence is kept, and believed before
anything is decided about a doubt: what a vendor reports as delivered is never sent again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from connectors.delivery.states import CLAIMABLE
from connectors.store import Store
from connectors.tables import feedback, messages

WOULD_BE_SENT_AGAIN = (*CLAIMABLE, "claimed")


def believe(store: Store, now: datetime, message_ids: Collection[str] | None = None) -> Counter[str]:
    """Resolve messages by what was told about them; one whose answer a worker still awaits is left alone.

    A message in doubt is accepted or rejected as told. One that is to be attempted again, because its vendor
    had refused it or had not known it, is accepted when it was told to have left after all.

    Args:
        store: the ledger and the evidence.
        now: naive UTC.
        message_ids: only these; none means all.

    Returns:
        resolved messages by what they became: accepted, rejected.
    """
    ledger = messages.c
    about = sa.or_(
        feedback.c.message_id == ledger.message_id,
        feedback.c.provider_message_id == ledger.provider_message_id,
    )
    # The lesser word is `accepted`: proof that a message left outweighs any refusal.
    outcome = sa.func.min(feedback.c.outcome).label("outcome")
    open_again = sa.and_(ledger.state.in_(WOULD_BE_SENT_AGAIN), ledger.attempt_count > 0)
    told = (
        sa.select(ledger.message_id, outcome)
        .join(feedback, about)
        .where(feedback.c.outcome.is_not(None))
        .where(sa.or_(ledger.state == "unknown", sa.and_(open_again, feedback.c.outcome == "accepted")))
        .group_by(ledger.message_id)
        .order_by(ledger.message_id)
    )
    if message_ids is not None:
        told = told.where(ledger.message_id.in_(message_ids))
    with store.transaction() as connection:
        resolved = {row.message_id: row.outcome for row in connection.execute(told)}
        for word in sorted(set(resolved.values())):
            connection.execute(
                sa.update(messages)
                .where(ledger.message_id.in_([key for key, known in resolved.items() if known == word]))
                .where(sa.or_(ledger.state == "unknown", open_again))
                .values(
                    state=word,
                    resolved_by="webhook",
                    reconciled_at=now,
                    claimed_by=None,
                    lease_until=None,
                    is_written_back=False,
                )
            )
        return Counter(resolved.values())
