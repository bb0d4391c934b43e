"""Forwarding: events on their way to other systems, and the landing files that have been looked through."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "forwards",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("webhook", sa.String(length=64), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("queued_at", sa.DateTime(), nullable=False),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(), nullable=False),
        sa.Column("is_away", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("settled_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("webhook", "event_id"),
    )
    op.create_index("forwards_by_state", "forwards", ["webhook", "state", "next_attempt_at"])
    op.create_table(
        "forwarded_files",
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("file"),
    )


def downgrade() -> None:
    op.drop_table("forwarded_files")
    op.drop_index("forwards_by_state", table_name="forwards")
    op.drop_table("forwards")
