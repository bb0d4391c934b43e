"""Predictions as assets: one for each model, one for all customers' scores; checks say what to believe."""

from collections.abc import Iterator, Sequence
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    MaterializeResult,
    MetadataValue,
    asset,
)

from dagster_project import report
from dagster_project.ingest import OWNER, WRITER
from dagster_project.manifest import NIGHTLY
from dagster_project.predictive.drift import FEWEST_CUSTOMERS, LARGE
from dagster_project.predictive.model import Model
from dagster_project.predictive.registry import MODELS
from dagster_project.predictive.run import score_everybody, train_models
from dagster_project.predictive.scoring import Scoring
from dagster_project.predictive.store import Version
from dagster_project.predictive.tables import PREDICTION_TABLES
from dagster_project.resources import Installation
from dagster_project.warehouse import Warehouse

GROUP = "predictions"
SCORES = AssetKey(["raw_predictions", "scores"])
LEARNED_FROM = [
    AssetKey(["commerce", "orders"]),
    AssetKey(["commerce", "sessions"]),
    AssetKey(["sends", "message_events"]),
]
NIGHT = {NIGHTLY: ""}
CHECKS = {
    "better_than_baseline": "The latest version is better than the mean of all customers and not worse than"
    " the baselines and the version in use; otherwise it is not taken into use.",
    "no_leaking_features": "No feature changes when everything after its moment is taken away.",
}
FIGURES = """
select contender, figure, value from raw_predictions.evaluations
where model = ? and version = ? order by figure, value
"""
DECILES = """
select decile, customer_count, predicted, actual, lift from raw_predictions.deciles
where model = ? and version = ? order by decile
"""
WRITTEN = {
    "versions": "One row per model and training: who won, and why it was refused.",
    "evaluations": "One row per version, contender and figure on the hold-out.",
    "deciles": "One row per version and tenth of its hold-out: calibration and lift.",
    "scorings": "One row per model and moment of scoring: how the scores were spread.",
    "drift": "One row per model, moment of scoring and feature: how far customers have moved since training.",
}
BY_SCORING = {"scorings", "drift"}
Results = Iterator[MaterializeResult[object] | AssetCheckResult]


def key_of(model: Model) -> AssetKey:
    """The asset of a model."""
    return AssetKey(["models", model.name])


def build_model(model: Model) -> AssetsDefinition:
    """The asset that trains one model when it is due."""
    key = key_of(model)

    @asset(
        key=key,
        group_name=GROUP,
        owners=[OWNER],
        kinds={"python", "scikitlearn"},
        description=model.description,
        deps=LEARNED_FROM,
        check_specs=[AssetCheckSpec(check, asset=key, description=text) for check, text in CHECKS.items()],
        pool=WRITER,
        tags=NIGHT,
    )
    def trained(context: AssetExecutionContext, installation: Installation) -> Results:
        with installation.open(context) as (warehouse, as_of):
            (version,) = train_models(installation.settings, warehouse, [model], as_of)
            metadata = _shown(warehouse, version)
        yield MaterializeResult(asset_key=key, metadata=metadata)
        yield from version_checks(key, version)

    return trained


def version_checks(key: AssetKey, version: Version) -> Iterator[AssetCheckResult]:
    """Both checks of a model; they pass where there is too little history for any version."""
    passed = {
        "better_than_baseline": version.is_promoted or version.contender is None or version.has_leaks,
        "no_leaking_features": not version.has_leaks,
    }
    for check, is_well in passed.items():
        yield AssetCheckResult(
            passed=is_well,
            asset_key=key,
            check_name=check,
            severity=AssetCheckSeverity.WARN,
            metadata={"reason": version.refusal or "none", "version": version.version},
        )


@asset(
    key=SCORES,
    group_name=GROUP,
    owners=[OWNER],
    kinds={"python"},
    deps=[key_of(model) for model in MODELS],
    check_specs=[
        AssetCheckSpec(
            f"{model.name}_has_not_drifted",
            asset=SCORES,
            description="Features and scores are spread as they were at training: no stability index above"
            f" {LARGE}, with at least {FEWEST_CUSTOMERS} customers.",
        )
        for model in MODELS
    ],
    pool=WRITER,
    tags=NIGHT,
)
def scores(context: AssetExecutionContext, installation: Installation) -> Results:
    """One row per profile that was ever scored: what the models in use say of it."""
    with installation.open(context) as (warehouse, as_of):
        found = score_everybody(installation.settings, warehouse, as_of)
    tables: dict[str, list[dict[str, Any]]] = {
        "scores": [
            {"model": one.model, "version": one.version, "customers": one.customers, **one.quantiles}
            for one in found
            if one.customers
        ],
        "without scores": [{"model": one.model, "reason": one.reason} for one in found if not one.customers],
    }
    yield MaterializeResult(
        asset_key=SCORES,
        metadata={name: MetadataValue.md(report.markdown_table(shown)) for name, shown in tables.items()},
    )
    yield from drift_checks(found)


def drift_checks(found: Sequence[Scoring]) -> Iterator[AssetCheckResult]:
    """A check per model; it passes where nobody was scored, or too few for a stability index."""
    for one in found:
        largest = max(one.drift.values(), default=0.0)
        worst = sorted(one.drift.items(), key=lambda item: -item[1])
        rows = [{"what": name, "stability index": value} for name, value in worst]
        yield AssetCheckResult(
            passed=largest <= LARGE or one.customers < FEWEST_CUSTOMERS,
            asset_key=SCORES,
            check_name=f"{one.model}_has_not_drifted",
            severity=AssetCheckSeverity.WARN,
            metadata={"drift": MetadataValue.md(report.markdown_table(rows))},
        )


def build_assets() -> list[AssetsDefinition | AssetSpec]:
    """All of them."""
    written = [
        AssetSpec(
            name.split("."),
            deps=[SCORES] if table in BY_SCORING else [key_of(model) for model in MODELS],
            group_name=GROUP,
            owners=[OWNER],
            description=WRITTEN[table],
        )
        for name in PREDICTION_TABLES
        if (table := name.split(".")[1]) in WRITTEN
    ]
    return [*(build_model(model) for model in MODELS), scores, *written]


def _shown(warehouse: Warehouse, version: Version) -> dict[str, Any]:
    """What a person wants to see of a version."""
    key = [version.model, version.version]
    figures, deciles = (warehouse.query(query, key).to_pylist() for query in (FIGURES, DECILES))
    return {
        "version": version.version,
        "contender": version.contender or "none",
        "is in use": version.is_promoted,
        "refusal": version.refusal or "none",
        "judged on": f"{version.customer_count} customers, {version.judged_horizon_days} days ahead",
        "figures": MetadataValue.md(report.markdown_table(figures, most=100)),
        "calibration by decile": MetadataValue.md(report.markdown_table(deciles)),
    }
