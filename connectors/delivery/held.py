"""Messages that wait for a person's word because they are late (policy `ask`)."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.delivery.states import CLAIMABLE
from connectors.store import Store
from connectors.tables import messages


def release_late(store: Store, by: str, flow: str | None = None) -> int:
    """Let late messages go under a person's name; the next run sends them unless something else objects.

    Args:
        store: the ledger.
        by: who answers for it; stands in the ledger.
        flow: only this flow's.

    Returns:
        how many were held.
    """
    held = sa.and_(messages.c.state.in_(CLAIMABLE), messages.c.reason == "late_send")
    with store.transaction() as connection:
        result = connection.execute(
            sa.update(messages)
            .where(held, messages.c.flow == flow if flow else sa.true())
            .values(released_by=by, reason="released")
        )
        return result.rowcount
