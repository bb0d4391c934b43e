"""Flows and segments are pairs of files: SQL, and YAML of the same name beside it. A half is a mistake."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.flows.problems import Problem

if TYPE_CHECKING:
    from dagster_project.settings import Settings

SAYS = {
    ".sql": "is missing: write the query beside the .yml, or remove that",
    ".yml": "is missing: describe the query beside the .sql, or remove that",
}


def pairs(project: Path, prefix: str) -> tuple[list[Path], list[Problem]]:
    """The YAML files that have their SQL, by name, and the halves that lack the other.

    Args:
        project: the dbt project.
        prefix: `flow` or `segment`: the models `<prefix>_*` in `marts/<prefix>s`.
    """
    folder = project / "models" / "marts" / f"{prefix}s"
    found = {suffix: {path.stem for path in folder.glob(f"{prefix}_*{suffix}")} for suffix in SAYS}
    whole = [folder / f"{name}.yml" for name in sorted(found[".sql"] & found[".yml"])]
    halves = [
        Problem((folder / f"{name}{suffix}").relative_to(project).as_posix(), "file", SAYS[suffix])
        for suffix, there in found.items()
        for name in sorted((found[".sql"] | found[".yml"]) - there)
    ]
    return whole, halves


def discover(settings: Settings, prefix: str) -> list[str]:
    """Names of all models called `<prefix>_*` in `marts/<prefix>s`, sorted: the registry is the folder."""
    return [path.stem for path in pairs(settings.dbt_project, prefix)[0]]
