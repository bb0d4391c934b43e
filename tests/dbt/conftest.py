"""A warehouse without a landing zone: events go in as records, dbt runs as of any moment, rows come out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from connectors.events import Event, parse
from dagster_project.dbt_runner import DbtProject
from dagster_project.settings import Settings
from dagster_project.warehouse import ensure_raw_tables, open_warehouse

if TYPE_CHECKING:
    from pathlib import Path

CORE = [
    f"path:models/{path}"
    for path in (
        "staging/events",
        "staging/predictions",
        "intermediate/events",
        "intermediate/identity",
        "intermediate/commerce",
        "intermediate/profiles",
        "marts/commerce",
        "marts/profiles",
    )
]
IDENTITY = ["stg_events__events", "int_events", "int_identifier_links", "int_identifier_profiles"]


class Shop:
    """One installation: `take` records, `run` dbt, look at `rows`."""

    def __init__(self, home: Path, first: DbtProject | None = None) -> None:
        self.settings = Settings.under(home)
        self.settings.home.mkdir(parents=True, exist_ok=True)
        self.warehouse = open_warehouse(self.settings)
        self.project = DbtProject(self.settings)
        if first is not None:
            self.project._manifest, self.project._fingerprint = first._manifest, first._fingerprint
        ensure_raw_tables(self.warehouse)
        self.loads = 0

    def take(self, records: list[dict[str, Any]]) -> None:
        """Load records as one landing file."""
        self.loads += 1
        events = [parse(record) for record in records]
        assert all(isinstance(event, Event) for event in events), events
        rows = [
            {
                **event._asdict(),
                "landing_file": f"{self.loads:04}.ndjson",
                "line_number": number,
                "load_id": self.loads,
            }
            for number, event in enumerate(events, 1)
        ]
        if rows:
            self.warehouse.load("raw_events.events", pa.Table.from_pylist(rows))

    def run(self, as_of: str | datetime, select: list[str] = CORE, **variables: Any) -> None:
        """Build the selected models as of a moment."""
        moment = datetime.fromisoformat(as_of) if isinstance(as_of, str) else as_of
        self.project.build(moment, select, variables=variables)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query as tuples."""
        table = self.warehouse.query(sql)
        return [tuple(row.values()) for row in table.to_pylist()]


@pytest.fixture(scope="session")
def parsed_project(tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("parsed"))
    shop.project.manifest()
    return shop.project


@pytest.fixture
def open_shop(tmp_path_factory, parsed_project):
    """A function that opens another, empty shop."""

    def open_one() -> Shop:
        shop = Shop(tmp_path_factory.mktemp("shop"), parsed_project)
        shop.project.build(datetime(2026, 1, 1), command="seed")
        return shop

    return open_one


@pytest.fixture
def shop(open_shop):
    return open_shop()


@pytest.fixture(scope="session")
def built_project(tmp_path_factory, parsed_project):
    """A shop in which every model has run once, over nothing."""
    shop = Shop(tmp_path_factory.mktemp("built"), parsed_project)
    shop.project.build(datetime(2025, 1, 1), command="seed")
    shop.project.build(datetime(2025, 1, 1))
    return shop


@pytest.fixture
def built_shop(tmp_path, built_project, parsed_project):
    """A shop with all views in place: a run needs to select only what stores rows."""
    (tmp_path / "shop").mkdir()
    built_project.warehouse.snapshot(tmp_path / "shop" / "warehouse.duckdb")
    return Shop(tmp_path / "shop", parsed_project)
