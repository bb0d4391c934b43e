"""The only place where things meet."""

from __future__ import annotations

from dagster import Definitions, definitions, in_process_executor

from dagster_project import activation, automation, ingest, transform
from dagster_project.measurement import assets as measurement
from dagster_project.predictive import assets as predictive
from dagster_project.resources import Installation


@definitions
def millrace() -> Definitions:
    """Assets, checks, jobs, schedules, sensors and resources of one installation."""
    installation = Installation()
    return Definitions(
        assets=[
            *ingest.assets,
            *transform.build_assets(installation),
            transform.data_tests,
            *activation.assets,
            *measurement.build_assets(installation),
            *predictive.build_assets(),
        ],
        asset_checks=[activation.circuit_breakers],
        jobs=automation.jobs,
        schedules=automation.schedules,
        sensors=automation.sensors,
        resources={"installation": installation},
        executor=in_process_executor,
    )
