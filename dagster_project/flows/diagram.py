"""A flow as a picture: Mermaid text for Markdown, and a small SVG that needs nothing else."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from html import escape
from itertools import groupby

from dagster_project.flows.registry import Flow
from dagster_project.flows.timetable import rules, timetable

WIDTH, MARGIN, ROW = 640, 24, 26
SPINE, CARD = MARGIN + 8, MARGIN + 32
"""Where the line of time and the cards beside it stand, in pixels from the left."""
FONT = 'font-family="system-ui, sans-serif"'
SOFT, GREY = "#475569", "#cbd5e1"
COLOURS = {
    "email": "#2563eb",
    "sms": "#0f766e",
    "whatsapp": "#15803d",
    "push": "#7c3aed",
    "profile": "#b45309",
    "webhook": "#be185d",
    "nothing": "#94a3b8",
}


@dataclass(frozen=True)
class Box:
    """One step of the picture: its name, its moment, and its arms as (who, what, channel)."""

    step: str
    when: str
    arms: tuple[tuple[str, str, str], ...]


def boxes(flow: Flow) -> list[Box]:
    """The steps of the timetable, each with all its arms."""
    return [
        Box(
            step,
            " or ".join(dict.fromkeys(row["when"] for row in rows)),
            tuple(
                (row["who"], f"{row['channel']}/{row['template']}".rstrip("/"), row["channel"])
                for row in rows
            ),
        )
        for step, found in groupby(timetable(flow), key=lambda row: row["step"])
        if (rows := list(found))
    ]


def mermaid(flow: Flow) -> str:
    """The flow as a Mermaid flowchart: entry, steps in order with their moment on the arrow, exits."""
    said = rules(flow)
    drawn = ["flowchart TD", f'  entry(["{flow.name}: enters again {said["enters again"]}"])']
    before = "entry"
    for number, box in enumerate(boxes(flow), start=1):
        arms = "<br/>".join(what if who == "everyone" else f"{who}: {what}" for who, what, _ in box.arms)
        drawn.append(f'  step{number}["<b>{box.step}</b><br/>{arms}"]')
        drawn.append(f'  {before} -->|"{box.when}"| step{number}')
        before = f"step{number}"
    drawn.append(f'  {before} --> done(["ends on {said["ends on"]}"])')
    if flow.definition.goal:
        drawn.append(f'  goal>"goal: {said["goal"]}"]')
    return "\n".join(drawn)


def svg(flow: Flow) -> str:
    """The flow as SVG: a line of time, a card per step, a coloured dot per channel."""
    said, drawn, top = rules(flow), [], MARGIN + 34
    for box in boxes(flow):
        drawn += _card(box, top)
        top += 52 + ROW * len(box.arms)
    drawn.append(_text(CARD, top + 12, f"ends on {said['ends on']}", colour=SOFT))
    drawn.append(_text(CARD, top + 32, f"goal: {said['goal']}, held out: {said['held out']}", colour=SOFT))
    height = top + 52
    name = flow.name.replace("_", " ")
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" {FONT}>',
            f"<title>{escape(name)}</title>",
            _rectangle(0, 0, WIDTH, height, fill="#f8fafc"),
            _rectangle(SPINE - 1, MARGIN + 44, 2, top - MARGIN - 36, fill=GREY),
            _dot(SPINE, top + 8, GREY),
            _text(MARGIN, MARGIN + 12, name, size=18, weight=600),
            *drawn,
            "</svg>",
        ]
    )


def picture(flow: Flow) -> str:
    """The SVG as a Markdown image that carries its own data: Dagster shows it, no file is needed."""
    return f"![{flow.name}](data:image/svg+xml;base64,{b64encode(svg(flow).encode()).decode()})"


def _card(box: Box, top: int) -> list[str]:
    """The moment, and below it a card with the step's name and one row per arm."""
    height = 24 + ROW * len(box.arms)
    drawn = [
        _dot(SPINE, top + 8, "#334155"),
        _text(CARD, top + 12, box.when, colour=SOFT),
        _rectangle(CARD, top + 20, WIDTH - CARD - MARGIN, height, fill="#ffffff", stroke="#e2e8f0"),
        _text(CARD + 14, top + 39, box.step, weight=600),
    ]
    for position, (who, what, channel) in enumerate(box.arms):
        line = top + 61 + ROW * position
        drawn.append(_dot(CARD + 19, line - 4, COLOURS[channel]))
        drawn.append(_text(CARD + 34, line, what))
        drawn.append(_text(WIDTH - MARGIN - 14, line, who, colour=SOFT, anchor="end"))
    return drawn


def _rectangle(left: int, top: int, width: int, height: int, *, fill: str, stroke: str = "none") -> str:
    place = f'x="{left}" y="{top}" width="{width}" height="{height}" rx="6"'
    return f'<rect {place} fill="{fill}" stroke="{stroke}"/>'


def _dot(left: int, top: int, fill: str) -> str:
    return f'<circle cx="{left}" cy="{top}" r="5" fill="{fill}"/>'


def _text(
    left: int,
    baseline: int,
    words: str,
    *,
    size: int = 13,
    weight: int = 400,
    colour: str = "#0f172a",
    anchor: str = "start",
) -> str:
    return (
        f'<text x="{left}" y="{baseline}" font-size="{size}" font-weight="{weight}" fill="{colour}"'
        f' text-anchor="{anchor}">{escape(words)}</text>'
    )
