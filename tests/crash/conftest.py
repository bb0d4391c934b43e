"""What the crash tests share: warm processes, because starting one costs more than a hundred kills."""

import random

import pytest

from tests.connectors.postgres import start_postgres
from tests.crash.harness import Stores
from tests.crash.nursery import open_nursery
from tests.crash.provider import open_far_ends

SEED = 20260302


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory):
    with start_postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture(scope="session")
def nursery():
    with open_nursery() as opened:
        yield opened


@pytest.fixture(scope="session")
def far_ends(tmp_path_factory):
    with open_far_ends(tmp_path_factory.mktemp("providers") / "book", SEED) as opened:
        yield opened


@pytest.fixture
def calm(far_ends):
    """The providers, in a good mood, at the beginning of time."""
    far_ends.storm(0.0)
    far_ends.set_clock(0)
    return far_ends


@pytest.fixture
def dice():
    return random.Random(SEED)


@pytest.fixture
def sqlite_stores(tmp_path):
    return Stores(tmp_path)
