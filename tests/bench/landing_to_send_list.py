"""From a landed file to the materialized send list, with `make dev` running beside it.

    make dev                                             # in one terminal
    .venv/bin/python -m tests.bench.landing_to_send_list   # in another; 20 files

Each file holds one person who asks for the newsletter. The clock starts when the file has its name and stops when
Dagster has recorded the materialization of `sends/send_list` by whoever took a new file in: the hot lane, or a run of
the landing sensor (`millrace dev --no-hot-lane`). The gap before each file is random, so that it falls anywhere
between two looks.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from dagster import (
    AssetKey,
    AssetMaterialization,
    AssetRecordsFilter,
    DagsterEventType,
    DagsterInstance,
    EventLogRecord,
)

from dagster_project.settings import Settings

SEND_LIST = AssetKey(["sends", "send_list"])
LONGEST_WAIT = 300
LONGEST_GAP = 6


def main() -> None:
    """Print each file's seconds, then the median and the 95th percentile."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--files", type=int, default=20)
    arguments.add_argument("--seed", type=int, default=7)
    chosen = arguments.parse_args()
    dice = random.Random(chosen.seed)
    seconds = []
    with DagsterInstance.from_config(str(Settings.from_environment().dagster_home)) as instance:
        for number in range(chosen.files):
            time.sleep(dice.uniform(0, LONGEST_GAP))
            seconds.append(measure(instance, f"{chosen.seed}-{int(time.time())}-{number}"))
            print(f"file {number + 1:>2}: {seconds[-1]:5.1f} s", flush=True)
    p95 = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
    print(
        f"p50 {statistics.median(seconds):.1f} s, p95 {p95:.1f} s, worst {max(seconds):.1f} s of {len(seconds)} files"
    )


def measure(instance: DagsterInstance, person: str) -> float:
    """Land one file and wait for the send list that knows it."""
    settings = Settings.from_environment()
    settings.open_landing().write(f"bench-{person}.ndjson", records(person))
    landed = time.time()
    while time.time() - landed < LONGEST_WAIT:
        for record in materialized(instance, landed):
            if took_file(instance, record, landed):
                return record.timestamp - landed
        time.sleep(0.2)
    raise TimeoutError(f"no send list within {LONGEST_WAIT} s: is `make dev` running on {settings.home}?")


def materialized(instance: DagsterInstance, after: float) -> Sequence[EventLogRecord]:
    """The materializations of the send list since a moment, oldest first."""
    since = AssetRecordsFilter(asset_key=SEND_LIST, after_timestamp=after)
    return instance.fetch_materializations(since, limit=100, ascending=True).records


def took_file(instance: DagsterInstance, record: EventLogRecord, landed: float) -> bool:
    """Whether this list knows the file: a turn of the hot lane as of a later moment, or a run that took new files."""
    as_of = record.asset_materialization.metadata["as of"].value
    if not record.run_id:
        return datetime.fromisoformat(as_of).replace(tzinfo=UTC).timestamp() >= landed
    for entry in instance.all_logs(record.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION):
        found: AssetMaterialization = entry.dagster_event.step_materialization_data.materialization
        if found.asset_key.path == ["raw_events", "landing_files"]:
            return found.metadata["new files"].value > 0
    return False


def records(person: str) -> list[dict[str, object]]:
    """Somebody new asks for the newsletter."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {"userId": person, "timestamp": now, "source": "bench"}
    consent = {"channel": "email", "purpose": "marketing", "source": "form"}
    return [
        {
            "type": "identify",
            "messageId": f"i-{person}",
            "traits": {"email": f"{person}@example.com"},
            **about,
        },
        {"type": "track", "messageId": f"s-{person}", "event": "Subscribed", "properties": consent, **about},
    ]


if __name__ == "__main__":
    main()
