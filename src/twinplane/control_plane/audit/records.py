"""The audit table. Rows are only ever added; each holds the hash of the one before it."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from twinplane.control_plane.database import Transaction, UtcTime, metadata

ENTRIES = sa.Table(
    "audit_entry",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("actor_id", sa.String(128), nullable=False),  # identity-store user id, or "app"
    sa.Column("actor", sa.String(128), nullable=False),  # sign-in name, or "management-app"
    sa.Column("action", sa.String(80), nullable=False),
    sa.Column("outcome", sa.String(12), nullable=False),  # allowed, refused
    sa.Column("request_id", sa.String(80)),
    sa.Column("project_id", sa.String(80)),
    sa.Column("asset", sa.String(400)),  # what the data plane calls it: database.table, or an asset's id
    sa.Column("reason", sa.Text),
    sa.Column("policy", sa.JSON),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Column("previous_hash", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Index("audit_actor", "actor", "seq"),
    sa.Index("audit_request", "request_id", "seq"),
    sa.Index("audit_project", "project_id", "seq"),
    sa.Index("audit_asset", "asset", "seq"),
)
FIRST_HASH = "0" * 64
_HASHED = ("seq", "actor_id", "actor", "action", "outcome", "request_id", "project_id", "asset", "reason", "policy",
           "detail", "previous_hash")  # fmt: skip


def add(
    tx: Transaction,
    *,
    actor_id: str,
    actor: str,
    action: str,
    outcome: str = "allowed",
    request_id: str | None = None,
    project_id: str | None = None,
    asset: str | None = None,
    reason: str | None = None,
    policy: dict[str, Any] | None = None,
    **detail: Any,
) -> int:
    """Adds an entry behind the last one, in the transaction of what it records. Returns its number."""
    if tx.is_postgresql:  # the chain has one end: writers of several replicas queue here; SQLite has one writer
        tx.execute(sa.text("SELECT pg_advisory_xact_lock(7731902, 2)"))
    last = tx.row(sa.select(ENTRIES.c.seq, ENTRIES.c.hash).order_by(ENTRIES.c.seq.desc()).limit(1))
    row: dict[str, Any] = {
        "seq": 1 if last is None else last["seq"] + 1, "at": tx.now, "actor_id": actor_id, "actor": actor,
        "action": action, "outcome": outcome, "request_id": request_id, "project_id": project_id, "asset": asset,
        "reason": reason, "policy": policy, "detail": detail,
        "previous_hash": FIRST_HASH if last is None else last["hash"],
    }  # fmt: skip
    tx.execute(sa.insert(ENTRIES).values(**row, hash=_hash(row)))
    return int(row["seq"])


def list_entries(
    tx: Transaction,
    *,
    person: str | None = None,
    request_id: str | None = None,
    asset: str | None = None,
    action: str | None = None,
    visible_to: tuple[str, frozenset[str]] | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """The latest entries first. `visible_to` (a user id and her projects) leaves out what is not hers or theirs."""
    statement = sa.select(ENTRIES).order_by(ENTRIES.c.seq.desc()).limit(limit)
    for column, value in (
        (ENTRIES.c.actor, person), (ENTRIES.c.request_id, request_id), (ENTRIES.c.action, action),
        (ENTRIES.c.asset, asset),
    ):  # fmt: skip
        if value is not None:
            statement = statement.where(column == value)
    if visible_to is not None:
        user_id, projects = visible_to
        statement = statement.where(sa.or_(ENTRIES.c.actor_id == user_id, ENTRIES.c.project_id.in_(sorted(projects))))
    return tx.rows(statement)


def verify(tx: Transaction) -> tuple[int, int | None, str]:
    """Recomputes the chain: how many entries there are, the first that is wrong (None: none is), the last hash."""
    previous, count = FIRST_HASH, 0
    for row in _all(tx):
        count += 1
        if row["seq"] != count or row["previous_hash"] != previous or row["hash"] != _hash(row):
            return count, count, previous
        previous = row["hash"]
    return count, None, previous


def _all(tx: Transaction) -> Iterator[dict[str, Any]]:
    for row in tx.connection.execute(sa.select(ENTRIES).order_by(ENTRIES.c.seq)).mappings():
        yield dict(row)


def _hash(row: dict[str, Any]) -> str:
    text = {name: row[name] for name in _HASHED} | {"at": repr(row["at"].timestamp())}
    return hashlib.sha256(json.dumps(text, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
