"""What assets are given: the installation, its warehouse and the moment for which a run computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from dagster import AssetCheckExecutionContext, AssetExecutionContext, ConfigurableResource

from dagster_project import runs
from dagster_project.settings import Settings
from dagster_project.warehouse import Warehouse, ensure_raw_tables, open_warehouse

StepContext = AssetExecutionContext | AssetCheckExecutionContext


class Installation(ConfigurableResource[object]):
    """One installation of Millrace.

    Attributes:
        as_of: ISO moment in UTC for which runs compute; `now` is the moment at which a run was created.
    """

    as_of: str = "now"

    @property
    def settings(self) -> Settings:
        """Where state is and whom we talk to, read from the environment when asked."""
        return Settings.from_environment()

    @contextmanager
    def open(self, context: StepContext) -> Iterator[tuple[Warehouse, datetime]]:
        """The warehouse and the run's moment.

        All steps of a run share the moment of its creation. A run that another one has overtaken computes
        the later moment: time never runs backward.
        """
        with open_warehouse(self.settings) as warehouse:
            ensure_raw_tables(warehouse)
            runs.ensure_run_tables(warehouse)
            last = runs.last_run(warehouse)
            wanted = self._moment(context)
            yield warehouse, max(wanted, last.as_of) if last and self.as_of == "now" else wanted

    def clock(self, as_of: datetime) -> datetime | None:
        """Where time stands still during delivery; none when a run computes the present: the clock runs."""
        return None if self.as_of == "now" and as_of <= runs.utc_now() else as_of

    def _moment(self, context: StepContext) -> datetime:
        if self.as_of != "now":
            return datetime.fromisoformat(self.as_of)
        record = context.instance.get_run_record_by_id(context.run.run_id)
        created = record.create_timestamp if record else datetime.now(UTC)
        return created.astimezone(UTC).replace(tzinfo=None, microsecond=0)
