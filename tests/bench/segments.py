"""The segment "spend over 50 and a purchase over 50", as a segment model would write it and from raw events."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dagster_project.warehouse import open_warehouse

if TYPE_CHECKING:
    from dagster_project.settings import Settings

PEER = "Parcelvoy 0.1, 100k users x 1M events: 134 s"

DEFINITIONS = {
    "from traits": """
        select profile_id from profiles.profiles where total_revenue > 50 and largest_order_value > 50
    """,
    "from orders": """
        select profile_id from commerce.orders group by profile_id having sum(revenue) > 50 and max(revenue) > 50
    """,
    "from raw events": """
        select user_id
        from raw_events.events
        where event_name = 'Order Completed'
        group by user_id
        having sum(cast(properties ->> 'revenue' as decimal(18, 2))) > 50
            and max(cast(properties ->> 'revenue' as decimal(18, 2))) > 50
    """,
}


def segment_seconds(settings: Settings) -> dict[str, float]:
    """Seconds of SQL by where the segment reads from."""
    spent = {}
    with open_warehouse(settings) as warehouse:
        for name, sql in DEFINITIONS.items():
            started = time.perf_counter()
            warehouse.query(f"select count(*) as members from ({sql})")
            spent[name] = time.perf_counter() - started
    return spent
