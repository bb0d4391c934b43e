"""`millrace identity …`. Addresses are shown because a person asks on her own terminal; none is logged."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dagster_project import identity
from dagster_project.cli.output import AsJson, AsOf, examples, moment, new_app, show, show_json
from dagster_project.settings import Settings

app = new_app("Who is who: what joins a person's identifiers, and taking apart what is wrong.")

Identifier = Annotated[str, typer.Argument(help="As events write it, `type:value`, or an identifier_id.")]
By = Annotated[str, typer.Option(help="Your name: it stands beside the link.")]
Reason = Annotated[str, typer.Option(help="Why: it stands beside the link.")]
Other = Annotated[str | None, typer.Argument(help="The other end; without it, every link of the first.")]


@app.command(
    "show",
    epilog=examples("millrace identity show ann@shop.example", "millrace identity show user_id:C-17 --json"),
)
def show_person(identifier: Identifier, as_json: AsJson = False) -> None:
    """All identifiers of the person behind one, and the events that link them."""
    show(identity.show(Settings.from_environment(), identifier), as_json=as_json)


@app.command(
    epilog=examples(
        "millrace identity explain ann@shop.example",
        "millrace identity explain ann@shop.example bob@shop.example",
    )
)
def explain(
    identifier: Identifier,
    other: Annotated[str | None, typer.Argument(help="Why is it one person with this?")] = None,
    as_json: AsJson = False,
) -> None:
    """Which events link an identifier with which others, what was refused and why, and whose it was before.

    With two, the chain of links that makes them one person.
    """
    settings = Settings.from_environment()
    if other is not None:
        chain = identity.path(settings, identifier, other)
        show(_readable(chain), as_json=as_json, empty="they are not one person")
        return
    links, moves = identity.links_of(settings, identifier), identity.moves(settings, identifier)
    if as_json:
        show_json({"links": links, "moves": moves})
        return
    show(_readable(links), as_json=False, title="Links", empty="no event shows it with another identifier")
    show(moves, as_json=False, title="Moves", empty="it has always belonged to the same person")


@app.command(
    epilog=examples(
        'millrace identity unlink ann@shop.example "+49 170 5" --by "Ada Lovelace" --reason "family phone"',
        'millrace identity unlink anonymous_id:tablet --by "Ada Lovelace" --reason "shop tablet"',
    )
)
def unlink(
    identifier: Identifier,
    by: By,
    reason: Reason,
    other: Other = None,
    as_of: AsOf = "now",
    as_json: AsJson = False,
) -> None:
    """Say that a link is wrong. From the next run on both people have their own profiles and orders.

    A no that either of them said while they were one keeps counting for both. `relink` takes it back.
    """
    settings = Settings.from_environment()
    concerned = identity.judge(settings, "unlink", identifier, other, by=by, reason=reason, now=moment(as_of))
    show(_readable(concerned), as_json=as_json)
    if remaining := identity.still_joined(settings, concerned):
        typer.echo(
            f"They stay one person through {len(remaining)} other links: unlink one of those too.", err=True
        )
        if not as_json:
            show(_readable(remaining), as_json=False)
        raise typer.Exit(1)
    typer.echo("The next run takes them apart.", err=True)


@app.command(
    epilog=examples(
        'millrace identity relink ann@shop.example "+49 170 5" --by "Ada Lovelace" --reason "it is hers"'
    )
)
def relink(
    identifier: Identifier,
    by: By,
    reason: Reason,
    other: Other = None,
    as_of: AsOf = "now",
    as_json: AsJson = False,
) -> None:
    """Take an unlink back: what events show counts again from the next run on."""
    concerned = identity.judge(
        Settings.from_environment(), "relink", identifier, other, by=by, reason=reason, now=moment(as_of)
    )
    show(_readable(concerned), as_json=as_json)
    typer.echo("The next run joins them again.", err=True)


def _readable(links: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Links as a person reads them: no hashes, and no column that says nothing."""
    rows = [
        {
            "identifier": f"{link['identifier_type']}:{link['identifier']}",
            "linked with": f"{link['linked_identifier_type']}:{link['linked_identifier']}",
            "by event": link["event_id"],
            "at": link["linked_at"],
            "refused because": link["refused_because"],
            "judged by": link["judged_by"],
            "judged because": link["judged_because"],
        }
        for link in links
    ]
    telling = {name for row in rows for name, value in row.items() if value is not None}
    return [{name: value for name, value in row.items() if name in telling} for row in rows]
