"""`millrace experiments …`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from dagster_project.cli.output import AsJson, AsOf, examples, moment, new_app, show
from dagster_project.settings import Settings

app = new_app("What experiments show, and who has won.")

Name = Annotated[
    str, typer.Argument(help="An experiment: `cart_recovery.hold_out`, `cart_recovery.reminder`.")
]
LIST = """
select experiment, metric, arm, unit_count, mean, lift, sequential_low as low, sequential_high as high,
    chance_to_beat, coalesce(winner, 'none yet') as winner, reason, warning
from experiment_results
where decides and lift is not null
order by experiment, arm
"""
SHOW = """
select metric, arm, unit_count, mean, lift, lift_low, lift_high, p_value, sequential_low, sequential_high,
    chance_to_beat, expected_loss, detectable_lift, sample_ratio_p_value, warning
from experiment_results where experiment = ? order by decides desc, metric, arm
"""
EMPTY = "nothing is analysed yet: millrace experiments analyse"


@app.command("list", epilog=examples("millrace experiments list", "millrace experiments list --json"))
def list_experiments(as_json: AsJson = False) -> None:
    """Each arm's lift over its baseline, with the interval that holds at every look."""
    from dagster_project.reading import ask  # noqa: PLC0415  (the warehouse, which `--help` should not load)

    show(ask(Settings.from_environment(), LIST).to_pylist(), as_json=as_json, empty=EMPTY)


@app.command("show", epilog=examples("millrace experiments show cart_recovery.hold_out"))
def show_experiment(name: Name, as_json: AsJson = False) -> None:
    """All metrics of one experiment, fixed-horizon, sequential and Bayesian."""
    from dagster_project.reading import ask  # noqa: PLC0415  (as above)

    show(ask(Settings.from_environment(), SHOW, [name]).to_pylist(), as_json=as_json, empty=EMPTY)


@app.command(
    epilog=examples("millrace experiments analyse", "millrace experiments analyse --as-of 2026-11-20")
)
def analyse(as_of: AsOf = "now", as_json: AsJson = False) -> None:
    """Work out all experiments and attribution credits now, as every morning."""
    from dagster_project.measurement.run import measure  # noqa: PLC0415  (as above)

    names = measure(Settings.from_environment(), moment(as_of))
    show([{"experiment": name} for name in names], as_json=as_json, empty="nobody has taken part yet")


@app.command(
    epilog=examples(
        "millrace experiments policy cart_recovery.reminder",
        "millrace experiments policy win_back.hold_out --by revenue --json",
    )
)
def policy(
    name: Name,
    by: Annotated[
        str, typer.Option(help="What is to be got: converted, clicked, opened, revenue.")
    ] = "converted",
    as_json: AsJson = False,
) -> None:
    """Who should get which arm: rules by segment, judged on people they were not learned from."""
    from dagster_project.measurement.targeting import rules  # noqa: PLC0415  (as above)
    from dagster_project.reading import ask  # noqa: PLC0415  (as above)

    found = rules(partial(ask, Settings.from_environment()), name, by)
    rows = [rule.shown() for rule in found]
    show(rows, as_json=as_json, empty="no segment should get another arm, or too few people took part")
