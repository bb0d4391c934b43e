"""Small Markdown tables and bars for people who look at a materialization."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

BAR_WIDTH = 24
MOST_ROWS = 12


def markdown_table(rows: Sequence[Mapping[str, Any]], *, most: int = MOST_ROWS) -> str:
    """Rows as a Markdown table; what does not fit is counted below."""
    if not rows:
        return "_nothing_"
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(_cell(row[name]) for name in names)} |" for row in rows[:most]]
    return "\n".join([*lines, *([f"\n… and {len(rows) - most} more"] if len(rows) > most else [])])


def bars(counts: Mapping[str, float], *, most: int = MOST_ROWS) -> str:
    """Counts as a Markdown table with a bar each, largest first."""
    largest = max(counts.values(), default=0) or 1
    rows = [
        {
            "what": name,
            "count": f"{value:,}",
            "": "█" * max(1 if value else 0, round(BAR_WIDTH * value / largest)),
        }
        for name, value in sorted(counts.items(), key=lambda item: -item[1])
    ]
    return markdown_table(rows, most=most)


def image(svg: str, words: str) -> str:
    """An SVG as a Markdown image that carries itself."""
    return f"![{words}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value).replace("|", "\\|").replace("\n", "<br>")
