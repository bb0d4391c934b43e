"""Trained models as files: `models/<model>/<version>.skops`, and a card beside each that people can read.

skops builds objects only of types that are named here or that it knows to be harmless; nothing is unpickled.
The warehouse keeps the hash of every file, so that a file which was changed is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import skops.io

from dagster_project.files import write_whole
from dagster_project.predictive.contender import Contender
from dagster_project.predictive.drift import Reference

TRUSTED = (
    "dagster_project.predictive.bg_nbd.BgNbd",
    "dagster_project.predictive.boosted.Boosted",
    "dagster_project.predictive.buy_till_you_die.BuyTillYouDie",
    "dagster_project.predictive.drift.Reference",
    "dagster_project.predictive.drift.Spread",
    "dagster_project.predictive.files.Package",
    "dagster_project.predictive.gamma_gamma.GammaGamma",
    "dagster_project.predictive.linear.Linear",
    "dagster_project.predictive.rule_of_thumb.RuleOfThumb",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
"""Types that a file may contain, besides those of scikit-learn and numpy that skops trusts itself."""
LIBRARIES = ("scikit-learn", "numpy", "skops", "scipy")
KEPT_FILES = 6
"""Versions of each model whose files stay, besides the one in use."""


class ModelFileError(RuntimeError):
    """A model's file cannot be used; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Package:
    """What a file holds of a trained model: see `training.Trained`.

    Attributes:
        judged_horizon_days: how far ahead `rehearsed` looks.
    """

    contender: Contender
    rehearsed: Contender
    reference: Reference
    judged_horizon_days: int


def save(folder: Path, version: str, package: Package, card: Mapping[str, Any]) -> str:
    """Write a version and its card into a model's folder.

    Returns:
        SHA-256 of the file, hexadecimal.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = skops.io.dumps(package)
    file_hash = hashlib.sha256(content).hexdigest()
    libraries = {library: installed(library) for library in LIBRARIES}
    written = {**card, "libraries": libraries, "file_hash": file_hash}
    write_whole(folder / f"{version}.skops", content)
    write_whole(folder / f"{version}.json", json.dumps(written, indent=2, default=str).encode())
    return file_hash


def load(folder: Path, version: str, file_hash: str) -> Package:
    """Read a version back.

    Raises:
        ModelFileError: the file is missing, is not the one that was written, or holds an untrusted type.
    """
    path = folder / f"{version}.skops"
    name = f"models/{folder.name}/{path.name}"
    again = f"write a new one: millrace predictions train {folder.name}"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ModelFileError(f"{name} is missing; {again}") from None
    if hashlib.sha256(content).hexdigest() != file_hash:
        raise ModelFileError(f"{name} is not the file that was trained: its hash differs; {again}")
    return unpack(content, name)


def unpack(content: bytes, name: str) -> Package:
    """The package in a file's bytes.

    Raises:
        ModelFileError: it holds a type that is not trusted, or no package at all.
    """
    try:
        strange = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED))
        if strange:
            raise ModelFileError(f"{name} holds types that are not trusted: {', '.join(strange)}")
        package = skops.io.loads(content, trusted=list(TRUSTED))
    except (BadZipFile, KeyError) as error:
        raise ModelFileError(f"{name} is not a model file: {error}") from error
    if not isinstance(package, Package):
        raise ModelFileError(f"{name} holds no trained model but {type(package).__name__}")
    return package


def drop_old(folder: Path, in_use: str | None) -> None:
    """Drop all files but the latest and the version in use."""
    versions = sorted({path.stem for path in folder.glob("*.skops")})
    for version in set(versions[:-KEPT_FILES]) - {in_use}:
        for suffix in (".skops", ".json"):
            (folder / f"{version}{suffix}").unlink(missing_ok=True)
