"""Delivery: kept messages, providers' health, warm-up, clone fence, alerts, and who released what."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("released_by", sa.String(length=128)))
    op.create_index("messages_by_provider", "messages", ["provider", "channel", "settled_at"])
    op.create_table(
        "kept_messages",
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("message", sa.JSON(), nullable=False),
        sa.Column("kept_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_table(
        "providers",
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("breaker", sa.String(length=16), nullable=False),
        sa.Column("failure_count", sa.Integer(), nullable=False),
        sa.Column("trip_count", sa.Integer(), nullable=False),
        sa.Column("open_until", sa.DateTime()),
        sa.Column("reason", sa.Text()),
        sa.Column("per_second", sa.Float()),
        sa.Column("paused_until", sa.DateTime()),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "provider"),
    )
    op.create_table(
        "warm_up_days",
        sa.Column("plan", sa.String(length=128), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("plan", "day"),
    )
    op.create_table(
        "fences",
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("next_token", sa.String(length=32)),
        sa.Column("file_mark", sa.String(length=128), nullable=False),
        sa.Column("store_mark", sa.Text(), nullable=False),
        sa.Column("armed_by", sa.String(length=128), nullable=False),
        sa.Column("armed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("home_id"),
    )
    op.create_table(
        "alerts",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    for table in ["alerts", "fences", "warm_up_days", "providers", "kept_messages"]:
        op.drop_table(table)
    op.drop_index("messages_by_provider", "messages")
    op.drop_column("messages", "released_by")
