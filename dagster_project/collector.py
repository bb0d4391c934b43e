"""The collector of this installation: settings become its parts."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from typing import TYPE_CHECKING

from connectors.collector.app import build_app
from connectors.collector.dependencies import Dependencies, Options
from connectors.collector.feedback_desk import FeedbackDesk
from connectors.collector.journal import Journal
from connectors.collector.keys import KeyRing
from connectors.collector.segments import SegmentFiles
from connectors.links import Links
from connectors.store import open_store
from dagster_project.runs import utc_now
from dagster_project.settings import Settings
from dagster_project.signals import live_signals

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
SWITCH_SECONDS = 0.0005
"""The journal's thread gets the interpreter back this soon after its write; by default, in ten times that."""

if TYPE_CHECKING:
    from starlette.applications import Starlette


def create_app() -> Starlette:
    """The app of one worker process; uvicorn calls it in each."""
    sys.setswitchinterval(SWITCH_SECONDS)
    settings = Settings.from_environment()
    if settings.collector_workers > 1:
        _end_with_the_supervisor()
    return build_app(open_dependencies(settings))


def open_dependencies(settings: Settings) -> Dependencies:
    """Open store, landing and segments."""
    landing = settings.open_landing()
    store = open_store(settings.store_url)
    segments = SegmentFiles(landing, settings.collector_spool, utc_now, max_seconds=settings.segment_seconds)
    return Dependencies(
        options=Options(
            public_url=settings.public_url,
            secrets=settings.secrets,
            allowed_origins=settings.origins,
            events_per_second=settings.events_per_second / settings.collector_workers,
            hashes_pii=settings.hashes_pii,
            pii_secret=settings.secret,
            signals=live_signals(settings),
        ),
        journal=Journal(segments),
        keys=KeyRing(store, utc_now),
        store=store,
        feedback=FeedbackDesk(store, landing, utc_now),
        landing=landing,
        links=Links(settings.secret, settings.public_url),
        clock=utc_now,
    )


def _end_with_the_supervisor() -> None:
    """Stop in order when the process that started this one dies; otherwise its port would stay taken.

    Linux only; elsewhere orphans are for whoever killed the supervisor.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    parent = multiprocessing.parent_process()
    if parent and parent.pid != os.getppid():  # it died before we had asked
        raise SystemExit(1)
