"""Every job, schedule and sensor, on one page."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from dagster import (
    AssetSelection,
    DagsterRunStatus,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    RunFailureSensorContext,
    RunRequest,
    RunsFilter,
    ScheduleDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    define_asset_job,
    run_failure_sensor,
    sensor,
)

from dagster_project import activation
from dagster_project.alerts import alert
from dagster_project.locks import is_held
from dagster_project.manifest import NIGHTLY
from dagster_project.materialization import BRIEF
from dagster_project.settings import Settings

AUDITS = AssetSelection.groups("audits")
EXPERIMENTS = AssetSelection.groups("experiments")
NIGHT = EXPERIMENTS | AssetSelection.tag(NIGHTLY, "")
LOOP = AssetSelection.all() - AUDITS - NIGHT
LONGEST_RUN = timedelta(minutes=30)
"""A run that is older and has not ended is taken for dead."""
UNDER_WAY = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.NOT_STARTED]

hourly_activation = define_asset_job(
    "hourly_activation",
    selection=LOOP,
    description="Everything: landing files in, decisions, circuit breakers, messages out, results back.",
)
landing_to_send_list = define_asset_job(
    "landing_to_send_list",
    selection=LOOP - AssetSelection.groups(activation.GROUP) - AssetSelection.all_asset_checks(),
    tags=BRIEF,
    description="New files become events, profiles, decisions and the send list; nothing is sent.",
)
daily_audit = define_asset_job(
    "daily_audit",
    selection=AUDITS,
    description="Every data test of the warehouse, on all of its history.",
)
daily_measurement = define_asset_job(
    "daily_measurement",
    selection=NIGHT,
    description="What may be a day old: predictions, experiments, credits that look at all journeys at once.",
)
jobs = [hourly_activation, landing_to_send_list, daily_audit, daily_measurement]

schedules = [
    ScheduleDefinition(
        name="every_night",
        job=daily_audit,
        cron_schedule="30 3 * * *",
        default_status=DefaultScheduleStatus.RUNNING,
    ),
    ScheduleDefinition(
        name="every_morning",
        job=daily_measurement,
        cron_schedule="15 5 * * *",
        default_status=DefaultScheduleStatus.RUNNING,
    ),
    ScheduleDefinition(
        name="every_hour",
        job=hourly_activation,
        cron_schedule="0 * * * *",
        default_status=DefaultScheduleStatus.RUNNING,
    ),
]


@sensor(job=landing_to_send_list, minimum_interval_seconds=5, default_status=DefaultSensorStatus.RUNNING)
def new_landing_files(context: SensorEvaluationContext) -> SensorResult | SkipReason:
    """A run for every change of the landing folder; what lands during a run starts the next one."""
    lately = datetime.now(UTC) - LONGEST_RUN
    active = RunsFilter(job_name=landing_to_send_list.name, statuses=UNDER_WAY, created_after=lately)
    if context.instance.get_runs_count(active):
        return SkipReason("a run is under way: what has landed meanwhile follows it")
    settings = Settings.from_environment()
    if is_held(settings.hot_lane_path):
        return SkipReason("the hot lane takes what lands")
    files = settings.open_landing().files()
    names = sorted(f"{file.name} {file.fingerprint}" for file in files)
    seen = hashlib.sha256("\n".join(names).encode()).hexdigest()
    if not names or seen == context.cursor:
        return SkipReason("no new file has landed")
    return SensorResult(run_requests=[RunRequest(run_key=seen)], cursor=seen)


@run_failure_sensor(monitor_all_code_locations=True, default_status=DefaultSensorStatus.RUNNING)
def run_failed(context: RunFailureSensorContext) -> None:
    """Tell people that a run failed, and why, wherever the settings say."""
    run = context.dagster_run
    alert(
        Settings.from_environment(),
        f"{run.job_name} failed (run {run.run_id}): {context.failure_event.message}",
    )


sensors = [new_landing_files, run_failed]
