"""Run dbt inside this process: parse once, then every build of a tick costs only its SQL.

A dbt process needs 2.6 s before any SQL; with the manifest kept, a build starts in milliseconds.
The manifest is parsed again when a file of the project, or the list of flows and segments, changes.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import io
import json
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from dagster_project.files import write_whole
from dagster_project.manifest import (
    NIGHTLY,
    TICK,
    for_ticks,
    forget_compilation,
    read_manifest,
    tick_selection,
)
from dagster_project.pairs import discover
from dagster_project.warehouse.duckdb import dbt_lets_go

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest
    from dbt_common.events.base_types import EventMsg

    from dagster_project.settings import Settings

Progress = Callable[[int, int], None]
"""Called with (nodes done, nodes in all)."""

KEPT_PARSES = 6
"""Files of parses that are kept: of several branches, or of an edit that is taken back."""

FAILED = frozenset({"error", "fail", "runtime error"})
"""Statuses of dbt nodes that stop what depends on them."""


@dataclass(frozen=True)
class NodeResult:
    """What one dbt node did: `status` in dbt's words (success, error, fail, skipped, pass, warn), seconds."""

    unique_id: str
    status: str
    seconds: float
    message: str | None

    @property
    def name(self) -> str:
        """Model, seed or test name without the project prefix."""
        return self.unique_id.split(".")[2]


class DbtError(RuntimeError):
    """A dbt run failed; the message names each failed node and what its warehouse or Jinja said."""


