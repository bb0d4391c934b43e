"""One statement for many rows, prepared once: what SQLAlchemy does per row costs more than SQLite's work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

Processor = Callable[[Any], Any]


class Many:
    """A statement whose values are all bound by name.

    Args:
        build: the statement, in the dialect of a connection.
        columns: names of an insert's columns; none for other statements.
    """

    def __init__(
        self, build: Callable[[sa.Connection], sa.ClauseElement], columns: Sequence[str] | None = None
    ) -> None:
        self._build = build
        self._columns = list(columns) if columns else None
        self._prepared: dict[str, tuple[str, bool, list[tuple[str, Processor | None]]]] = {}

    def execute(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each row; every row names every value, and None is null."""
        if not rows:
            return
        if connection.dialect.name not in self._prepared:
            self._prepared[connection.dialect.name] = self._prepare(connection)
        sql, is_positional, values = self._prepared[connection.dialect.name]
        if is_positional:
            tuples = [tuple([_bound(how, row[name]) for name, how in values]) for row in rows]
            connection.exec_driver_sql(sql, tuples)
        else:
            mappings = [{name: _bound(how, row[name]) for name, how in values} for row in rows]
            connection.exec_driver_sql(sql, mappings)

    def _prepare(self, connection: sa.Connection) -> tuple[str, bool, list[tuple[str, Processor | None]]]:
        """SQL text, whether its parameters go by position, and how the driver wants each value."""
        compiled: Any = self._build(connection).compile(dialect=connection.dialect, column_keys=self._columns)
        names = compiled.positiontup or list(compiled.bind_names.values())
        dialect = connection.dialect
        types = {name: compiled.binds[name].type.dialect_impl(dialect) for name in names}
        processors = [(name, types[name].bind_processor(dialect)) for name in names]
        return str(compiled), bool(compiled.positiontup), processors


def _bound(processor: Processor | None, value: Any) -> Any:  # noqa: ANN401  (any value of a row)
    return processor(value) if processor and value is not None else value
