"""Keys are kept as hashes; the audit log cannot be rewritten, and shows it when somebody has."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.collector.audit import append_audit, first_broken, read_audit
from connectors.collector.keys import create_key, list_keys, revoke_key
from connectors.tables import audit_log, write_keys

BOTH = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
BYPASS = {
    "sqlite": ("drop trigger audit_log_refuses_update", "drop trigger audit_log_refuses_delete"),
    "postgresql": ("set local session_replication_role = replica",),
}


@BOTH
def test_keys_are_made_and_revoked_with_an_entry_each_and_the_secret_is_nowhere(store, now):
    secret, key = create_key(store, "shop", now, "cli:ann")
    later = now + timedelta(hours=1)
    assert [revoke_key(store, key.key_id, later, "cli:bob") for _ in range(2)] == [True, False]
    with store.transaction() as connection:
        entries = read_audit(connection)
        kept = str(connection.execute(write_keys.select()).all()) + str(entries)
        assert first_broken(connection) is None
    assert [(entry.entry, entry.actor, entry.action, entry.subject) for entry in entries] == [
        (1, "cli:ann", "key_created", key.key_id),
        (2, "cli:bob", "key_revoked", key.key_id),
    ]
    assert secret not in kept
    assert [each.revoked_at for each in list_keys(store)] == [later]


@BOTH
@pytest.mark.parametrize("change", [sa.update(audit_log).values(actor="x"), sa.delete(audit_log)])
def test_the_log_refuses_to_be_changed(store, now, change):
    create_key(store, "shop", now, "cli:ann")
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), store.transaction() as connection:
        connection.execute(change)


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (sa.update(audit_log).where(audit_log.c.entry == 2).values(actor="cli:somebody"), 2),
        (sa.delete(audit_log).where(audit_log.c.entry == 2), 2),
        (sa.delete(audit_log).where(audit_log.c.entry == 1), 1),
    ],
)
def test_who_gets_past_the_triggers_breaks_the_chain(store, now, change, broken):
    with store.transaction() as connection:
        for number in range(3):
            append_audit(connection, now, "cli:ann", "key_created", str(number))
        for statement in BYPASS[connection.dialect.name]:
            connection.execute(sa.text(statement))
        connection.execute(change)
        assert first_broken(connection) == broken
