"""The transactional store: its tables, and the hot copies that it keeps of the warehouse."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from connectors import tables
from connectors.store import HEAD, MIGRATIONS, open_store, sync_consents, sync_suppressions


def rows(store, table):
    with store.transaction() as connection:
        return [tuple(row) for row in connection.execute(select(table))]


def consent(status, since):
    return {
        "profile_id": "ann",
        "channel": "email",
        "purpose": "marketing",
        "status": status,
        "since": since,
    }


def test_migrations_create_the_tables_that_the_code_declares(store):
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []


def test_the_version_that_a_store_is_opened_at_is_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_processes_that_start_together_create_the_store_once(tmp_path):
    url = f"sqlite:///{tmp_path / 'new' / 'ledger.sqlite'}"
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(open_store, [url] * 4))
    assert [rows(store, tables.messages) for store in stores] == [[]] * 4


def test_every_commit_is_on_disk_and_nobody_waits_for_readers(store):
    with store.engine.connect() as connection:
        pragmas = [
            connection.exec_driver_sql(f"pragma {name}").scalar() for name in ("journal_mode", "synchronous")
        ]
    assert pragmas == ["wal", 2]


def test_an_older_consent_never_replaces_a_newer_one(store, now):
    sync_consents(store, [consent("unsubscribed", now)], now)
    sync_consents(store, [consent("subscribed", now - timedelta(seconds=1))], now)
    assert rows(store, tables.consents) == [("ann", "email", "marketing", "unsubscribed", now)]


def test_syncing_the_same_rows_again_changes_nothing(store, now):
    suppression = {"channel": "email", "address": " Ann@Example.com", "reason": "complained", "since": now}
    for _ in range(2):
        sync_consents(store, [consent("subscribed", now)], now)
        sync_suppressions(store, [suppression], now)
    assert rows(store, tables.consents) == [("ann", "email", "marketing", "subscribed", now)]
    assert rows(store, tables.suppressions) == [("email", "ann@example.com", "complained", now, None)]


def test_an_unsubscription_is_no_suppression_because_it_can_be_taken_back(store, now):
    row = {"channel": "email", "address": "ann@example.com", "reason": "unsubscribed", "since": now}
    sync_suppressions(store, [row], now)
    assert rows(store, tables.suppressions) == []


def test_the_store_knows_how_fresh_its_copies_are(store, now):
    assert store.synced_at("consents") is None
    sync_consents(store, [], now)
    assert store.synced_at("consents") == now


def test_many_suppressions_are_taken_in_at_once(store, now):
    people = [f"gone-{number}@example.com" for number in range(3)]
    gone = [
        {"channel": "email", "address": person, "reason": "hard_bounced", "since": now} for person in people
    ]
    sync_suppressions(store, gone, now)
    assert [row[1] for row in rows(store, tables.suppressions)] == people


def test_an_error_of_the_store_names_no_address(store):
    """A disk that is full says so in the log of a run, with the statement that it could not write."""
    row = {"channel": "email", "address": "ann@example.com", "reason": "manual", "since": None}
    with pytest.raises(IntegrityError) as raised, store.transaction() as connection:
        connection.execute(insert(tables.suppressions), [row, row])
    assert "INSERT INTO suppressions" in str(raised.value)
    assert "ann@example.com" not in str(raised.value)
