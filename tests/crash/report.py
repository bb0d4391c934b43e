"""What the harness has counted, as tables and as JSON."""

import io

from rich.console import Console
from rich.table import Table

from tests.crash.points import all_points, find_steps, is_elsewhere

ROWS = (
    ("runs", "campaigns"),
    ("messages", "messages"),
    ("lives", "lives"),
    ("  two senders at once", "together"),
    ("  stopped, overtaken, gone on", "overtaken"),
    ("  asleep for an hour meanwhile", "asleep"),
    ("accepted at the provider", "accepted at the provider"),
    ("accepted in the ledger", "accepted"),
    ("rejected", "rejected"),
    ("  of these dead letters", "dead letters"),
    ("doubts", "doubts"),
    ("  resolved by read-back", "resolved by read_back"),
    ("  resolved by webhook", "resolved by webhook"),
    ("  resolved by a late reply", "resolved by reply"),
    ("  listed with their policy", "listed with policy"),
    ("    of these had arrived", "listed, had arrived"),
    ("events written again, same id", "events written again"),
    ("seconds", "seconds"),
)
MOST_FAULTS = 10
MOST_STORIES = 1
"""Of a run; the others are in its folder."""
ENOUGH_FOR_ALL = 500
"""Kills after which every point should have had one."""


def show(findings, console):
    """The counts by store and provider, the kills by point, and every fault."""
    console.print(_counts(findings))
    console.print(_points(findings.all_kills))
    never = findings.all_kills.never
    if never and findings.all_kills.total > ENOUGH_FOR_ALL:
        console.print(f"nobody was killed at: {', '.join(never)}", highlight=False)
    for place, verdict in findings.verdicts.items():
        for fault in verdict.faults[:MOST_FAULTS]:
            console.print(f"{'/'.join(place)} {fault}", markup=False, highlight=False)
        for folder, stories in verdict.evidence.items():
            console.print(f"evidence: {folder}", markup=False, highlight=False, soft_wrap=True)
            for key, lines in list(stories.items())[:MOST_STORIES]:
                story = "\n".join([key, *lines])
                console.print(story, markup=False, highlight=False, soft_wrap=True)
    whole = sum((verdict for verdict in findings.verdicts.values()), start=type(verdict)())
    console.print(
        f"{findings.all_kills.total:,} kills, {whole.counts['messages']:,} messages: "
        f"{len(whole.twice)} twice, {len(whole.lost)} lost, {len(whole.untrue)} untruly told, "
        f"{len(whole.broken)} lives that failed, in {findings.seconds:.0f} s",
        highlight=False,
    )


def as_text(findings):
    """As `show`, for a test that fails."""
    console = Console(file=io.StringIO(), width=160)
    show(findings, console)
    return console.file.getvalue()


def as_dict(findings):
    """The same for machines."""
    kills = findings.all_kills
    return {
        "seconds": round(findings.seconds, 1),
        "kills": {"total": kills.total, "at_random": kills.at_random, "by_point": dict(kills.by_point)},
        "places": {
            "/".join(place): dict(verdict.counts)
            | {
                "kills": findings.kills[place].total,
                "twice": verdict.twice,
                "lost": verdict.lost,
                "untrue": verdict.untrue,
                "broken": verdict.broken,
                "evidence": list(verdict.evidence),
            }
            for place, verdict in findings.verdicts.items()
        },
    }


def _counts(findings):
    table = Table("", *("\n".join(place) for place in findings.verdicts), "all", title="make crash")
    verdicts, kills = findings.verdicts, findings.kills

    def add(label, values):
        values = list(values)
        table.add_row(label, *(f"{value:,}" for value in values), f"{sum(values):,}")

    add("kills", (kills[place].total for place in verdicts))
    add("  at a named point", (kills[place].by_point.total() for place in verdicts))
    add("  at a random moment", (kills[place].at_random for place in verdicts))
    for label, name in ROWS:
        add(label, (verdict.counts[name] for verdict in verdicts.values()))
    add("sent twice", (len(verdict.twice) for verdict in verdicts.values()))
    add("lost", (len(verdict.lost) for verdict in verdicts.values()))
    add("untruly told", (len(verdict.untrue) for verdict in verdicts.values()))
    add("lives that failed", (len(verdict.broken) for verdict in verdicts.values()))
    return table


def _points(kills):
    """Kills before and after each step, and at the other points."""
    points = [point for point in all_points(find_steps()) if not is_elsewhere(point)]
    table = Table("point", "kills", title="killed at", show_edge=False, box=None)
    for point in points:
        table.add_row(point, f"{kills.by_point[point]:,}" if kills.by_point[point] else "-")
    table.add_row("random moments", f"{kills.at_random:,}")
    return table
