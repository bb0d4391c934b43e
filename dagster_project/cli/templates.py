"""`millrace templates …`."""

from __future__ import annotations

import csv
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from connectors.content import lint_templates, open_renderer
from connectors.content.template import Library
from connectors.errors import ConnectorError
from connectors.model import Content
from connectors.sms.segments import ANY_COUNTRY, estimate
from dagster_project.cli.output import AsJson, examples, new_app, show, show_json, writable
from dagster_project.settings import Settings

app = new_app("Render and check message templates.")


class TemplateRefusedError(ValueError):
    """The template does not exist, or cannot be rendered for its sample person."""


@app.command(
    epilog=examples(
        "millrace templates render email/welcome",
        "millrace templates render email/cart_reminder --variant urgent_subject --output reminder.html",
        "millrace templates render sms/cart_nudge --json",
    )
)
def render(
    template: Annotated[str, typer.Argument(help="Channel and name: email/welcome.")],
    variant: Annotated[str | None, typer.Option(help="The arm of an A/B test.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", callback=writable, help="Write the HTML (or the text) to this file."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a template as its sample person would see it."""
    settings = Settings.from_environment()
    renderer = open_renderer(settings.secret, settings.public_url)
    checked(renderer.library, template, variant)
    try:
        content = renderer.preview(template, variant)
    except ConnectorError as error:
        raise TemplateRefusedError(str(error)) from error
    if output:
        output.write_text(content.html or content.text, encoding="utf-8")
        typer.echo(f"{output} written", err=True)
    charge = sms_charge(content.text, settings.dbt_project) if template.startswith("sms/") else None
    if as_json:
        show_json(asdict(content) | ({"charge": charge} if charge else {}))
    elif not output:
        typer.echo(readable(content))
    if charge and not as_json:
        typer.echo(
            "{segments} segments, {units} units of {encoding}, costs {cost}".format(**charge), err=True
        )


@app.command(epilog=examples("millrace templates lint", "millrace templates lint --json"))
def lint(as_json: AsJson = False) -> None:
    """Check every template: compiles, renders, links, sizes, texts. Exit code 1 when one has a mistake."""
    findings = lint_templates()
    show([asdict(finding) for finding in findings], as_json=as_json, empty="no mistakes")
    if findings:
        raise typer.Exit(1)


def checked(library: Library, template: str, variant: str | None) -> None:
    """Template and variant exist.

    Raises:
        TemplateRefusedError: otherwise; at sending, an arm that the template does not have gets it as it is.
    """
    there = library.names()
    if template not in there:
        meant = [name for name in there if name.endswith(f"/{template}")] or there
        raise TemplateRefusedError(f"there is no template {template!r}; there are {', '.join(meant)}")
    variants = library.spec(template).variants
    if variant is not None and variant not in variants:
        has = f"has the variants {', '.join(variants)}" if variants else "has no variants"
        raise TemplateRefusedError(
            f"{template} {has}, not {variant!r}: such an arm would get the template as it is"
        )


def sms_charge(text: str, dbt_project: Path) -> dict[str, object]:
    """Segments of a text and what they cost: the seed `message_costs` holds the price of one."""
    with (dbt_project / "seeds" / "message_costs.csv").open(encoding="utf-8") as file:
        prices = {row["channel"]: Decimal(row["cost"]) for row in csv.DictReader(file)}
    charge = estimate(text, None, {ANY_COUNTRY: prices["sms"]})
    segments = charge.segments
    return {
        "encoding": segments.encoding,
        "units": segments.units,
        "segments": segments.count,
        "cost": charge.cost,
    }


def readable(content: Content) -> str:
    """A message as text for a terminal."""
    lines = [f"Subject: {content.subject}" if content.subject else None, content.text, content.url]
    lines += [f"Picture: {content.image}" if content.image else None]
    lines += [f"[{action.title}] {action.url or ''}".rstrip() for action in content.actions]
    return "\n\n".join(line for line in lines if line)
