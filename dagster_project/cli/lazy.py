"""The table of commands, and the group that imports a command only when it runs."""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

COMMANDS = {
    "demo": "Play two months of a shop, its messages and what they earned.",
    "run": "One tick: from landing to messages, as of a moment.",
    "nightly": "One night: predictions, experiments and all else that may be a day old.",
    "hot-lane": "Send within seconds what events make due.",
    "import": "Turn foreign data into landing files.",
    "sql": "Ask the warehouse, read-only; alone, it lists the public tables.",
    "flows": "Check flows, and show who gets what, when.",
    "segments": "List segments, show one, export its members.",
    "identity": "Who is who: what joins a person's identifiers, and taking apart what is wrong.",
    "predictions": "What customers are likely to do, and how good the models are.",
    "experiments": "What experiments show, and who has won.",
    "sends": "What is sent, what is held back and why; release a blocked list.",
    "feedback": "Take in what came back: deliveries, bounces, complaints, replies.",
    "collector": "Take events, webhooks and clicks over HTTP.",
    "webhooks": "Tell other systems of events, signed and until they take them.",
    "keys": "Write keys: who may send events to the collector.",
    "audit": "Who changed what: keys, consents, refused signatures; is the log unbroken?",
    "deadletters": "Messages that were given up, and a second life for them.",
    "providers": "Who delivers: health, pace, outcomes, messages in doubt.",
    "fence": "A copied or restored installation sends nothing until a person says so.",
    "templates": "Render and check message templates.",
    "dbt": "Run dbt on the installation's warehouse.",
    "dev": "Dagster's UI on this installation.",
    "doctor": "Check the installation and say what to do.",
}
"""Name and summary of each command, in the order in which a newcomer needs them."""

MODULES = {"import": "imports", "hot-lane": "hot_lane"}
"""Commands whose module cannot bear their name."""


class LazyGroup(TyperGroup):
    """Shows every command from the table, so that `--help` costs no imports."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401  (whatever typer passes on)
        super().__init__(**attributes)
        self.commands = {name: TyperCommand(name, help=summary) for name, summary in COMMANDS.items()}

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002  (typer's own context)
        """Names in the table's order."""
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:  # noqa: ANN401
        """Import the command that is about to run."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name and command else None, rest


def load_command(name: str) -> Any:  # noqa: ANN401  (typer keeps its command classes private)
    """The real command or group behind a name of the table."""
    module = importlib.import_module(f"dagster_project.cli.{MODULES.get(name, name)}")
    return typer.main.get_command(module.app)
