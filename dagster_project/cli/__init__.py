"""`millrace …`: one file per command group; each is imported only when it runs.

Exit codes: 0 all is well; 1 problems were found; 2 the call or its input cannot be used.
"""

from __future__ import annotations

import sys

import typer

from dagster_project.cli.lazy import LazyGroup

OURS = ("dagster_project", "connectors")

app = typer.Typer(
    cls=LazyGroup,
    name="millrace",
    help="A data warehouse turned into a lifecycle-marketing platform: events in, messages out.",
    epilog="Begin with `millrace demo`. Every command has examples: `millrace run --help`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def millrace() -> None:
    """Everything is in the commands."""


def main() -> None:
    """Run the command line; errors raised on purpose are messages, any other is a bug with its trace."""
    try:
        app()
    except Exception as error:
        if type(error).__module__.split(".")[0] not in OURS:
            raise
        sys.stderr.write(f"millrace: {error}\n")
        raise SystemExit(2 if isinstance(error, ValueError | LookupError) else 1) from None
