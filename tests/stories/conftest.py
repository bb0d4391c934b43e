"""A shop per story, in an installation that is parsed and built once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dagster_project.settings import Settings
from tests.shop import Shop

FOUNDED = "sun 1 feb 12:00"


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Path]:
    """An installation before its first customer, and a copy of its warehouse."""
    home = tmp_path_factory.mktemp("shop")
    settings = Settings.under(home / "home")
    Shop(settings).runs(FOUNDED)
    shutil.copyfile(settings.warehouse_path, home / "founded.duckdb")
    return settings, home / "founded.duckdb"


@pytest.fixture
def shop(founded: tuple[Settings, Path]) -> Shop:
    """A shop without customers; nobody of another story is in it."""
    settings, warehouse = founded
    shutil.rmtree(settings.landing)
    settings.serving_path.unlink(missing_ok=True)
    shutil.copyfile(warehouse, settings.warehouse_path)
    return Shop(settings)
