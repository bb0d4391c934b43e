"""FEBRL's 1,000 records of 500 people, some misspelt, as identify calls through our SQL: which are one person?

Deterministic identity joins what bears the same identifier, so the question is which the shop sends. Here each record
is a visitor of its own who gives external ids: the social security number, and three composed of fields that together
name one person. The truth is the file's. A published figure for this file and method was not found.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import combinations
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.events import Event, parse
from dagster_project.dbt_runner import DbtProject
from dagster_project.settings import Settings
from dagster_project.warehouse import Warehouse, ensure_raw_tables, open_warehouse
from tests.validate.figures import SHARED, Effort, Figure

RECORDS = SHARED / "identity" / "febrl_dataset1.parquet"
OF = "FEBRL dataset 1"
AS_OF = datetime(2026, 3, 2)
SEEN = "2026-03-01T12:00:00Z"
TRUE_PAIRS = 500
MODELS = ["stg_events__events", "int_events", "int_identifier_links", "int_identifier_profiles"]

Keys = dict[str, tuple[str, ...]]

NUMBER: Keys = {"soc_sec_id": ("soc_sec_id",)}
COMPOSED: Keys = {
    "given_name_and_birth": ("given_name", "date_of_birth"),
    "surname_and_birth": ("surname", "date_of_birth"),
    "address_and_birth": ("street_number", "address_1", "date_of_birth"),
}
RESULT = """
select identifier, profile_id from intermediate.int_identifier_profiles where identifier_type = 'anonymous_id'
"""


def as_event(record: dict[str, Any], keys: Keys) -> Event:
    """One record as the visitor who gives it, with an external id for each key whose fields are all there."""
    external_ids = [
        {"type": kind, "id": "|".join(record[field] for field in fields), "collection": "users"}
        for kind, fields in keys.items()
        if all(record[field] for field in fields)
    ]
    event = parse(
        {
            "type": "identify",
            "messageId": record["rec_id"],
            "anonymousId": record["rec_id"],
            "timestamp": SEEN,
            "traits": {"firstName": record["given_name"], "lastName": record["surname"]},
            "context": {"externalIds": external_ids},
        }
    )
    assert isinstance(event, Event), event
    return event


def people(
    project: DbtProject, warehouse: Warehouse, records: list[dict[str, Any]], keys: Keys
) -> dict[str, str]:
    """The person of each record, from a full build over these records alone."""
    marks = {"landing_file": "febrl.ndjson", "load_id": 1}
    rows = [
        {**as_event(record, keys)._asdict(), **marks, "line_number": number}
        for number, record in enumerate(records)
    ]
    with warehouse:
        warehouse.execute("delete from raw_events.events")
        warehouse.load("raw_events.events", pa.Table.from_pylist(rows))
    project.build(AS_OF, MODELS, full_refresh=True)
    return {row["identifier"]: row["profile_id"] for row in warehouse.query(RESULT).to_pylist()}


def pairs(labels: dict[str, str]) -> set[tuple[str, str]]:
    """All pairs of records with the same label."""
    groups: dict[str, list[str]] = {}
    for record, label in sorted(labels.items()):
        groups.setdefault(label, []).append(record)
    return {pair for group in groups.values() for pair in combinations(group, 2)}


def figures(effort: Effort) -> Iterator[Figure]:
    """Pairwise precision and recall, by what the shop sends."""
    settings = Settings.under(effort.scratch / "identity")
    settings.home.mkdir(parents=True)
    warehouse, project = open_warehouse(settings), DbtProject(settings)
    ensure_raw_tables(warehouse)
    project.build(AS_OF, ["blocked_identifiers"], command="seed")
    records = pq.read_table(RECORDS).to_pylist()
    truth = pairs({record["rec_id"]: record["entity_id"] for record in records})
    yield Figure(OF, "true pairs", len(truth), TRUE_PAIRS, 0, "the file")
    for sent, keys, recall, tolerance, source in (
        ("number", NUMBER, 450 / TRUE_PAIRS, 1e-9, "pairs that agree in it"),
        ("number and three keys", NUMBER | COMPOSED, 1.0, 0.03, "the truth"),
        ("three keys, no number", COMPOSED, 1.0, 0.2, "the truth"),
    ):
        found = pairs(people(project, warehouse, records, keys))
        right = len(found & truth)
        yield Figure(OF, f"precision, {sent}", right / len(found), 1.0, 1e-9, "the truth")
        yield Figure(OF, f"recall, {sent}", right / len(truth), recall, tolerance, source)
