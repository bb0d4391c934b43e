"""`millrace predictions …`."""

from __future__ import annotations

from typing import Annotated

import typer

from dagster_project.cli.output import AsJson, AsOf, examples, moment, new_app, progress_bar, show
from dagster_project.settings import Settings

app = new_app("What customers are likely to do, and how good the models are that say so.")

Names = Annotated[
    list[str] | None, typer.Argument(help="Models, all without: `churn_probability`, `days_to_next_order`.")
]
Name = Annotated[str | None, typer.Argument(help="A model: `churn_probability`; all in short without.")]
MODELS = """
select
    model,
    coalesce(contender, 'none') as contender,
    case when brier is null then 'mae' else 'brier' end as figure,
    coalesce(brier, mae) as value,
    coalesce(mean_brier, mean_mae) as of_the_mean,
    scored_count as scored,
    version,
    refusal,
from prediction_models order by model
"""
FIGURES = """
select contender, figure, value, is_winner
from prediction_evaluations
where model = ? and version = (select max(version) from prediction_evaluations where model = ?)
order by figure, value
"""
DECILES = """
select decile, customer_count, predicted, actual, lift
from prediction_deciles
where model = ? and version = (select max(version) from prediction_deciles where model = ?)
order by decile
"""
EMPTY = "nothing is predicted yet: millrace predictions train"


@app.command(
    epilog=examples(
        "millrace predictions train",
        "millrace predictions train churn_probability --as-of 2026-11-20",
    )
)
def train(names: Names = None, as_of: AsOf = "now", as_json: AsJson = False) -> None:
    """Train models now, however young the ones in use are; 1 when a new version was refused.

    A version is taken into use only when it is clearly better than the mean of all customers and not worse
    than the baselines and the version in use, on customers whose future none of them has seen.
    """
    from dagster_project.predictive.registry import MODELS as ALL  # noqa: PLC0415  (learns: not for `--help`)
    from dagster_project.predictive.registry import model_of  # noqa: PLC0415  (as above)
    from dagster_project.predictive.run import train_models  # noqa: PLC0415  (as above)
    from dagster_project.tick import serve  # noqa: PLC0415  (as above)
    from dagster_project.warehouse import ensure_raw_tables, open_warehouse  # noqa: PLC0415  (as above)

    settings, when = Settings.from_environment(), moment(as_of)
    models = [model_of(name) for name in names] if names else ALL
    warehouse = open_warehouse(settings)
    ensure_raw_tables(warehouse)
    with progress_bar(quiet=as_json) as progress:
        versions = train_models(settings, warehouse, models, when, progress, even_if_young=True)
    serve(settings)
    rows = [
        {
            "model": version.model,
            "version": version.version,
            "contender": version.contender,
            "in_use": version.is_promoted,
            "refusal": version.refusal,
        }
        for version in versions
    ]
    show(rows, as_json=as_json)
    if any(version.contender and not version.is_promoted for version in versions):
        raise typer.Exit(1)


@app.command(epilog=examples("millrace predictions score", "millrace predictions score --as-of 2026-11-20"))
def score(as_of: AsOf = "now", as_json: AsJson = False) -> None:
    """Score all customers with the versions in use, as every night; doing it twice changes nothing."""
    from dagster_project.predictive.run import score_everybody  # noqa: PLC0415  (learns: not for `--help`)
    from dagster_project.tick import serve  # noqa: PLC0415  (as above)
    from dagster_project.warehouse import ensure_raw_tables, open_warehouse  # noqa: PLC0415  (as above)

    settings, when = Settings.from_environment(), moment(as_of)
    warehouse = open_warehouse(settings)
    ensure_raw_tables(warehouse)
    with progress_bar(quiet=as_json) as progress:
        advance = (lambda done, total: progress("score", done, total)) if progress else None
        scorings = score_everybody(settings, warehouse, when, advance)
    serve(settings)
    rows = [
        {
            "model": scoring.model,
            "version": scoring.version,
            "customers": scoring.customers,
            "mean": scoring.quantiles.get("mean"),
            "median": scoring.quantiles.get("median"),
            "reason": scoring.reason,
        }
        for scoring in scorings
    ]
    show(rows, as_json=as_json)


@app.command(
    "show", epilog=examples("millrace predictions show", "millrace predictions show churn_probability")
)
def show_models(name: Name = None, as_json: AsJson = False) -> None:
    """Each model beside the mean of all customers; of one, every contender's figures and the deciles."""
    from dagster_project.reading import ask  # noqa: PLC0415  (the warehouse, which `--help` should not load)

    settings = Settings.from_environment()
    if name is None:
        show(ask(settings, MODELS).to_pylist(), as_json=as_json, empty=EMPTY)
        return
    from dagster_project.predictive.registry import model_of  # noqa: PLC0415  (as above)

    known = model_of(name).name
    figures, deciles = (ask(settings, query, [known, known]).to_pylist() for query in (FIGURES, DECILES))
    if as_json:
        show([{"figures": figures, "deciles": deciles}], as_json=True)
        return
    show(figures, as_json=False, title=f"{known}: who predicted the hold-out how well", empty=EMPTY)
    if deciles:
        show(deciles, as_json=False, title="calibration and lift by decile")
