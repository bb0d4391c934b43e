"""What we ask of dbt's parsed project: which nodes a tick runs, and a copy of it for ticks."""

from __future__ import annotations

import pickle
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

TICK = "tick"
"""The tag of nodes that every tick runs."""

NIGHTLY = "nightly"
"""The tag, given in a model's own `config`, of what may be a day old: ticks leave it out."""

AS_OF_MACRO = "macro.millrace.as_of"


def read_manifest(path: Path) -> Manifest:
    """A manifest that an earlier process left."""
    with path.open("rb") as file:
        manifest: Manifest = pickle.load(file)  # noqa: S301  (our own file, in the installation's folder)
    # dbt's Manifest forgets `fixtures` when it is pickled, and everything behind moves up by one
    manifest.fixtures = {}
    for lookup in [name for name in vars(manifest) if name.endswith("_lookup")]:
        setattr(manifest, lookup, None)
    return manifest


def tick_selection(manifest: Manifest) -> list[str]:
    """Models that a tick must run: all that store rows, and the views whose SQL names the run's `as_of`.

    What is nightly is none of them.
    """
    return sorted(
        node.name
        for node in manifest.nodes.values()
        if node.resource_type == "model"
        and NIGHTLY not in node.tags
        and node.config.materialized != "ephemeral"
        and (node.config.materialized != "view" or names_as_of(manifest, node.unique_id))
    )


def for_ticks(manifest: Manifest, chosen: Collection[str]) -> Manifest:
    """The project without its tests, with a tag on the chosen models.

    Contracts of views and increments are left to the build that made them: dbt would plan every query twice
    to compare columns that cannot have changed since. A table made anew gets its types from its contract.
    """
    manifest.nodes = {key: node for key, node in manifest.nodes.items() if node.resource_type != "test"}
    manifest.unit_tests, manifest.exposures = {}, {}
    for node in manifest.nodes.values():
        if node.name in set(chosen):
            node.tags.append(TICK)
        if node.config.materialized in {"view", "incremental"}:
            node.config.contract.enforced = False
    return manifest


def forget_compilation(manifest: Manifest) -> None:
    """Let dbt compile every model anew: one compiled before would not get its ephemeral parts again."""
    for node in manifest.nodes.values():
        if getattr(node, "extra_ctes_injected", False):
            node.compiled, node.compiled_code = False, None
            node.extra_ctes, node.extra_ctes_injected = [], False


def names_as_of(manifest: Manifest, unique_id: str) -> bool:
    """Whether a node's SQL contains the run's moment, through any macro or an ephemeral model inside it."""
    waiting, seen = [unique_id], set()
    while waiting:
        part = waiting.pop()
        if part == AS_OF_MACRO:
            return True
        if part in seen:
            continue
        seen.add(part)
        if part in manifest.macros:
            waiting += manifest.macros[part].depends_on.macros
        elif part == unique_id or _is_ephemeral(manifest, part):
            waiting += [*manifest.nodes[part].depends_on.macros, *manifest.nodes[part].depends_on.nodes]
    return False


def _is_ephemeral(manifest: Manifest, unique_id: str) -> bool:
    node = manifest.nodes.get(unique_id)
    return node is not None and node.config.materialized == "ephemeral"
