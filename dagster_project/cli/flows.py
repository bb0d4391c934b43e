"""`millrace flows …`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from dagster_project.cli.output import AsJson, examples, new_app, show, show_json
from dagster_project.flows.diagram import mermaid
from dagster_project.flows.registry import Flow, check_flows, load_flows
from dagster_project.flows.timetable import describe, rules, timetable
from dagster_project.segments import check_segments
from dagster_project.settings import Settings

app = new_app("Check flows, and show who gets what, when.")


class UnknownFlowError(LookupError):
    """No flow has this name; the message lists those that exist."""


@app.command(
    epilog=examples(
        "millrace flows check",
        "millrace flows check --json",
    )
)
def check(as_json: AsJson = False) -> None:
    """Check every flow: words, names, order of steps; and the files of segments. Exit code 1 on a mistake."""
    settings = Settings.from_environment()
    problems = [*check_flows(settings), *check_segments(settings)]
    if as_json:
        show_json([asdict(problem) for problem in problems])
    else:
        for problem in problems:
            typer.echo(str(problem))
    if problems:
        raise typer.Exit(1)
    if not as_json:
        typer.echo(f"{len(load_flows(settings))} flows, no mistakes")


@app.command(
    "list",
    epilog=examples(
        "millrace flows list",
        "millrace flows list --json",
    ),
)
def list_flows(as_json: AsJson = False) -> None:
    """Every flow with its owner, rules of entry and what it is for."""
    flows = load_flows(Settings.from_environment())
    show([overview(flow) for flow in flows], as_json=as_json, empty="no flow is defined yet")


@app.command(
    "show",
    epilog=examples(
        "millrace flows show cart_recovery",
        "millrace flows show cart_recovery --diagram > cart_recovery.mmd",
        "millrace flows show welcome --json",
    ),
)
def show_flow(
    name: Annotated[str, typer.Argument(help="A flow's name, with or without `flow_`.")],
    diagram: Annotated[bool, typer.Option("--diagram", help="Print the Mermaid diagram instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """The timetable of a flow: which step, when, to whom, what."""
    flow = named(load_flows(Settings.from_environment()), name)
    if as_json:
        show_json(
            {**overview(flow), "rules": rules(flow), "timetable": timetable(flow), "diagram": mermaid(flow)}
        )
    elif diagram:
        typer.echo(mermaid(flow))
    else:
        typer.echo(describe(flow))


def overview(flow: Flow) -> dict[str, object]:
    """One flow as one row."""
    return {
        "flow": flow.name,
        "kind": flow.definition.kind,
        "owner": flow.owner,
        "steps": len(flow.definition.steps),
        "version": flow.version,
        "description": flow.description,
    }


def named(flows: list[Flow], name: str) -> Flow:
    """The flow that a person means.

    Raises:
        UnknownFlowError: when there is none.
    """
    for flow in flows:
        if flow.name == name.removeprefix("flow_"):
            return flow
    raise UnknownFlowError(f"there is no flow {name!r}; there are {', '.join(flow.name for flow in flows)}")
