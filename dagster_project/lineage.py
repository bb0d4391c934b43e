"""What happens beside Dagster's runs, shown in its lineage: the hot lane decides and sends without a run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from dagster_project.tick import TickResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from dagster_project.settings import Settings

logger = logging.getLogger(__name__)

SEND_LIST = ("sends", "send_list")
"""Key of the asset that a turn makes anew."""


@contextmanager
def turns_shown(settings: Settings) -> Iterator[Callable[[TickResult], None]]:
    """What shows a turn that had something to do as a materialization of the send list.

    Does nothing in an installation that Dagster has never served. It is a display: where it fails, a warning
    says so, and the turn has happened all the same.
    """
    if not (settings.dagster_home / "dagster.yaml").exists():
        yield lambda _: None
        return
    from dagster import AssetKey, AssetMaterialization, DagsterInstance  # noqa: PLC0415  (a second, only here)

    with ExitStack() as opened:
        instance: DagsterInstance | None = None
        with _no_matter():
            instance = opened.enter_context(DagsterInstance.from_config(str(settings.dagster_home)))

        def show(turn: TickResult) -> None:
            if not (turn.loaded.files or turn.facts.message_count):
                return
            metadata: dict[str, str | int | float] = {
                "as of": str(turn.as_of),
                "made by": "hot lane",
                "new files": turn.loaded.files,
                "due": turn.facts.message_count,
                "seconds": round(sum(turn.seconds.values()), 2),
            }
            if instance is not None:
                with _no_matter():
                    instance.report_runless_asset_event(
                        AssetMaterialization(asset_key=AssetKey(SEND_LIST), metadata=metadata)
                    )

        yield show


@contextmanager
def _no_matter() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001  (whatever Dagster has, what was sent was sent)
        logger.warning("Dagster does not show the hot lane's turns: %s: %s", type(error).__name__, error)
