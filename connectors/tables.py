"""Tables of the transactional store. Times are naive UTC; `migrations/` creates what is declared here."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

messages = Table(
    "messages",
    metadata,
    Column("message_id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("flow", String(128), nullable=False),
    Column("step", String(128), nullable=False),
    Column("entry_id", String(64), nullable=False),
    Column("profile_id", String(64), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("address", Text, nullable=False),
    Column("template", String(256)),
    Column("variant", String(128)),
    Column("message_class", String(32), nullable=False),
    Column("consent_id", String(64)),
    Column("decided_at", DateTime, nullable=False),
    Column("due_at", DateTime, nullable=False),
    Column("expires_at", DateTime),
    # The state machine: planned, claimed, attempted, accepted, rejected, retry, unknown, skipped.
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("attempt_count", Integer, nullable=False),
    Column("claimed_by", String(128)),
    Column("lease_until", DateTime),
    Column("planned_at", DateTime, nullable=False),
    Column("attempted_at", DateTime),
    Column("next_attempt_at", DateTime),
    Column("settled_at", DateTime),
    Column("provider", String(64)),
    Column("provider_message_id", String(256)),
    # Why the outcome closed the address for good, if it did.
    Column("suppression", String(32)),
    # How an unknown outcome became known: reply, read_back, webhook, policy.
    Column("resolved_by", String(16)),
    Column("reconciled_at", DateTime),
    Column("events", JSON),
    Column("is_written_back", Boolean, nullable=False),
    # Who let a late message go that had been held for a person's word.
    Column("released_by", String(128)),
    Index("messages_by_provider", "provider", "channel", "settled_at"),
    Index("messages_by_state", "state", "lease_until"),
    Index("messages_to_write_back", "is_written_back", "state"),
    Index("messages_by_provider_id", "provider_message_id"),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("address", Text, primary_key=True),
    Column("reason", String(32), primary_key=True),
    Column("since", DateTime, nullable=False),
    # The last word that takes it back (a START after a STOP); it holds unless closed again since.
    Column("lifted_at", DateTime),
)

consents = Table(
    "consents",
    metadata,
    Column("profile_id", String(64), primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("purpose", String(64), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("since", DateTime, nullable=False),
)

feeds = Table(
    "feeds",
    metadata,
    Column("feed", String(32), primary_key=True),
    Column("synced_at", DateTime, nullable=False),
)

facts = Table(
    "facts",
    metadata,
    Column("event_id", String(128), primary_key=True),
    Column("identifier_type", String(32), primary_key=True),
    Column("identifier", Text, primary_key=True),
    Column("signal", String(32), nullable=False),
    Column("channel", String(32)),
    Column("purpose", String(64)),
    Column("occurred_at", DateTime, nullable=False),
    Column("cart", Text),
    Index("facts_by_identifier", "identifier", "identifier_type"),
    Index("facts_by_time", "occurred_at"),
)

read_files = Table(
    "read_files",
    metadata,
    Column("file", Text, primary_key=True),
    Column("fingerprint", String(128), nullable=False),
)

device_tokens = Table(
    "device_tokens",
    metadata,
    Column("token", Text, primary_key=True),
    Column("platform", String(32), nullable=False),
    Column("status", String(16), nullable=False),
    Column("since", DateTime, nullable=False),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("message_id", String(64), primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("died_at", DateTime, nullable=False),
    Column("replayed_at", DateTime),
)

feedback = Table(
    "feedback",
    metadata,
    Column("event_id", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("address", Text),
    Column("message_id", String(64)),
    Column("provider", String(64), nullable=False),
    Column("provider_message_id", String(256)),
    # What it says about a message of unknown outcome: accepted, rejected; none when it says nothing.
    Column("outcome", String(16)),
    Column("bounce_type", String(8)),
    Column("occurred_at", DateTime, nullable=False),
    Column("taken_at", DateTime, nullable=False),
    Column("properties", JSON),
    Column("is_written_back", Boolean, nullable=False),
    Index("feedback_by_address", "address", "channel"),
    Index("feedback_by_message", "message_id"),
    Index("feedback_by_provider_id", "provider_message_id"),
    Index("feedback_to_write_back", "is_written_back", "taken_at"),
)

kept_messages = Table(
    "kept_messages",
    metadata,
    # Everything that sending again needs, of messages that have left the outbox and may come back.
    Column("message_id", String(64), primary_key=True),
    Column("message", JSON, nullable=False),
    Column("kept_at", DateTime, nullable=False),
)

providers = Table(
    "providers",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("provider", String(64), primary_key=True),
    # closed (in use), open (not asked), half_open (asked with one message).
    Column("breaker", String(16), nullable=False),
    Column("failure_count", Integer, nullable=False),
    Column("trip_count", Integer, nullable=False),
    Column("open_until", DateTime),
    Column("reason", Text),
    # What the provider's answers have made of its declared rate; none: no limit.
    Column("per_second", Float),
    Column("paused_until", DateTime),
    Column("changed_at", DateTime, nullable=False),
)

warm_up_days = Table(
    "warm_up_days",
    metadata,
    Column("plan", String(128), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("message_count", Integer, nullable=False),
)

fences = Table(
    "fences",
    metadata,
    # One row per home folder that may send from this store.
    Column("home_id", String(32), primary_key=True),
    Column("token", String(32), nullable=False),
    Column("next_token", String(32)),
    Column("file_mark", String(128), nullable=False),
    Column("store_mark", Text, nullable=False),
    Column("armed_by", String(128), nullable=False),
    Column("armed_at", DateTime, nullable=False),
)

write_keys = Table(
    "write_keys",
    metadata,
    # The key itself is shown once and kept nowhere.
    Column("key_id", String(16), primary_key=True),
    Column("key_hash", String(64), nullable=False, unique=True),
    # What becomes the source of the events.
    Column("source", String(64), nullable=False),
    # A public key is in a page or an app, where anybody can read it.
    Column("is_public", Boolean, nullable=False),
    Column("created_at", DateTime, nullable=False),
    # After a rotation it may lie ahead.
    Column("revoked_at", DateTime),
    Column("last_used_at", DateTime),
)

audit_log = Table(
    "audit_log",
    metadata,
    # Numbers without gaps; triggers refuse updates and deletes, the chain of hashes shows them.
    Column("entry", Integer, primary_key=True, autoincrement=False),
    Column("at", DateTime, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("details", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False, unique=True),
    Column("hash", String(64), nullable=False),
)

forwards = Table(
    "forwards",
    metadata,
    # The order of arrival.
    Column("number", Integer, primary_key=True),
    Column("webhook", String(64), nullable=False),
    Column("event_id", Text, nullable=False),
    Column("body", Text, nullable=False),
    # waiting, delivered, dead.
    Column("state", String(16), nullable=False),
    Column("queued_at", DateTime, nullable=False),
    Column("attempt_count", Integer, nullable=False),
    Column("next_attempt_at", DateTime, nullable=False),
    # The system took nothing at all: until the next attempt nothing overtakes.
    Column("is_away", Boolean, nullable=False),
    Column("reason", Text),
    Column("settled_at", DateTime),
    UniqueConstraint("webhook", "event_id"),
    Index("forwards_by_state", "webhook", "state", "next_attempt_at"),
)

forwarded_files = Table(
    "forwarded_files",
    metadata,
    Column("file", Text, primary_key=True),
    Column("fingerprint", String(128), nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("text", Text, nullable=False),
    Column("raised_at", DateTime, nullable=False),
)
