"""Read-only questions to the warehouse, on the snapshot that no writer blocks; tables by their bare names."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from dagster_project.warehouse import QuestionError, open_reader

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from dagster_project.settings import Settings

READS = (exp.Query, exp.Values, exp.Pivot, exp.Describe, exp.Summarize, exp.Show)
WRITES = (
    *(exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.TruncateTable),
    *(exp.Copy, exp.Command, exp.Set, exp.Pragma, exp.Attach, exp.Detach, exp.Into),
)
HOW_TO_EXPLAIN = re.compile(r"\s*(analyze\b|\([^)]*\))?\s*", re.IGNORECASE)
FIRST_SENTENCE = re.compile(r"(.+?)\.(?: .*)?$")

__all__ = ["QuestionError", "ask", "only_reads", "public_tables"]


def ask(settings: Settings, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
    """Rows of one read-only statement; of columns with the same name, the later ones get a number.

    Raises:
        QuestionError: when the statement writes, is more than one, or the warehouse refuses it.
    """
    with open_reader(settings) as reader:
        table = reader.query(only_reads(sql, reader.dialect), parameters)
    return table.rename_columns(apart(table.column_names))


def only_reads(sql: str, dialect: str) -> str:
    """The statement itself, when it is one and only reads, in sqlglot's word for the warehouse's SQL.

    Raises:
        QuestionError: otherwise.
    """
    # its hints about what it cannot parse are not for our reader
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        parsed = sqlglot.parse(sql, dialect=dialect)
    except sqlglot.errors.SqlglotError as error:
        raise QuestionError(f"this is not SQL that {dialect} would read: {error}") from error
    statements = [each for each in parsed if each is not None and not isinstance(each, exp.Semicolon)]
    if len(statements) != 1:
        raise QuestionError(f"one statement at a time, this is {len(statements)}")
    statement = statements[0]
    if isinstance(statement, exp.Command) and str(statement.this).upper() == "EXPLAIN":
        only_reads(HOW_TO_EXPLAIN.sub("", statement.text("expression"), count=1), dialect)
    elif not isinstance(statement, READS) or statement.find(*WRITES) is not None:
        raise QuestionError(
            "only questions here: select, from, with, values, pivot, describe, summarize, show, explain"
        )
    return sql


def apart(names: Sequence[str]) -> list[str]:
    """The same names, none of them twice: `a`, `a_1`."""
    found: list[str] = []
    for name in names:
        numbered = (f"{name}_{number}" for number in count(1))
        free = (other for other in numbered if other not in found and other not in names)
        found.append(name if name not in found else next(free))
    return found


def public_tables(manifest: Path) -> list[dict[str, str]]:
    """Every table that people may build on, by schema and name, and what one row of it is.

    Args:
        manifest: dbt's `manifest.json`.
    """
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    tables = [node for node in nodes if node["resource_type"] == "model" and node["access"] == "public"]
    return [
        {"table": node["name"], "of": node["schema"], "grain": grain(node["description"])}
        for node in sorted(tables, key=lambda node: (node["schema"], node["name"]))
    ]


def grain(description: str) -> str:
    """The first sentence of a description: what one row is."""
    words = " ".join(description.split())
    return FIRST_SENTENCE.sub(r"\1", words)
