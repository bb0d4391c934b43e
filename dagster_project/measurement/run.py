"""Working out what SQL cannot say: all experiments, all credits. Nightly, or when a person asks."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa

from dagster_project.flows.spec import Definition
from dagster_project.measurement.credits import credits_of
from dagster_project.measurement.experiments import (
    DECIDING_METRIC,
    Experiment,
    analyse,
    read_experiments,
    write_analyses,
)
from dagster_project.measurement.paths import Paths
from dagster_project.warehouse import ensure_raw_tables, open_warehouse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dagster_project.measurement.credits import Credit
    from dagster_project.settings import Settings
    from dagster_project.warehouse import Warehouse

DIMENSIONS = ("channel", "flow")
LIVE = "select flow, definition from raw_flows.flows where definition is not null"
PATHS = """
select path, conversion_count, cast(revenue as double) as revenue, null_count
from measurement.attribution_paths where dimension = ?
"""


def measure(settings: Settings, as_of: datetime) -> list[str]:
    """Work out all experiments and credits of an installation, and show readers the result.

    Returns:
        Names of the experiments that somebody took part in.
    """
    with open_warehouse(settings) as warehouse:
        ensure_raw_tables(warehouse)
        found = analyse_experiments(warehouse, as_of)
        credit_paths(warehouse, as_of)
        warehouse.snapshot(settings.serving_path)
    return [experiment.name for experiment in found]


def analyse_experiments(
    warehouse: Warehouse, as_of: datetime, names: Sequence[str] | None = None
) -> list[Experiment]:
    """Analyse experiments (all, or these) and append what they say to `raw_measurement.analyses`."""
    deciding = deciding_metrics(warehouse)
    found = [one for one in read_experiments(warehouse) if names is None or one.name in names]
    for experiment in found:
        metric = deciding.get(experiment.name, DECIDING_METRIC)
        write_analyses(warehouse, analyse(experiment, metric), as_of)
    return found


def deciding_metrics(warehouse: Warehouse) -> dict[str, str]:
    """What winners and bandits go by, by experiment; all others go by conversion."""
    live = warehouse.query(LIVE).to_pylist()
    steps = [
        (row["flow"], step)
        for row in live
        for step in Definition.model_validate_json(row["definition"]).steps
    ]
    return {
        f"{flow}.{step.step}": str(rule.by) for flow, step in steps if (rule := step.winner or step.bandit)
    }


def credit_paths(warehouse: Warehouse, as_of: datetime) -> dict[str, list[Credit]]:
    """Give credit by the models that look at all journeys, and append it to `raw_measurement.credits`."""
    given = {
        dimension: list(credits_of(Paths.from_table(warehouse.query(PATHS, [dimension]))))
        for dimension in DIMENSIONS
    }
    rows = [
        {
            "dimension": dimension,
            "name": credit.name,
            "model": credit.model,
            "order_count": credit.conversions,
            "revenue": Decimal(credit.cents).scaleb(-2),
            "analysed_at": as_of,
        }
        for dimension, given_out in given.items()
        for credit in given_out
    ]
    if rows:
        warehouse.load("raw_measurement.credits", pa.Table.from_pylist(rows))
    return given
