"""Links: whether visitors see the base model's answer, and how the suggested questions were chosen."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("link", schema=None) as batch_op:
        batch_op.add_column(sa.Column("shows_before", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch_op.add_column(sa.Column("chosen_by", sa.String(length=16), nullable=False, server_default="owner"))
