"""Where the SQL runs: one protocol, one file per engine, and the raw tables that Python fills."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster_project.warehouse.duckdb import DuckDBWarehouse
from dagster_project.warehouse.protocol import Warehouse, WarehouseBusyError
from dagster_project.warehouse.raw_tables import RAW_TABLES, ensure_raw_tables

if TYPE_CHECKING:
    from dagster_project.settings import Settings

__all__ = ["RAW_TABLES", "Warehouse", "WarehouseBusyError", "ensure_raw_tables", "open_warehouse"]


def open_warehouse(settings: Settings) -> Warehouse:
    """The warehouse of an installation, to write in; nothing is opened before the first statement.

    Who only asks reads the snapshot, which no writer blocks: `dagster_project.reading`.
    """
    return DuckDBWarehouse(settings.warehouse_path)
