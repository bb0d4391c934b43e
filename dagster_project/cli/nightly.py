"""`millrace nightly`: one night."""

from __future__ import annotations

from dagster_project.cli.output import AsJson, AsOf, examples, moment, new_app, progress_bar, show, show_json
from dagster_project.nightly import NightResult
from dagster_project.nightly import nightly as work_through
from dagster_project.settings import Settings

app = new_app()


@app.command(epilog=examples("millrace nightly", "millrace nightly --as-of 2026-11-20 --json"))
def nightly(as_of: AsOf = "now", as_json: AsJson = False) -> None:
    """What may be a day old, worked out again: nightly models, predictions, experiments, credits."""
    with progress_bar(quiet=as_json) as progress:
        result = work_through(Settings.from_environment(), moment(as_of), progress)
    if as_json:
        show_json(summary(result))
    else:
        rows = [{"stage": stage, "seconds": round(spent, 1)} for stage, spent in result.seconds.items()]
        show(rows, as_json=False, title=f"As of {result.as_of:%Y-%m-%d %H:%M:%S} UTC")


def summary(result: NightResult) -> dict[str, object]:
    """A night as JSON."""
    return {
        "as_of": result.as_of,
        "models": len(result.nodes),
        "predictions": {
            one.model: {"customers": one.customers, "version": one.version, "reason": one.reason}
            for one in result.predicted.scorings
        },
        "experiments": list(result.experiments),
        "seconds": {stage: round(spent, 3) for stage, spent in result.seconds.items()},
    }
