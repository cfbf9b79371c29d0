"""Adds counters for the questions of a link's hour and of a key's minute, so that limits survive a restart."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
_COUNTS = (("link", "hour_started_at", "asked_this_hour"), ("api_key", "minute_started_at", "used_this_minute"))


def upgrade() -> None:
    for table, started_at, asked in _COUNTS:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column(started_at, sa.Double(), server_default="0", nullable=False))
            batch_op.add_column(sa.Column(asked, sa.Integer(), server_default="0", nullable=False))
