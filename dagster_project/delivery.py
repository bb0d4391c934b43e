"""From the warehouse's outbox to the delivery loop: fresh facts in, due messages out, results into landing."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow.compute as pc

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.delivery import DeliveryResult
    from dagster_project.settings import Settings
    from dagster_project.warehouse import Warehouse

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Due:
    """What leaves the warehouse before its file is closed.

    Attributes:
        messages: rows of `sends.outbox`.
        suppressions: (channel, address, reason, since): whom nobody may write to.
        consents: (profile_id, channel, purpose, status, since) of the people on the list.
        loaded_files: landing files whose facts the list knows already.
    """

    messages: pa.Table
    suppressions: pa.Table
    consents: pa.Table
    loaded_files: frozenset[str]


def read_due(warehouse: Warehouse) -> Due:
    """Read the messages that are due, and what their last look needs."""
    return Due(
        messages=warehouse.query("select * from sends.outbox order by priority desc, due_at, message_id"),
        suppressions=warehouse.query("select channel, address, reason, since from profiles.suppressions"),
        consents=warehouse.query(
            """select profile_id, channel, purpose, status, since from profiles.consents
            where profile_id in (select profile_id from sends.outbox)"""
        ),
        loaded_files=frozenset(
            warehouse.query("select file from raw_events.landing_files")["file"].to_pylist()
        ),
    )
