"""Facts: what an event did to a cart, so that an emptied one is known before the next run."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("facts", sa.Column("cart", sa.Text()))


def downgrade() -> None:
    op.drop_column("facts", "cart")
