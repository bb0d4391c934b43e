"""`make validate`: our figures beside published and true ones, in one table. Exit code 1 when one is too far off."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.validate.figures import Effort, Figure

SECTIONS = (
    "hillstrom",
    "attribution",
    "identity",
    "cdnow",
    "predictions",
    "recommendations",
    "send_time",
    "policies",
    "demo_shop",
)
"""Modules of this folder, each with `figures(effort)`; they are imported when their turn has come."""


def main() -> None:
    """Print the table."""
    options = parse_options()
    console = Console(stderr=True)
    found: list[Figure] = []
    with tempfile.TemporaryDirectory() as scratch:
        effort = Effort(options.seeds, options.experiments, Path(scratch))
        for section in options.only:
            with console.status(f"{section} …"):
                module = importlib.import_module(f"tests.validate.{section}")
                found += module.figures(effort)
    if options.json:
        print(as_json(found))
    else:
        Console(width=None if sys.stdout.isatty() else 160).print(as_table(found))
    off = [figure for figure in found if not figure.holds]
    console.print(f"{len(found) - len(off)} of {len(found)} figures are within their tolerance")
    raise SystemExit(1 if off else 0)


def parse_options() -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(prog="python -m tests.validate", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS, help="parts of the table")
    parser.add_argument("--seeds", type=int, default=200, help="simulated shops")
    parser.add_argument("--experiments", type=int, default=2_000, help="simulated experiments without effect")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def as_json(found: list[Figure]) -> str:
    """A list of objects; numpy's numbers are numbers."""
    rows = [asdict(figure) | {"holds": figure.holds} for figure in found]
    return json.dumps(rows, indent=2, default=float)


def as_table(found: list[Figure]) -> Table:
    """One line for each figure, those that are off in red."""
    table = Table(
        "of", "figure", "ours", "expected", "difference", "tolerance", "says who", header_style="bold"
    )
    for column in table.columns[2:6]:
        column.justify = "right"
    for figure in found:
        numbers = (figure.ours, figure.expected, figure.difference, figure.tolerance)
        cells = [f"{number:,.4f}" for number in numbers]
        table.add_row(figure.of, figure.name, *cells, figure.source, style=None if figure.holds else "red")
    return table


if __name__ == "__main__":
    main()
