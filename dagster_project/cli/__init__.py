"""`millrace …`: one file per command group; each is imported only when it runs.

Exit codes: 0 all is well; 1 problems were found; 2 the call or its input cannot be used.
"""

from __future__ import annotations

import sys

import typer

from dagster_project.cli.lazy import LazyGroup
from dagster_project.cli.mistakes import in_words

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
    """Run the command line; errors that a person can mend are messages, any other is a bug with its trace."""
    try:
        app()
    except Exception as error:
        words = in_words(error)
        if words is None:
            raise
        message, code = words
        sys.stderr.write(f"millrace: {message}\n")
        raise SystemExit(code) from None
