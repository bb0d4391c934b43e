"""The ledger, the hot copies of suppressions and consents, fresh facts, device tokens, dead letters."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("profile_id", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("profile_id", "channel", "purpose"),
    )
    op.create_table(
        "dead_letters",
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("died_at", sa.DateTime(), nullable=False),
        sa.Column("replayed_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_table(
        "device_tokens",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("token"),
    )
    op.create_table(
        "facts",
        sa.Column("event_id", sa.String(length=128), nullable=False),
        sa.Column("identifier_type", sa.String(length=32), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("signal", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=32)),
        sa.Column("purpose", sa.String(length=64)),
        sa.Column("occurred_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "identifier_type", "identifier"),
    )
    op.create_index("facts_by_identifier", "facts", ["identifier", "identifier_type"])
    op.create_index("facts_by_time", "facts", ["occurred_at"])
    op.create_table(
        "feeds",
        sa.Column("feed", sa.String(length=32), nullable=False),
        sa.Column("synced_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("feed"),
    )
    op.create_table(
        "messages",
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("flow", sa.String(length=128), nullable=False),
        sa.Column("step", sa.String(length=128), nullable=False),
        sa.Column("entry_id", sa.String(length=64), nullable=False),
        sa.Column("profile_id", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("template", sa.String(length=256)),
        sa.Column("variant", sa.String(length=128)),
        sa.Column("message_class", sa.String(length=32), nullable=False),
        sa.Column("consent_id", sa.String(length=64)),
        sa.Column("decided_at", sa.DateTime(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime()),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(length=128)),
        sa.Column("lease_until", sa.DateTime()),
        sa.Column("planned_at", sa.DateTime(), nullable=False),
        sa.Column("attempted_at", sa.DateTime()),
        sa.Column("next_attempt_at", sa.DateTime()),
        sa.Column("settled_at", sa.DateTime()),
        sa.Column("provider", sa.String(length=64)),
        sa.Column("provider_message_id", sa.String(length=256)),
        sa.Column("suppression", sa.String(length=32)),
        sa.Column("resolved_by", sa.String(length=16)),
        sa.Column("reconciled_at", sa.DateTime()),
        sa.Column("events", sa.JSON()),
        sa.Column("is_written_back", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index("messages_by_provider_id", "messages", ["provider_message_id"])
    op.create_index("messages_by_state", "messages", ["state", "lease_until"])
    op.create_index("messages_to_write_back", "messages", ["is_written_back", "state"])
    op.create_table(
        "read_files",
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("file"),
    )
    op.create_table(
        "suppressions",
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "address", "reason"),
    )


def downgrade() -> None:
    for table in [
        "consents",
        "dead_letters",
        "device_tokens",
        "facts",
        "feeds",
        "messages",
        "read_files",
        "suppressions",
    ]:
        op.drop_table(table)
