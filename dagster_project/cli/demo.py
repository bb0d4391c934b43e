"""`millrace demo`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from dagster_project.cli.output import AsJson, examples, new_app, progress_bar, show_json
from dagster_project.demo import report
from dagster_project.demo.run import CUSTOMERS, run_demo
from dagster_project.settings import Settings

app = new_app()


@app.command(
    epilog=examples(
        "millrace demo",
        "millrace demo --customers 500 --seed 11",
        "MILLRACE_HOME=shop millrace demo --json",
    )
)
def demo(
    seed: Annotated[int, typer.Option(help="The same seed gives the same orders and messages.")] = 7,
    customers: Annotated[int, typer.Option(min=10, help="How many people know the shop.")] = CUSTOMERS,
    as_json: AsJson = False,
) -> None:
    """Play two months of a shop: its customers, its messages, and what they earned, next to the truth.

    An earlier demo in the installation's folder is replaced; anything else there is left alone.
    """
    with progress_bar(quiet=as_json) as progress:
        result = run_demo(Settings.from_environment(), seed=seed, customers=customers, progress=progress)
    if as_json:
        show_json(report.as_json(result))
    else:
        report.show_result(result, Console())
