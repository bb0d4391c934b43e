"""Where the SQL runs: one protocol, one file per engine, and the raw tables that Python fills."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from dagster_project.warehouse.duckdb import DuckDBWarehouse
from dagster_project.warehouse.duckdb_reader import duckdb_reader
from dagster_project.warehouse.protocol import (
    QuestionError,
    Reader,
    Warehouse,
    WarehouseBusyError,
    WarehouseFileError,
)
from dagster_project.warehouse.raw_tables import RAW_TABLES, ensure_raw_tables

if TYPE_CHECKING:
    from dagster_project.settings import Settings

__all__ = [
    "RAW_TABLES",
    "QuestionError",
    "Reader",
    "Warehouse",
    "WarehouseBusyError",
    "WarehouseFileError",
    "ensure_raw_tables",
    "open_reader",
    "open_warehouse",
]


def open_warehouse(settings: Settings) -> Warehouse:
    """The warehouse of an installation, to write in; nothing is opened before the first statement.

    Who only asks reads the snapshot, which no writer blocks: `open_reader`.
    """
    return DuckDBWarehouse(settings.warehouse_path)


def open_reader(settings: Settings) -> AbstractContextManager[Reader]:
    """The warehouse of an installation, to ask; another engine is chosen here and in `open_warehouse`.

    Raises:
        QuestionError: when there is no warehouse yet, or a writer holds the only one.
        WarehouseFileError: when it is damaged.
    """
    path = settings.serving_path if settings.serving_path.exists() else settings.warehouse_path
    if not path.exists():
        raise QuestionError(
            f"there is no warehouse under {settings.home} yet: `millrace demo` or `millrace run` first"
        )
    return duckdb_reader(path, settings.warehouse_path.stem)
