"""Adds password, blind vote, suggestions and daily totals to links, and the table of suggested answers."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
_COUNTS = ("visits", "answers", "handed_over", "before", "after", "tie", "both_bad", "suggestions")


def upgrade() -> None:
    with op.batch_alter_table("link", schema=None) as batch_op:
        batch_op.add_column(sa.Column("password_digest", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("is_blind", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("takes_suggestions", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "link_day",
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        sa.ForeignKeyConstraint(["token"], ["link.token"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token", "run_id", "day"),
    )
    op.create_table(
        "suggested_answer",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("better", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_suggested_answer_project_id", "suggested_answer", ["project_id"])
