"""What every command shares: the installation, moments, tables or JSON on stdout, progress on stderr."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

Row = Mapping[str, Any]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and no progress.")]
AsOf = Annotated[str, typer.Option("--as-of", help="UTC moment: 2026-11-20, 2026-11-20T09:00 or now.")]


YEARS = range(1970, 2100)
"""A moment beyond them is a slip, and a run's can never be taken back."""
PROSE = 24
"""Cells on the screen; text of more than one word wraps to no less."""
WIDEST = 1_000_000


class BadMomentError(ValueError):
    """The text is not a moment."""


def new_app(summary: str | None = None) -> typer.Typer:
    """A command or group in the house's shape."""
    return typer.Typer(
        help=summary,
        no_args_is_help=summary is not None,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def examples(*lines: str) -> str:
    """Calls that can be typed as they stand, below a command's help."""
    return "\n\n".join(["Examples:", *(f"  {line}" for line in lines)])


def writable(path: Path | None) -> Path | None:
    """A file that can be written when the work is done: said before it begins."""
    if path is not None and str(path) != "-":
        if path.is_dir():
            raise typer.BadParameter(f"{path} is a folder: name a file in it")
        if not path.parent.is_dir():
            raise typer.BadParameter(f"there is no folder {path.parent}: make it first")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise typer.BadParameter(f"{path} cannot be written")
    return path


def moment(text: str) -> datetime:
    """Read a naive UTC moment; `now` is the wall clock, to the second.

    Raises:
        BadMomentError: when the text is neither `now` nor an ISO date or time.
    """
    if text == "now":
        return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    try:
        read = datetime.fromisoformat(text)
        naive = read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read
    except (ValueError, OverflowError):
        raise BadMomentError(f"{text!r} is not a moment; write 2026-11-20, 2026-11-20T09:00 or now") from None
    if naive.year not in YEARS:
        raise BadMomentError(f"{text!r} lies outside the years {YEARS[0]} to {YEARS[-1]}")
    return naive


def show(rows: Sequence[Row], *, as_json: bool, title: str | None = None, empty: str = "nothing") -> None:
    """Print rows as a JSON array or as a table; nothing of them is cut off.

    A terminal that is too narrow for the table gets a block per row with a line per column.
    """
    console = Console(markup=False, highlight=False, soft_wrap=True)
    if as_json:
        show_json(rows)
    elif not rows:
        console.print(empty)
    else:
        names = list(rows[0])
        cells = [[_cell(value) for value in row.values()] for row in rows]
        table = _table(rows[0], cells, title)
        whole = table.__rich_measure__(console, console.options.update(max_width=WIDEST))
        if not console.is_terminal:
            console.width = whole.maximum
            console.print(table)
        elif whole.minimum <= console.width:
            console.print(table, width=min(whole.maximum, console.width))
        else:
            console.print("\n".join([*([title] if title else []), *_blocks(names, cells)]))


def show_json(value: object) -> None:
    """Print one JSON document; numbers that JSON does not know are null."""
    document = json.dumps(_finite(value), default=_plain, ensure_ascii=False, indent=2, allow_nan=False)
    sys.stdout.write(document + "\n")


def _table(first: Row, cells: Sequence[Sequence[str]], title: str | None) -> Table:
    """A grid whose prose may wrap, and nothing else."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for place, (name, value) in enumerate(first.items()):
        texts = [name, *(row[place] for row in cells)]
        longest_word = max(cell_len(word) for text in texts for word in text.split() or [""])
        longest_line = max(cell_len(line) for text in texts for line in text.splitlines() or [""])
        table.add_column(
            name,
            justify="right" if isinstance(value, int | float | Decimal) else "left",
            overflow="fold",
            min_width=max(longest_word, min(longest_line, PROSE)),
        )
    for row in cells:
        table.add_row(*row)
    return table


def _blocks(names: Sequence[str], cells: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows below each other: what a narrow terminal shows of a wide table."""
    width = max(map(cell_len, names))
    for number, row in enumerate(cells, 1):
        yield f"--- {number} of {len(cells)} ---"
        for name, text in zip(names, row, strict=True):
            lines = text.splitlines() or [""]
            yield f"{name}{' ' * (width - cell_len(name))}  {lines[0]}".rstrip()
            yield from (f"{' ' * width}  {line}" for line in lines[1:])


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """A progress callback (stage, done, total) drawn on stderr; none when quiet or not on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[str, Any] = {}

        def advance(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield advance


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return str(value)


def _finite(value: object) -> object:
    """The same value; what is not a number, or has no end, is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(
        value, Decimal
    ):  # a sum of whole numbers is one without places, and may be longer than a float
        return int(value) if value.as_tuple().exponent == 0 else float(value)
    return str(value)
