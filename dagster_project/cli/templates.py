"""`millrace templates …`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from connectors.content import lint_templates, open_renderer
from connectors.errors import ConnectorError
from connectors.model import Content
from dagster_project.cli.output import AsJson, examples, new_app, show, show_json
from dagster_project.settings import Settings

app = new_app("Render and check message templates.")


class TemplateRefusedError(ValueError):
    """The template does not exist, or cannot be rendered for its sample person."""


@app.command(
    epilog=examples(
        "millrace templates render email/welcome",
        "millrace templates render email/cart_reminder --variant urgent_subject --output reminder.html",
        "millrace templates render sms/cart_reminder --json",
    )
)
def render(
    template: Annotated[str, typer.Argument(help="Channel and name: email/welcome.")],
    variant: Annotated[str | None, typer.Option(help="The arm of an A/B test.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the HTML (or the text) to this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a template as its sample person would see it."""
    settings = Settings.from_environment()
    try:
        content = open_renderer(settings.secret, settings.public_url).preview(template, variant)
    except ConnectorError as error:
        raise TemplateRefusedError(str(error)) from error
    if output:
        output.write_text(content.html or content.text, encoding="utf-8")
        typer.echo(f"{output} written", err=True)
    if as_json:
        show_json(asdict(content))
    elif not output:
        typer.echo(readable(content))


@app.command(epilog=examples("millrace templates lint", "millrace templates lint --json"))
def lint(as_json: AsJson = False) -> None:
    """Check every template: compiles, renders, links, sizes, texts. Exit code 1 when one has a mistake."""
    findings = lint_templates()
    show([asdict(finding) for finding in findings], as_json=as_json, empty="no mistakes")
    if findings:
        raise typer.Exit(1)


def readable(content: Content) -> str:
    """A message as text for a terminal."""
    head = [f"Subject: {content.subject}"] if content.subject else []
    return "\n\n".join([*head, content.text, *([content.url] if content.url else [])])
