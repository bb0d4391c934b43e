"""What comes back from vendors, and suppressions that a later word lifts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INDEXES = {
    "feedback_by_address": ["address", "channel"],
    "feedback_by_message": ["message_id"],
    "feedback_by_provider_id": ["provider_message_id"],
    "feedback_to_write_back": ["is_written_back", "taken_at"],
}


def upgrade() -> None:
    op.create_table(
        "feedback",
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("address", sa.Text()),
        sa.Column("message_id", sa.String(length=64)),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("provider_message_id", sa.String(length=256)),
        sa.Column("outcome", sa.String(length=16)),
        sa.Column("bounce_type", sa.String(length=8)),
        sa.Column("occurred_at", sa.DateTime(), nullable=False),
        sa.Column("taken_at", sa.DateTime(), nullable=False),
        sa.Column("properties", sa.JSON()),
        sa.Column("is_written_back", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    for name, columns in INDEXES.items():
        op.create_index(name, "feedback", columns)
    op.add_column("suppressions", sa.Column("lifted_at", sa.DateTime()))


def downgrade() -> None:
    op.drop_column("suppressions", "lifted_at")
    op.drop_table("feedback")
