"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("kind", sa.String(80), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("step_started_at", sa.Double),
        sa.Column("error", sa.Text),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("lease_owner", sa.String(120)),
        sa.Column("lease_until", sa.Double),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
    )
    op.create_index("job_due", "job", ["state", "due_at"])
    op.create_index("job_subject", "job", ["subject"])
    op.create_table(
        "job_step",
        sa.Column("job_id", sa.String(80), sa.ForeignKey("job.id"), primary_key=True),
        sa.Column("step", sa.String(80), primary_key=True),
        sa.Column("output", sa.JSON, nullable=False),
        sa.Column("done_at", sa.Double, nullable=False),
    )
    op.create_table(
        "session",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("user_id", sa.String(128), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("display_name", sa.String(200), nullable=False),
        sa.Column("sealed_refresh_token", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
    )
    op.create_index("session_user", "session", ["user_id"])
    op.create_index("session_expiry", "session", ["expires_at"])
    op.create_table(
        "sign_in",
        sa.Column("state_hash", sa.String(64), primary_key=True),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
    )
    op.create_table(
        "request",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("requester_id", sa.String(128), nullable=False),
        sa.Column("requester", sa.String(128), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("outcome", sa.JSON, nullable=False),
        sa.Column("policy", sa.JSON, nullable=False),
        sa.Column("project_id", sa.String(80)),
        sa.Column("beneficiary", sa.String(80)),
        sa.Column("asset", sa.String(400)),
        sa.Column("ends_at", sa.Double),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
    )
    op.create_index("request_requester", "request", ["requester_id", "created_at"])
    op.create_index("request_status", "request", ["status", "created_at"])
    op.create_index("request_project", "request", ["project_id"])
    op.create_index("request_beneficiary", "request", ["beneficiary", "status"])
    op.create_index("request_asset", "request", ["asset"])
    op.create_table(
        "request_approval",
        sa.Column("request_id", sa.String(40), sa.ForeignKey("request.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("approver", sa.String(40), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("owners_of", sa.JSON, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("decided_by", sa.String(128)),
        sa.Column("decided_by_id", sa.String(128)),
        sa.Column("decided_at", sa.Double),
        sa.Column("comment", sa.Text),
        sa.Column("policy", sa.JSON),
    )
    op.create_table(
        "request_step",
        sa.Column("request_id", sa.String(40), sa.ForeignKey("request.id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
    )
    op.create_table(
        "audit_entry",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("actor_id", sa.String(128), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("action", sa.String(80), nullable=False),
        sa.Column("outcome", sa.String(12), nullable=False),
        sa.Column("request_id", sa.String(80)),
        sa.Column("project_id", sa.String(80)),
        sa.Column("asset", sa.String(400)),
        sa.Column("reason", sa.Text),
        sa.Column("policy", sa.JSON),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("audit_actor", "audit_entry", ["actor", "seq"])
    op.create_index("audit_request", "audit_entry", ["request_id", "seq"])
    op.create_index("audit_project", "audit_entry", ["project_id", "seq"])
    op.create_index("audit_asset", "audit_entry", ["asset", "seq"])


def downgrade() -> None:
    children_first = ("audit_entry", "request_step", "request_approval", "request", "sign_in", "session", "job_step")
    for table in (*children_first, "job"):
        op.drop_table(table)
