"""What the ledger went through: triggers keep every version of every row, whoever wrote it and died afterwards."""

import sqlalchemy as sa

KEPT = (
    *("message_id", "state", "reason", "claimed_by", "lease_until", "attempt_count", "attempted_at"),
    *("next_attempt_at", "provider", "resolved_by"),
)
NEW = ", ".join(f"new.{column}" for column in KEPT)

SQLITE = f"""
create table history as select 0.0 as at, {", ".join(KEPT)} from messages limit 0;
create trigger planned after insert on messages begin
    insert into history select (julianday('now') - 2440587.5) * 86400, {NEW}; end;
create trigger changed after update on messages begin
    insert into history select (julianday('now') - 2440587.5) * 86400, {NEW}; end;
"""

POSTGRESQL = f"""
create table history as
    select extract(epoch from now())::double precision as at, {", ".join(KEPT)} from messages limit 0;
create function remember() returns trigger language plpgsql as $$ begin
    insert into history select extract(epoch from clock_timestamp()), {NEW}; return null; end $$;
create trigger remember after insert or update on messages for each row execute function remember();
"""


def keep_history(engine):
    """From now on; of a ledger that is migrated and empty."""
    connection = engine.raw_connection()
    try:
        if engine.dialect.name == "sqlite":
            connection.executescript(SQLITE)
        else:
            connection.cursor().execute(POSTGRESQL)
            connection.commit()
    finally:
        connection.close()


def read_history(store, message_id=""):
    """Versions of a row, or of all, oldest first; `at` is in seconds since 1970."""
    query = sa.text("select * from history where message_id like :prefix order by at")
    with store.transaction() as connection:
        return [dict(row) for row in connection.execute(query, {"prefix": f"{message_id}%"}).mappings()]
