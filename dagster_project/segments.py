"""Segments as people see them: what each means, who is in it now, and its members as a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import yaml

from dagster_project.dbt_runner import discover
from dagster_project.reading import ask
from dagster_project.warehouse import open_reader

if TYPE_CHECKING:
    from dagster_project.settings import Settings

PREFIX = "segment_"
BATCH_ROWS = 50_000
OPEN_STAYS = "select profile_id from segment_memberships where segment = ? and exited_at is null"


class UnknownSegmentError(LookupError):
    """No segment has this name; the message lists those that exist."""


class UnknownFormatError(ValueError):
    """The file's ending names no format that we write."""


def overview(settings: Settings) -> list[dict[str, Any]]:
    """Each segment: name, members now, owner, what it means."""
    counted = ask(
        settings,
        "select segment, count(*) as members from segment_memberships where exited_at is null group by all",
    )
    members = dict(zip(*counted.to_pydict().values(), strict=True))
    return [
        {
            "segment": name,
            "members": members.get(name, 0),
            "owner": about["owner"],
            "meaning": about["description"],
        }
        for name in names(settings)
        for about in [_described(settings, name)]
    ]


def describe(settings: Settings, name: str) -> dict[str, Any]:
    """One segment: owner, meaning, SQL, and its daily counts of the last two weeks.

    Raises:
        UnknownSegmentError: when there is none of this name.
    """
    segment = named(settings, name)
    days = ask(
        settings,
        """select date, member_count, entered_count, exited_count from segment_counts
        where segment = ? order by date desc limit 14""",
        [segment],
    )
    sql = _folder(settings) / f"{PREFIX}{segment}.sql"
    return {
        "segment": segment,
        **_described(settings, segment),
        "sql": sql.read_text(),
        "days": days.to_pylist(),
    }


def members(settings: Settings, name: str, columns: Sequence[str]) -> pa.Table:
    """All members of a segment now, with these columns of `profiles`."""
    return ask(settings, _members_sql(columns), [named(settings, name)])


def export(
    settings: Settings,
    name: str,
    columns: Sequence[str],
    target: Path | IO[bytes],
    *,
    progress: Callable[[str, int, int], None] | None = None,
) -> int:
    """Stream a segment's members to CSV or Parquet, batch by batch; the number of rows written.

    Raises:
        UnknownSegmentError: when there is no such segment.
        UnknownFormatError: when the file is neither .csv nor .parquet.
        QuestionError: when `profiles` lacks a column.
    """
    segment = named(settings, name)
    with open_reader(settings) as reader:
        total = reader.query(OPEN_STAYS, [segment]).num_rows
        batches = reader.stream(_members_sql(columns), [segment], rows=BATCH_ROWS)
        written = 0
        with _writer(target, batches.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
                written += batch.num_rows
                if progress:
                    progress("export", written, total)
    return written


def names(settings: Settings) -> list[str]:
    """Names of all segments, without the prefix."""
    return [name.removeprefix(PREFIX) for name in discover(settings, "segment")]


def named(settings: Settings, name: str) -> str:
    """The segment that a person means, with or without the prefix.

    Raises:
        UnknownSegmentError: when there is none.
    """
    known = names(settings)
    if name.removeprefix(PREFIX) not in known:
        raise UnknownSegmentError(f"there is no segment {name!r}; there are {', '.join(known)}")
    return name.removeprefix(PREFIX)


def _folder(settings: Settings) -> Path:
    return settings.dbt_project / "models" / "marts" / "segments"


def _described(settings: Settings, name: str) -> dict[str, str]:
    text = (_folder(settings) / f"{PREFIX}{name}.yml").read_text(encoding="utf-8")
    model = yaml.safe_load(text)["models"][0]
    meta = model.get("config", {}).get("meta", {})
    return {"owner": meta.get("owner", "team:data"), "description": _meaning(model["description"])}


def _meaning(description: str) -> str:
    """What a description says of the members, without the house's way of stating the grain."""
    words = " ".join(description.split())
    return words.removeprefix("One row per profile that ")


def _members_sql(columns: Sequence[str]) -> str:
    chosen = ", ".join(f'profiles."{column.replace(chr(34), "")}"' for column in columns)
    return f"select {chosen} from profiles where profile_id in ({OPEN_STAYS}) order by profile_id"


def _writer(target: Path | IO[bytes], schema: pa.Schema) -> Any:  # noqa: ANN401  (pyarrow has no types)
    if not isinstance(target, Path) or target.suffix == ".csv":
        return pyarrow.csv.CSVWriter(target, schema)
    if target.suffix == ".parquet":
        return pyarrow.parquet.ParquetWriter(target, schema, compression="zstd")
    raise UnknownFormatError(f"{target.name}: write to a file that ends in .csv or .parquet")
