"""Which errors are messages to the person who typed, and which are bugs that keep their trace."""

from __future__ import annotations

OURS = ("dagster_project", "connectors")
DATABASES = {
    "_duckdb.OperationalError": "the warehouse",
    "sqlalchemy.exc.OperationalError": "the store",
    "sqlalchemy.exc.DatabaseError": "the store",
}
"""A file or server that cannot be used; other errors of databases are about our own SQL."""


def in_words(error: Exception) -> tuple[str, int] | None:
    """What to say and the exit code: 2 when the call or its input cannot be used; none for a bug.

    Errors of our own are written for people. By name, so that nothing is imported to look.
    """
    if type(error).__module__.split(".")[0] in OURS:
        return str(error), 2 if isinstance(error, ValueError | LookupError) else 1
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename is not None else ""
        return f"{place}{error.strerror or error}", 2
    kinds = [f"{kind.__module__}.{kind.__name__}" for kind in type(error).__mro__]
    kind = "_duckdb.OperationalError" if "_duckdb.OperationalError" in kinds else kinds[0]
    if kind in DATABASES:
        said = str(getattr(error, "orig", None) or error)
        return f"{DATABASES[kind]} cannot be used: {said}", 2
    return None
