"""`millrace doctor`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from dagster_project.cli.output import AsJson, examples, new_app, show
from dagster_project.diagnosis import examine
from dagster_project.settings import Settings

app = new_app()


@app.command(
    epilog=examples(
        "millrace doctor",
        "millrace doctor --json",
    )
)
def doctor(as_json: AsJson = False) -> None:
    """Check the installation: folders, warehouse, project, flows, store, mail server; and say what to do.

    Exit code 1 when something is broken; advice alone is 0.
    """
    findings = examine(Settings.from_environment())
    show([asdict(finding) for finding in findings], as_json=as_json)
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)
