"""Where the SQL runs: one protocol, one file per engine, and the raw tables that Python fills."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster_project.warehouse.duckdb import DuckDBWarehouse
from dagster_project.warehouse.protocol import Warehouse, WarehouseBusyError
from dagster_project.warehouse.raw_tables import RAW_TABLES, ensure_raw_tables

if TYPE_CHECKING:
    from dagster_project.settings import Settings

__all__ = ["RAW_TABLES", "Warehouse", "WarehouseBusyError", "ensure_raw_tables", "open_warehouse"]


def open_warehouse(settings: Settings, *, read_only: bool = False) -> Warehouse:
    """The warehouse of an installation; nothing is opened before the first statement.

    Args:
        settings: names the DuckDB file and its serving snapshot.
        read_only: read the serving snapshot, which no writer blocks; before the first one, the file itself.
    """
    if read_only and settings.serving_path.exists():
        return DuckDBWarehouse(settings.serving_path, read_only=True)
    return DuckDBWarehouse(settings.warehouse_path, read_only=read_only)
