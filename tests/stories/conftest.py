"""A shop per story: a copy of one that was parsed and built once, before its first customer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dagster_project.settings import Settings
from tests.shop import Shop


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an installation that ran once."""
    home = tmp_path_factory.mktemp("founded") / "home"
    Shop(Settings.under(home)).runs("sun 1 feb 12:00")
    return home


@pytest.fixture
def shop(founded: Path, tmp_path: Path) -> Shop:
    """A shop without customers."""
    return Shop(Settings.under(shutil.copytree(founded, tmp_path / "home")))
