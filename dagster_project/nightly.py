"""One night: what may be a day old is worked out again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dagster_project.measurement.run import analyse_experiments, credit_paths
from dagster_project.predictive.run import Predicted, predict
from dagster_project.runs import record_night
from dagster_project.tick import Counted, Progress, Stopwatch, dbt_project, serve
from dagster_project.warehouse import Warehouse, ensure_raw_tables, open_warehouse

if TYPE_CHECKING:
    from dagster_project.dbt_runner import NodeResult
    from dagster_project.settings import Settings


@dataclass(frozen=True, slots=True)
class NightResult:
    """What one night did.

    Attributes:
        as_of: the UTC moment that was computed.
        nodes: what each dbt node did.
        predicted: the latest version of each model, and what the ones in use say of all customers.
        experiments: names of those that somebody took part in.
        seconds: wall-clock seconds by stage.
    """

    as_of: datetime
    nodes: tuple[NodeResult, ...]
    predicted: Predicted
    experiments: tuple[str, ...]
    seconds: dict[str, float]


def build_models(
    settings: Settings, warehouse: Warehouse, as_of: datetime, progress: Counted | None = None
) -> list[NodeResult]:
    """Run the nightly models, and put the night on record.

    Raises:
        DbtError: when a model fails.
    """
    nodes = dbt_project(settings).nightly(as_of, progress)
    record_night(warehouse, as_of, len(nodes))
    return nodes


def nightly(settings: Settings, as_of: datetime, progress: Progress | None = None) -> NightResult:
    """Do a night's work on an installation that has had a tick, and show readers the result.

    Args:
        settings: the installation.
        as_of: naive UTC moment.
        progress: called with (stage, done, total).

    Raises:
        DbtError: when a model fails.
        TimeRunsForwardError: customers are scored as of a later moment already.
        ModelFileError: the file of a predictive model is missing or was changed.
    """
    watch = Stopwatch(progress)
    with open_warehouse(settings) as warehouse:
        ensure_raw_tables(warehouse)
        with watch("models"):
            nodes = build_models(settings, warehouse, as_of, watch.within("models"))
        with watch("predictions"):
            predicted = predict(settings, warehouse, as_of, progress)
        with watch("experiments"):
            found = analyse_experiments(warehouse, as_of)
        with watch("credits"):
            credit_paths(warehouse, as_of)
    with watch("serve"):
        serve(settings)
    return NightResult(as_of, tuple(nodes), predicted, tuple(one.name for one in found), watch.seconds)
