"""What a tick reads does not grow with the history: DuckDB's own profile of each statement says so."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper

from dagster_project.settings import Settings
from dagster_project.tick import tick
from tests.bench.measure import watched
from tests.dagster_project.conftest import MORNING, NOON

PEOPLE, DAYS = 20, 60
HISTORY = PEOPLE * DAYS * 3
NEW = 3
LOOKED_UP = {
    *("intermediate.int_orders", "intermediate.int_order_items"),
    *("intermediate.int_carts", "intermediate.int_cart_operations"),
}
"""Tables whose rows are found by an order's, cart's or buyer's id, which are everywhere in the file: the column of
ids is read, and a tenth of the events or less have a row there."""


def call(number: int, at: datetime, name: str, **properties: object) -> dict[str, object]:
    return {
        "type": "track",
        "messageId": f"{name}-{number}-{at}",
        "event": name,
        "userId": f"u{number % PEOPLE}",
        "timestamp": f"{at.isoformat()}Z",
        "properties": properties,
    }


def history() -> Iterator[dict[str, object]]:
    """Each person views, fills a cart and buys every day until three weeks before the tick."""
    tea = {"product_id": "sencha", "price": 14.0, "quantity": 1}
    for day in range(DAYS):
        for number in range(PEOPLE):
            at = MORNING - timedelta(days=21 + day)
            yield call(number, at, "Product Viewed", product_id="sencha")
            yield call(number, at + timedelta(minutes=1), "Product Added", cart_id=f"c{number}-{day}", **tea)
            yield call(
                number,
                at + timedelta(minutes=2),
                "Order Completed",
                order_id=f"o{number}-{day}",
                revenue=14.0,
                products=[tea],
            )


def scans(node: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """(table, rows that came out of its scan) of a plan; what a pushed filter kept back is not read on."""
    if node["type"] == "TABLE_SCAN":
        yield node["extra_info"].get("Table", "").removeprefix("warehouse."), node["intermediate_rows"]
    for child in node.get("children", ()):
        yield from scans(child)


@contextmanager
def rows_read() -> Iterator[Counter[tuple[str, str]]]:
    """Rows by (model, table) that dbt's statements read inside the block."""
    found: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def profiled(model: str, cursor: DuckDBCursorWrapper) -> Iterator[None]:
        cursor._cursor.execute("set enable_profiling = 'no_output'")
        try:
            yield
        finally:
            text = cursor._cursor.get_profiling_information(format="json")
            for plan in json.loads(text).get("operator", ()) if text else ():
                for table, rows in scans(plan):
                    found[model, table] += rows

    with watched(profiled):
        yield found


def test_a_tick_reads_no_table_that_grows_with_the_history(small_shop, tmp_path: Path) -> None:
    shop = Settings.under(shutil.copytree(small_shop.home, tmp_path / "home"))
    landing = shop.open_landing()
    landing.write("history.ndjson", history())
    for hour in (1, 2, 3):
        at = NOON + timedelta(hours=hour)
        landing.write(
            f"new-{hour}.ndjson",
            [call(number, at, "Product Viewed", product_id="sencha") for number in range(NEW)],
        )
        with rows_read() as found:
            tick(shop, at, deliver=False)
    assert found["int_events", "raw_events.events"] == NEW
    long = {(model, table): rows for (model, table), rows in found.items() if rows > HISTORY / 10}
    assert {table for _, table in long if table and not table.startswith("settings.")} <= LOOKED_UP
