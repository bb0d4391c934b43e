"""Write keys: when each was last used."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("write_keys", sa.Column("last_used_at", sa.DateTime()))


def downgrade() -> None:
    op.drop_column("write_keys", "last_used_at")
