"""What the crash tests share: warm processes, because starting one costs more than a hundred kills."""

import pytest

from tests.connectors.postgres import start_postgres
from tests.crash.harness import Stores, quick_folder
from tests.crash.nursery import open_nursery
from tests.crash.provider import open_far_ends

SEED = 20260302


@pytest.fixture(scope="session")
def postgres_url():
    with quick_folder() as folder, start_postgres(folder) as url:
        yield url


@pytest.fixture(scope="session")
def nursery():
    with open_nursery() as opened:
        yield opened


@pytest.fixture(scope="session")
def far_ends():
    with quick_folder() as folder, open_far_ends(folder / "book", SEED) as opened:
        yield opened


@pytest.fixture
def folder():
    with quick_folder() as opened:
        yield opened


@pytest.fixture
def calm(far_ends):
    """The providers, in a good mood, at the beginning of time."""
    far_ends.storm(0.0)
    far_ends.set_clock(0)
    return far_ends


@pytest.fixture
def sqlite_stores(folder):
    return Stores(folder)
