import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import twinplane.control_plane.identity
import twinplane.control_plane.jobs
import twinplane.control_plane.requests.records  # noqa: F401 - each brings its tables
from twinplane.control_plane.audit import records as audit
from twinplane.control_plane.database import Database, DatabaseIsNewer, metadata


def test_the_migrations_make_exactly_the_declared_tables(database: Database) -> None:
    with database.read() as tx:
        assert compare_metadata(MigrationContext.configure(tx.connection), metadata) == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    database.migrate()
    assert database.is_migrated()


def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    with database.write() as tx:
        tx.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseIsNewer, match=r"newer version \(schema 9999\)"):
        database.migrate()


def test_a_migration_that_fails_leaves_nothing_behind(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import op

    database = Database(database_url)
    create_table = op.create_table

    def fail_at_audit(name: str, *columns: object, **options: object) -> object:
        if name == "audit_entry":
            raise RuntimeError("the machine stops here")
        return create_table(name, *columns, **options)

    monkeypatch.setattr(op, "create_table", fail_at_audit)
    with pytest.raises(RuntimeError, match="stops here"):
        database.migrate()
    with database.read() as tx:
        assert sa.inspect(tx.connection).get_table_names() == []
    database.close()


def test_what_a_block_that_raises_wrote_is_not_there(database: Database) -> None:
    def write_and_fail() -> None:
        with database.write() as tx:
            audit.add(tx, actor_id="u", actor="analyst", action="x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with database.read() as tx:
        assert audit.list_entries(tx) == []


def test_many_writers_keep_one_audit_chain(database: Database) -> None:
    def write(name: str) -> None:
        for _ in range(10):
            with database.write() as tx:
                audit.add(tx, actor_id=name, actor=name, action="looked")

    threads = [threading.Thread(target=write, args=(f"person-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as tx:
        count, wrong, _ = audit.verify(tx)
    assert (count, wrong) == (40, None)


def test_a_changed_audit_entry_is_found(database: Database) -> None:
    with database.write() as tx:
        for number in range(5):
            audit.add(tx, actor_id="u", actor="analyst", action="looked", number=number)
    with database.write() as tx:
        tx.execute(sa.text("UPDATE audit_entry SET actor = 'somebody' WHERE seq = 3"))
    with database.read() as tx:
        assert audit.verify(tx)[1] == 3


def test_a_sqlite_file_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'deep' / 'app.db'}")
    database.migrate()
    database.close()
    assert (tmp_path / "deep" / "app.db").stat().st_mode & 0o077 == 0
