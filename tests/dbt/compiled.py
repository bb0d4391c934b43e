"""dbt's compiled SQL of some models, for tests that run it themselves: an empty installation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dagster_project.dbt_runner import DbtProject
from dagster_project.settings import Settings
from dagster_project.warehouse import ensure_raw_tables, open_warehouse

SOME_MOMENT = datetime(2001, 2, 3, 4, 5, 6)
"""`as_of` of what is compiled, unlike any other moment in it, so that `moved_to` can set another."""


@dataclass(frozen=True)
class Compiled:
    """Compiled SQL by model.

    Attributes:
        first: of a run that finds none of the models' tables.
        later: of a run after it when the project has changed; the same where `compile_models` got no `ledgers`.
        relations: `schema.table` of each.
        tick: of a run after it when the project has not changed; empty where `compile_models` got no `ledgers`.
    """

    first: dict[str, str]
    later: dict[str, str]
    relations: dict[str, str]
    tick: dict[str, str] = field(default_factory=dict)


def compile_models(
    home: Path, names: Iterable[str], ledgers: Iterable[str] = (), **variables: Any
) -> Compiled:
    """Let dbt compile models as of `SOME_MOMENT`.

    Args:
        home: an empty folder, or one that was used for this before.
        names: of the models.
        ledgers: those of them whose SQL differs once their table is there; all in `intermediate`.
        variables: settings of the shop, as in `dbt_project.yml`.
    """
    settings, names = Settings.under(home), list(names)
    with open_warehouse(settings) as warehouse:
        ensure_raw_tables(warehouse)
    project = DbtProject(settings)

    def nodes(**more: Any) -> dict[str, Any]:
        project.build(SOME_MOMENT, names, command="compile", variables=variables | more)
        return {name: project.manifest().nodes[f"model.millrace.{name}"] for name in names}

    found = nodes()
    first = later = {name: str(node.compiled_code) for name, node in found.items()}
    tick: dict[str, str] = {}
    if ledgers := list(ledgers):
        with open_warehouse(settings) as warehouse:
            warehouse.execute("create schema if not exists intermediate")
            for ledger in ledgers:
                warehouse.execute(f"create table intermediate.{ledger} (anything text)")
        later = {name: str(node.compiled_code) for name, node in nodes().items()}
        tick = {name: str(node.compiled_code) for name, node in nodes(is_tick=True).items()}
    return Compiled(first, later, {name: f"{node.schema}.{node.alias}" for name, node in found.items()}, tick)


def moved_to(sql: str, moment: datetime) -> str:
    """Compiled SQL, as of another moment."""
    return sql.replace(f"{SOME_MOMENT:%Y-%m-%d %H:%M:%S}", f"{moment:%Y-%m-%d %H:%M:%S}")
