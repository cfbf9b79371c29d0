"""Adds the answer policy to projects."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    with op.batch_alter_table("project", schema=None) as batch_op:
        batch_op.add_column(sa.Column("careful", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("handover_sentence", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("handover_contact", sa.Text(), nullable=True))
