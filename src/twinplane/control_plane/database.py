"""The app's own tables on SQLite or PostgreSQL: one transaction at a time, always explicit.

SQLite runs in WAL mode with `synchronous=FULL`, and every writing transaction is BEGIN IMMEDIATE, so two writers queue
instead of failing half way. PostgreSQL runs in READ COMMITTED: every change of state is guarded by version, on both.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2
import sqlalchemy as sa
from sqlalchemy.engine import Connection, CursorResult, Engine

from twinplane.control_plane.clock import Clock, utc_now

MIGRATIONS = Path(__file__).parent / "migrations"
OLDEST_SAFE_SQLITE = (3, 51, 3)  # older ones may corrupt a WAL database that several connections write to
IDLE_TRANSACTION_MILLISECONDS = 10_000  # below a job's lease: a sleeping owner must not hold row locks past it

metadata = sa.MetaData()


class DatabaseIsNewer(RuntimeError):
    """The database was written by a newer version of the app."""


class UtcTime(sa.TypeDecorator[datetime]):
    """An aware UTC time, stored as seconds since the epoch: alike on both databases, and comparable in SQL."""

    impl = sa.Double
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> float | None:  # noqa: ARG002
        return None if value is None else value.timestamp()

    def process_result_value(self, value: float | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else datetime.fromtimestamp(value, UTC)


@dataclass
class Transaction:
    """A transaction that commits when the block that opened it ends, and then runs `after_commit`."""

    connection: Connection
    now: datetime
    after_commit: list[Callable[[], None]] = field(default_factory=list)

    def execute(self, statement: sa.Executable, parameters: Any = None) -> CursorResult[Any]:
        return self.connection.execute(statement, parameters)

    def rows(self, statement: sa.Executable) -> list[dict[str, Any]]:
        """Every row, as dictionaries of column values."""
        return [dict(row) for row in self.connection.execute(statement).mappings()]

    def row(self, statement: sa.Executable) -> dict[str, Any] | None:
        """The first row, or None."""
        found = self.connection.execute(statement).mappings().first()
        return None if found is None else dict(found)

    def changed(self, statement: sa.Update | sa.Delete) -> int:
        """Runs an update or delete and returns how many rows it met: guards compare it with 1."""
        return self.connection.execute(statement).rowcount

    @property
    def is_postgresql(self) -> bool:
        return self.connection.dialect.name == "postgresql"


class Database:
    """Opens transactions. Made once per process; safe to use from several threads."""

    def __init__(self, url: str, clock: Clock = utc_now) -> None:
        self.engine, self.clock = _open_engine(url), clock

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """One transaction that may change things; rolled back when the block raises."""
        with self.engine.connect() as connection:
            with connection.begin():
                transaction = Transaction(connection, self.clock())
                yield transaction
            for run in transaction.after_commit:
                run()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """One consistent view of the last committed state; takes no lock that a writer waits for."""
        with self.engine.connect().execution_options(reads_only=True) as connection, connection.begin():
            yield Transaction(connection, self.clock())

    def migrate(self) -> None:
        """Brings the tables to this version, all or nothing. Raises `DatabaseIsNewer`."""
        with self.engine.connect() as connection, connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7731902, 1)"))
            _upgrade(connection)

    def is_migrated(self) -> bool:
        """True when the tables are those of this version."""
        with self.read() as tx:
            return _revision(tx.connection) == _revisions()[-1]

    def close(self) -> None:
        self.engine.dispose()


def _open_engine(url: str) -> Engine:
    if url.startswith("sqlite"):
        return _open_sqlite(url)
    parsed = sa.make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    options = f"-c idle_in_transaction_session_timeout={IDLE_TRANSACTION_MILLISECONDS}"
    return sa.create_engine(
        parsed, pool_size=16, max_overflow=16, pool_pre_ping=True, connect_args={"options": options}
    )


def _open_sqlite(url: str) -> Engine:
    if pysqlite3.dbapi2.sqlite_version_info < OLDEST_SAFE_SQLITE:
        raise RuntimeError(f"SQLite {pysqlite3.dbapi2.sqlite_version} may corrupt its files; 3.51.3 or newer is needed")
    path = sa.make_url(url).database
    if not path:
        raise ValueError("TWINPLANE_DATABASE_URL must name a file, for example sqlite:////var/lib/twinplane/app.db")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = sa.create_engine(
        url,
        module=pysqlite3.dbapi2,
        pool_size=16,
        max_overflow=16,
        json_serializer=lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False),
        connect_args={"isolation_level": None, "timeout": 10.0, "check_same_thread": False},
    )

    @sa.event.listens_for(engine, "connect")
    def _prepare(dbapi_connection: Any, _record: object) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            dbapi_connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reads_only = connection.get_execution_options().get("reads_only", False)
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    return engine


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _revisions() -> list[str]:
    """The versions this app knows, the oldest first: its migration files bear them as their first word."""
    return sorted(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _upgrade(connection: Connection) -> None:
    revision, known = _revision(connection), _revisions()
    if revision == known[-1]:
        return
    if revision is not None and revision not in known:
        raise DatabaseIsNewer(
            f"The database is of a newer version (schema {revision}) than this Twinplane. "
            "Start the newer version, or use another state folder or database."
        )
    from alembic import command  # half a second to import, and seldom needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
