"""What `raw_predictions` knows of versions: written once for a model and moment, however often it is said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dagster_project.predictive.tables import HISTORY

if TYPE_CHECKING:
    from dagster_project.predictive.contest import Contest
    from dagster_project.warehouse.protocol import Warehouse

IN_USE = """
select * from raw_predictions.versions
where model = ? and is_promoted and trained_at <= ? order by trained_at desc, version desc limit 1
"""
LATEST = """
select * from raw_predictions.versions
where model = ? and trained_at <= ? order by trained_at desc, version desc limit 1
"""


@dataclass(frozen=True, slots=True)
class Version:
    """One training of a model: a row of `raw_predictions.versions`.

    Attributes:
        version: when it was trained, as a name.
        contender: who won its contest; None where there was too little history for one.
        cutoff: of the hold-out that it was judged on; None without.
        horizon_days: how far ahead it looks.
        judged_horizon_days: how far ahead it looked when it was judged.
        customer_count: how many were judged.
        is_promoted: whether it was taken into use.
        refusal: why not.
        leaking_features: those that knew the future, by commas.
        file_hash: SHA-256 of its file; None without one.
    """

    model: str
    version: str
    contender: str | None
    trained_at: datetime
    cutoff: datetime | None
    horizon_days: int
    judged_horizon_days: int
    customer_count: int
    is_promoted: bool
    refusal: str | None
    leaking_features: str | None
    file_hash: str | None

    @property
    def has_leaks(self) -> bool:
        """Whether features knew the future."""
        return self.leaking_features is not None

    @property
    def key(self) -> dict[str, Any]:
        """What no other row has."""
        return {"model": self.model, "version": self.version}


def version_in_use(warehouse: Warehouse, model: str, as_of: datetime) -> Version | None:
    """The version that predicts, of those trained until then."""
    return _first(warehouse, IN_USE, model, as_of)


def latest_version(warehouse: Warehouse, model: str, as_of: datetime) -> Version | None:
    """The version trained last until then, promoted or refused."""
    return _first(warehouse, LATEST, model, as_of)


def write_version(warehouse: Warehouse, version: Version, contest: Contest | None) -> None:
    """Put a training on record: the version, every contender's figures, the winner's deciles.

    Of attempts that had too little history, only the last is kept.
    """
    warehouse.execute(
        "delete from raw_predictions.versions where model = ? and contender is null", [version.model]
    )
    figures = [
        {"contender": contender, "figure": figure, "value": value if math.isfinite(value) else None}
        for contender, found in (contest.figures if contest else {}).items()
        for figure, value in found.items()
    ]
    deciles = [
        {
            "decile": row.decile,
            "customer_count": row.customers,
            "predicted": row.predicted,
            "actual": row.actual,
            "lift": row.lift if math.isfinite(row.lift) else None,
        }
        for row in (contest.deciles if contest else [])
    ]
    with warehouse.transaction():
        replace_rows(warehouse, "versions", version.key, [asdict(version)])
        replace_rows(warehouse, "evaluations", version.key, figures)
        replace_rows(warehouse, "deciles", version.key, deciles)


def replace_rows(
    warehouse: Warehouse, table: str, key: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Let the rows of a key, in a table of `raw_predictions`, be these; they get the key's columns."""
    name = f"raw_predictions.{table}"
    condition = " and ".join(f"{column} = ?" for column in key)
    warehouse.execute(f"delete from {name} where {condition}", list(key.values()))
    if rows:
        warehouse.load(name, pa.Table.from_pylist([{**key, **row} for row in rows]))


def forget(warehouse: Warehouse, as_of: datetime) -> None:
    """Drop what is told of scorings long ago."""
    for table in ("scorings", "drift"):
        warehouse.execute(f"delete from raw_predictions.{table} where scored_at < ?", [as_of - HISTORY])


def _first(warehouse: Warehouse, query: str, model: str, as_of: datetime) -> Version | None:
    rows = warehouse.query(query, [model, as_of]).to_pylist()
    return Version(**rows[0]) if rows else None
