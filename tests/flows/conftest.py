"""One compilation of the engine for all tests of a session."""

from __future__ import annotations

import pytest

from tests.dbt.compiled import Compiled
from tests.flows.engine import Engine, NewEngine, compile_engine


@pytest.fixture(scope="session")
def engine_sql(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """The SQL of the engine's models as dbt compiles them."""
    return compile_engine(tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="session")
def new_engine(engine_sql: Compiled) -> NewEngine:
    """Makes empty shops."""
    return lambda: Engine(engine_sql)


@pytest.fixture
def engine(new_engine: NewEngine) -> Engine:
    """One empty shop."""
    return new_engine()
