"""Segments as people see them: what each means, who is in it now, and its members as a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import yaml

from dagster_project.flows.problems import Problem
from dagster_project.flows.registry import mapping, model_in, not_yaml, read_yaml
from dagster_project.pairs import pairs
from dagster_project.reading import ask
from dagster_project.warehouse import open_reader

if TYPE_CHECKING:
    from dagster_project.settings import Settings

PREFIX = "segment_"
BATCH_ROWS = 50_000
OPEN_STAYS = "select profile_id from segment_memberships where segment = ? and exited_at is null"


class UnknownSegmentError(LookupError):
    """No segment has this name; the message lists those that exist."""


class SegmentError(ValueError):
    """Segments that cannot be used; `problems` lists every mistake of every file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, problems)))


class UnknownFormatError(ValueError):
    """The file's ending names no format that we write."""


@dataclass(frozen=True)
class Segment:
    """One segment as it stands in its files; `name` is without the prefix."""

    name: str
    owner: str
    description: str
    sql: Path


def load_segments(settings: Settings) -> list[Segment]:
    """All segments by name.

    Raises:
        SegmentError: when any file has a mistake; it lists all mistakes of all files.
    """
    segments, problems = read_segments(settings)
    if problems:
        raise SegmentError(problems)
    return segments


def check_segments(settings: Settings) -> list[Problem]:
    """Every mistake in the files of segments: a half without the other, no YAML, no description."""
    return read_segments(settings)[1]


def read_segments(settings: Settings) -> tuple[list[Segment], list[Problem]]:
    """The segments without mistakes, and the mistakes of the others."""
    files, problems = pairs(settings.dbt_project, "segment")
    segments: list[Segment] = []
    for path in files:
        found = _read_segment(path, path.relative_to(settings.dbt_project).as_posix())
        if isinstance(found, Problem):
            problems.append(found)
        else:
            segments.append(found)
    return segments, problems


def overview(settings: Settings) -> list[dict[str, Any]]:
    """Each segment: name, members now, owner, what it means.

    Raises:
        SegmentError: when any file has a mistake.
    """
    segments = load_segments(settings)
    counted = ask(
        settings,
        "select segment, count(*) as members from segment_memberships where exited_at is null group by all",
    )
    members = dict(zip(*counted.to_pydict().values(), strict=True))
    return [
        {
            "segment": segment.name,
            "members": members.get(segment.name, 0),
            "owner": segment.owner,
            "meaning": segment.description,
        }
        for segment in segments
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
        [segment.name],
    )
    return {
        "segment": segment.name,
        "owner": segment.owner,
        "description": segment.description,
        "sql": segment.sql.read_text(encoding="utf-8"),
        "days": days.to_pylist(),
    }


def members(settings: Settings, name: str, columns: Sequence[str]) -> pa.Table:
    """All members of a segment now, with these columns of `profiles`."""
    return ask(settings, _members_sql(columns), [named(settings, name).name])


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
    segment = named(settings, name).name
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


def named(settings: Settings, name: str) -> Segment:
    """The segment that a person means, with or without the prefix.

    Raises:
        UnknownSegmentError: when there is none.
        SegmentError: when its files have mistakes.
    """
    wanted = name.removeprefix(PREFIX)
    segments, problems = read_segments(settings)
    for segment in segments:
        if segment.name == wanted:
            return segment
    if own := [problem for problem in problems if Path(problem.file).stem == f"{PREFIX}{wanted}"]:
        raise SegmentError(own)
    known = ", ".join(segment.name for segment in segments)
    raise UnknownSegmentError(f"there is no segment {name!r}; there are {known}")


def _read_segment(path: Path, file: str) -> Segment | Problem:
    """One segment from its YAML file, or the first thing that is wrong with it."""
    try:
        _, content = read_yaml(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        return not_yaml(error, file)
    _, model = model_in(content, path.stem)
    if not model:
        return Problem(file, "models", f"is missing: write `models:` and below it `- name: {path.stem}`")
    description = model.get("description")
    if not isinstance(description, str) or not description.strip():
        return Problem(file, "models.description", 'is missing: write "One row per profile that …"')
    meta = mapping(mapping(model.get("config")).get("meta"))
    return Segment(
        path.stem.removeprefix(PREFIX),
        str(meta.get("owner", "team:data")),
        _meaning(description),
        path.with_suffix(".sql"),
    )


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
