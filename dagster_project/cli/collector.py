"""`millrace collector`."""

from __future__ import annotations

from typing import Annotated

import typer
import uvicorn

from connectors.collector.one_write import WholeAnswers
from dagster_project.cli.output import AsJson, examples, new_app, show_json
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
    as_json: AsJson = False,
) -> None:
    """Take events, webhooks and clicks over HTTP until it is stopped.

    Speaks the Segment tracking API: point an SDK's host at it and use a key of `millrace keys create`. What
    was acknowledged is on disk. TLS is for the proxy in front.
    """
    settings = Settings.from_environment()
    count = workers or settings.collector_workers
    tell_workers(count)  # each takes its share of a key's pace
    if as_json:
        show_json({"url": f"http://{host}:{port}", "workers": count, "home": settings.home})
    else:
        typer.echo(f"The collector is on its way to http://{host}:{port} (Ctrl-C ends it)", err=True)
    uvicorn.run(
        "dagster_project.collector:create_app",
        factory=True,
        http=WholeAnswers,
        host=host,
        port=port,
        workers=count,
        log_level="warning",
        access_log=False,  # addresses of visitors and tokens of links would be in it
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
