"""`millrace collector`."""

from __future__ import annotations

from typing import Annotated

import typer
import uvicorn

from dagster_project.cli.output import examples, new_app
from dagster_project.settings import Settings, tell_workers

app = new_app()
GRACE_SECONDS = 10
IDLE_SECONDS = 75
"""Longer than the load balancers in front keep a connection, so that it is they who close it."""


@app.command(
    epilog=examples(
        "millrace keys create shop",
        "millrace collector",
        "millrace collector --host 0.0.0.0 --port 8080 --workers 2",
    )
)
def collector(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on.")] = 8080,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default as configured.")] = None,
) -> None:
    """Take events, webhooks and clicks over HTTP until it is stopped.

    Speaks the Segment tracking API: point an SDK's host at it and use a key of `millrace keys create`. What
    was acknowledged is on disk. TLS is for the proxy in front.
    """
    count = workers or Settings.from_environment().collector_workers
    tell_workers(count)  # each takes its share of a key's pace
    uvicorn.run(
        "dagster_project.collector:create_app",
        factory=True,
        host=host,
        port=port,
        workers=count,
        log_level="warning",
        access_log=False,  # addresses of visitors and tokens of links would be in it
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