@contextlib.contextmanager
def garbage_left_alone() -> Iterator[None]:
    """No cyclic garbage collection meanwhile: walking the manifest again and again is a tenth of a tick."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def unless_failed(nodes: list[NodeResult]) -> list[NodeResult]:
    """The nodes, when all of them are well.

    Raises:
        DbtError: naming each that is not.
    """
    failed = [node for node in nodes if node.status in FAILED]
    if failed:
        raise DbtError("\n".join(f"{node.unique_id}: {node.message}" for node in failed))
    return nodes


class DbtProject:
    """The dbt project bound to one installation's warehouse."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._manifest: Manifest | None = None
        self._fingerprint = ""
        self._lean: Manifest | None = None
        self._lean_fingerprint = ""

    def manifest(self) -> Manifest:
        """The parsed project: from memory, else the file that an earlier process left, else parsed now."""
        fingerprint = self.fingerprint()
        if self._manifest is None or fingerprint != self._fingerprint:
            self._manifest = self._read_manifest(fingerprint) or self._parse(fingerprint)
            self._fingerprint = fingerprint
        return self._manifest

    def manifest_json(self) -> Path:
        """The parsed project as the `manifest.json` that Dagster and other tools read."""
        path = self._parsed(self.fingerprint(), "json")
        if not path.exists():
            self._parse(self.fingerprint())
        return path

    def build(
        self,
        as_of: datetime,
        select: Iterable[str] = (),
        *,
        command: str = "run",
        variables: dict[str, Any] | None = None,
        full_refresh: bool = False,
        progress: Progress | None = None,
    ) -> list[NodeResult]:
        """Run `dbt <command>` as of a UTC moment.

        Args:
            as_of: the UTC moment for which everything is computed.
            select: dbt selection; nothing selects all.
            command: run, build, test, seed or compile.
            variables: further dbt vars.
            full_refresh: rebuild incremental models (ledgers refuse it by themselves).
            progress: called with (nodes done, nodes in all).

        Raises:
            DbtError: when a node fails; the nodes that did not depend on it were still run.
        """
        words = [
            command,
            *(["--select", *select] if select else []),
            *(["--full-refresh"] if full_refresh else []),
        ]
        return unless_failed(self._run(words, as_of, variables or {}, self.manifest(), progress))

    def tick(self, as_of: datetime, progress: Progress | None = None) -> list[NodeResult]:
        """Run what a tick must run, on a manifest that leaves out what only a changed project needs.

        Raises:
            DbtError: when a node fails.
        """
        if self._lean is None or self._lean_fingerprint != self.fingerprint():
            chosen = self.tick_selection()
            fresh = self._read_manifest(self._fingerprint) or self._parse(self._fingerprint)
            self._lean, self._lean_fingerprint = for_ticks(fresh, chosen), self._fingerprint
        return unless_failed(
            self._run(["run", "--select", f"tag:{TICK}"], as_of, {"is_tick": True}, self._lean, progress)
        )

    def nightly(self, as_of: datetime, progress: Progress | None = None) -> list[NodeResult]:
        """Run the models that may be a day old.

        Raises:
            DbtError: when a node fails.
        """
        return self.build(as_of, [f"tag:{NIGHTLY}"], progress=progress)

    def command(
        self, words: Sequence[str], as_of: datetime, variables: dict[str, Any] | None = None
    ) -> list[NodeResult]:
        """Run any dbt command as of a UTC moment; failed nodes are in the result, not raised.

        Args:
            words: what stands behind `dbt` on its own command line.
            as_of: the UTC moment for which everything is computed.
            variables: further dbt vars.

        Raises:
            DbtError: when dbt could not run at all: unknown words, a project that does not compile.
        """
        return self._run(words, as_of, variables or {}, self.manifest())

    def listing(self, words: Sequence[str]) -> list[str]:
        """What `dbt ls` with these words lists, line by line.

        Raises:
            DbtError: when dbt could not run at all.
        """
        return [str(line) for line in self._invoke(list(words), {}, self.manifest())]

    def _run(
        self,
        words: Sequence[str],
        as_of: datetime,
        variables: dict[str, Any],
        manifest: Manifest,
        progress: Progress | None = None,
    ) -> list[NodeResult]:
        forget_compilation(manifest)
        variables = {"as_of": f"{as_of:%Y-%m-%d %H:%M:%S}", **variables}
        outcome = self._invoke(list(words), variables, manifest, progress)
        return [
            NodeResult(item.node.unique_id, str(item.status), item.execution_time, item.message)
            for item in getattr(outcome, "results", [])
            if hasattr(item, "node")
        ]

    def tick_selection(self) -> list[str]:
        """What a tick must run: all that stores rows, and the views whose SQL names the run's `as_of`.

        Nightly models wait for the night. Other views are timeless: `millrace dbt run` (or the first tick)
        creates them once.
        """
        return tick_selection(self.manifest())

    def _invoke(
        self,
        arguments: list[str],
        variables: dict[str, Any],
        manifest: Manifest | None = None,
        progress: Progress | None = None,
    ) -> Any:  # noqa: ANN401  (each dbt command has a result of its own)
        from dbt.cli.main import dbtRunner  # noqa: PLC0415  (0.9 s that `--help` should not pay)

        everything = {
            "warehouse_path": str(self._settings.warehouse_path),
            "flows": discover(self._settings, "flow"),
            "segments": discover(self._settings, "segment"),
            **variables,
        }
        place = self._settings.home if manifest else self._settings.parse_cache
        output = io.StringIO()
        with contextlib.redirect_stdout(output), garbage_left_alone(), dbt_lets_go():
            outcome = dbtRunner(manifest=manifest, callbacks=_node_counters(progress)).invoke(
                [
                    *arguments,
                    "--project-dir",
                    str(self._settings.dbt_project),
                    "--profiles-dir",
                    str(self._settings.dbt_project),
                    "--target-path",
                    str(place / "dbt_target" if manifest else place),
                    "--log-path",
                    str(place / "logs"),
                    "--vars",
                    yaml.safe_dump(everything, default_flow_style=True),
                    "--quiet",
                    "--log-level-file",
                    "none",
                    "--no-print",
                    "--no-write-json",
                ]
            )
        if outcome.exception is not None:
            raise DbtError(str(outcome.exception)) from outcome.exception
        if outcome.result is None:
            raise DbtError(output.getvalue())
        return outcome.result

    def _parsed(self, fingerprint: str, suffix: str) -> Path:
        return self._settings.parse_cache / f"parsed-{fingerprint[:16]}.{suffix}"

    def _read_manifest(self, fingerprint: str) -> Manifest | None:
        path = self._parsed(fingerprint, "pickle")
        if not path.exists():
            return None
        return read_manifest(path)

    def _parse(self, fingerprint: str) -> Manifest:
        """Parse the project and leave it for the next process, whatever its installation; drop old parses."""
        manifest: Manifest = self._invoke(["parse"], {"warehouse_path": "warehouse.duckdb"})
        written = json.dumps(manifest.writable_manifest().to_dict(omit_none=False))
        write_whole(self._parsed(fingerprint, "json"), written.encode())
        write_whole(self._parsed(fingerprint, "pickle"), pickle.dumps(manifest, pickle.HIGHEST_PROTOCOL))
        parses = sorted(self._settings.parse_cache.glob("parsed-*"), key=lambda path: path.stat().st_mtime)
        for stale in parses[:-KEPT_PARSES]:
            stale.unlink(missing_ok=True)
        return manifest

    def fingerprint(self) -> str:
        """Changes whenever a file of the project does."""
        digest = hashlib.sha256()
        for path in sorted(self._settings.dbt_project.rglob("*")):
            if path.suffix in {".sql", ".yml", ".csv", ".md"} and "target" not in path.parts:
                stat = path.stat()
                digest.update(f"{path}:{stat.st_mtime_ns}:{stat.st_size}".encode())
        return digest.hexdigest()


def _node_counters(progress: Progress | None) -> list[Callable[[EventMsg], None]]:
    """A listener to dbt's events that tells `progress` about every node that ended."""

    def listen(event: EventMsg) -> None:
        if progress and event.info.name in {"LogModelResult", "LogSeedResult", "LogTestResult"}:
            progress(event.data.index, event.data.total)

    return [listen] if progress else []
