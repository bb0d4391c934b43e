"""Predictions of an installation: train what is due, score everybody, bring the scores to the profiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.predictive.features import FEATURES, Part, leaking_features, past
from dagster_project.predictive.files import ModelFileError, Package, drop_old, load, save
from dagster_project.predictive.registry import MODELS
from dagster_project.predictive.scoring import Asked, Scoring, score
from dagster_project.predictive.store import Version, latest_version, version_in_use, write_version
from dagster_project.predictive.training import TooLittleHistoryError, Trained, train
from dagster_project.tick import Counted, Progress, dbt_project

if TYPE_CHECKING:
    from dagster_project.predictive.contender import Contender
    from dagster_project.predictive.model import Model
    from dagster_project.settings import Settings
    from dagster_project.warehouse import Warehouse

TRAINED_EVERY = timedelta(days=7)
CHECKED_FOR_LEAKS = 20_000
"""Customers whose features are worked out twice before a version is believed."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """What came of a night: the latest version of each model, and what the ones in use say."""

    versions: tuple[Version, ...]
    scorings: tuple[Scoring, ...]


def predict(
    settings: Settings, warehouse: Warehouse, as_of: datetime, progress: Progress | None = None
) -> Predicted:
    """Train what is due, score all customers, and let their profiles show it.

    Args:
        settings: the installation; it has had a tick.
        warehouse: its own.
        as_of: naive UTC moment.
        progress: called with (stage, done, total).

    Raises:
        TimeRunsForwardError: there are scores of a later moment.
        ModelFileError: a file was changed.
    """
    versions = train_models(settings, warehouse, MODELS, as_of, progress)
    scorings = score_everybody(settings, warehouse, as_of, partial(progress, "score") if progress else None)
    return Predicted(tuple(versions), tuple(scorings))


def train_models(
    settings: Settings,
    warehouse: Warehouse,
    models: Sequence[Model],
    as_of: datetime,
    progress: Progress | None = None,
    *,
    even_if_young: bool = False,
) -> list[Version]:
    """Train the models whose last version is a week old; the latest version of each."""
    versions = []
    for number, model in enumerate(models):
        if progress:
            progress("train", number, len(models))
        latest = latest_version(warehouse, model.name, as_of)
        if latest is None or even_if_young or is_due(settings, latest, as_of):
            latest = train_model(folder_of(settings, model), warehouse, model, as_of)
        versions.append(latest)
    if progress:
        progress("train", len(models), len(models))
    return versions


def is_due(settings: Settings, latest: Version, as_of: datetime) -> bool:
    """Whether a version is too old, or was an attempt without history, or has lost its file."""
    file = settings.models / latest.model / f"{latest.version}.skops"
    is_lost = latest.is_promoted and not file.exists()
    return latest.contender is None or is_lost or latest.trained_at <= as_of - TRAINED_EVERY


def train_model(folder: Path, warehouse: Warehouse, model: Model, as_of: datetime) -> Version:
    """Train one model, and take the new version into use when nothing speaks against it.

    It must be clearly better than the mean of all customers, as good as the best baseline, not clearly worse
    than the version in use on the same hold-out, and have no feature that knows the future.
    """
    in_use = version_in_use(warehouse, model.name, as_of)
    try:
        trained = train(model, warehouse, as_of, _rehearsed(folder, in_use))
    except TooLittleHistoryError as error:
        version = _version(model, as_of, None, str(error), [])
        write_version(warehouse, version, None)
        return version
    leaks = leaking_features(warehouse, trained.contest.cutoff, _some(warehouse, as_of))
    refusal = f"features know the future: {', '.join(leaks)}" if leaks else trained.contest.refusal
    version = _version(model, as_of, trained, refusal, leaks)
    if version.is_promoted:
        version = _with_file(folder, version, trained)
    write_version(warehouse, version, trained.contest)
    promoted = version_in_use(warehouse, model.name, as_of)
    drop_old(folder, promoted.version if promoted else None)
    return version


def score_everybody(
    settings: Settings, warehouse: Warehouse, as_of: datetime, progress: Counted | None = None
) -> list[Scoring]:
    """Score all customers with the versions in use, and bring the scores to `profiles`.

    Raises:
        TimeRunsForwardError: there are scores of a later moment.
        ModelFileError: the file of a version in use is missing or was changed.
    """
    found = score(warehouse, asked(settings, warehouse, as_of), as_of, progress)
    if any(one.customers for one in found):
        dbt_project(settings).build(as_of, ["profiles"])
    return found


def folder_of(settings: Settings, model: Model) -> Path:
    """Where the versions of a model lie."""
    return settings.models / model.name


def asked(settings: Settings, warehouse: Warehouse, as_of: datetime) -> list[Asked]:
    """All models with the versions in use.

    Raises:
        ModelFileError: the file of one is missing or was changed.
    """
    return [_asked(settings, warehouse, model, as_of) for model in MODELS]


def _asked(settings: Settings, warehouse: Warehouse, model: Model, as_of: datetime) -> Asked:
    in_use = version_in_use(warehouse, model.name, as_of)
    if in_use is None:
        latest = latest_version(warehouse, model.name, as_of)
        reason = latest.refusal if latest else "not trained yet: millrace predictions train"
        return Asked(model.name, None, None, reason)
    package = load(folder_of(settings, model), in_use.version, in_use.file_hash or "")
    return Asked(model.name, in_use.version, package, None)


def _rehearsed(folder: Path, in_use: Version | None) -> dict[int, Contender]:
    """What a new version is compared with; nothing where the file cannot be used: then a new one is due."""
    if in_use is None:
        return {}
    try:
        package = load(folder, in_use.version, in_use.file_hash or "")
    except ModelFileError:
        return {}
    return {package.judged_horizon_days: package.rehearsed}


def _with_file(folder: Path, version: Version, trained: Trained) -> Version:
    contest = trained.contest
    package = Package(trained.contender, trained.rehearsed, trained.reference, contest.horizon_days)
    card = {
        **{name: value for name, value in asdict(version).items() if name != "file_hash"},
        "description": trained.model.description,
        "figures": contest.figures,
        "features": FEATURES,
    }
    return replace(version, file_hash=save(folder, version.version, package, card))


def _version(
    model: Model, as_of: datetime, trained: Trained | None, refusal: str | None, leaks: list[str]
) -> Version:
    contest = trained.contest if trained else None
    return Version(
        model=model.name,
        version=f"{as_of:%Y%m%dT%H%M%S}",
        contender=contest.winner if contest else None,
        trained_at=as_of,
        cutoff=contest.cutoff if contest else None,
        horizon_days=model.horizon_days,
        judged_horizon_days=contest.horizon_days if contest else 0,
        customer_count=contest.customers if contest else 0,
        is_promoted=refusal is None,
        refusal=refusal,
        leaking_features=", ".join(leaks) or None,
        file_hash=None,
    )


def _some(warehouse: Warehouse, as_of: datetime) -> Part:
    behind = past(warehouse, as_of)
    return Part(of=max(1, math.ceil((behind.customers if behind else 0) / CHECKED_FOR_LEAKS)))
