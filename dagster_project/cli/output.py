"""What every command shares: the installation, moments, tables or JSON on stdout, progress on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

Row = Mapping[str, Any]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and no progress.")]
AsOf = Annotated[str, typer.Option("--as-of", help="UTC moment: 2026-11-20, 2026-11-20T09:00 or now.")]


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


def moment(text: str) -> datetime:
    """Read a naive UTC moment; `now` is the wall clock, to the second.

    Raises:
        BadMomentError: when the text is neither `now` nor an ISO date or time.
    """
    if text == "now":
        return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise BadMomentError(f"{text!r} is not a moment; write 2026-11-20, 2026-11-20T09:00 or now") from None
    return read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read


def show(rows: Sequence[Row], *, as_json: bool, title: str | None = None, empty: str = "nothing") -> None:
    """Print rows as a JSON array or as a table."""
    if as_json:
        show_json(rows)
    elif rows:
        table = Table(title=title, title_justify="left", header_style="bold")
        for name, value in rows[0].items():
            table.add_column(name, justify="right" if isinstance(value, int | float | Decimal) else "left")
        for row in rows:
            table.add_row(*(_cell(value) for value in row.values()))
        Console(markup=False).print(table)
    else:
        Console(markup=False).print(empty)


def show_json(value: object) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(value, default=_plain, ensure_ascii=False, indent=2) + "\n")


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


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return str(value)
