"""The ledger's states by what may happen next; the picture of all of them is in `ledger.py`."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.tables import messages

CLAIMABLE = ("planned", "retry")
FINAL = ("accepted", "rejected", "skipped", "unknown")

OPEN_DOUBT = sa.and_(messages.c.state == "unknown", messages.c.resolved_by.is_(None))
"""Nobody knows whether the message left; nothing has told, and no policy has closed it."""
