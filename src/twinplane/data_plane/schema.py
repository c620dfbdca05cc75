"""The tables behind the documents, and how a state written by an earlier version becomes one of this version.

Everything happens in the transaction that opens the store: a crash leaves the state as it was. Before an upgrade, the
database is copied to a file beside it, so that the earlier version can be used again.
Why: `docs/decisions/0019-upgrades-rebuild-documents.md`.
"""

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from pysqlite3 import dbapi2 as sqlite

from twinplane.data_plane.files import sync_file, sync_folder

if TYPE_CHECKING:
    from twinplane.data_plane.store import Document, Kind, Transaction

FIRST_VERSION = 1


class StateOfNewerVersion(Exception):
    """The state folder was written by a newer version of the product."""


class UpgradeFailed(Exception):
    """The state could not be upgraded and is as it was before. The text says why and what to do."""


@dataclass(frozen=True)
class Upgrade:
    """A step from the version before to `version`. `run` changes documents in the opening transaction, before the
    tables of this program's kinds are made; it must depend on nothing but the documents that are there."""

    version: int
    run: "Callable[[Transaction], None]"


def latest(upgrades: Sequence[Upgrade]) -> int:
    """The state version that a program with these upgrades writes."""
    return upgrades[-1].version if upgrades else FIRST_VERSION


def rebuild(tx: "Transaction", kind: "Kind", change: "Callable[[Document], Document | None]") -> None:
    """Makes a kind's table anew and puts every document back as `change` returns it; None leaves it out.

    For upgrades: of a kind whose key or documents changed. Nothing happens when there is no such table yet.
    Raises `AlreadyExists` when two changed documents have the same key.
    """
    if not _columns(tx, kind.name):
        return
    old = f"{kind.name}__before"
    for (index,) in tx.run(
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL", (kind.name,)
    ):
        tx.run(f'DROP INDEX "{index}"')
    tx.run(f'ALTER TABLE "{kind.name}" RENAME TO "{old}"')
    tx.run(_table(kind))
    for document in _documents(tx, old):
        changed = change(document)
        if changed is not None:
            tx.add(kind, changed)
    tx.run(f'DROP TABLE "{old}"')


def _documents(tx: "Transaction", table: str) -> "Iterator[Document]":
    """Every document of a table, some at a time."""
    last = 0
    while rows := tx.run(f'SELECT rowid, body FROM "{table}" WHERE rowid > ? ORDER BY rowid LIMIT 500', (last,)):  # noqa: S608
        for last, body in rows:  # noqa: B007 - where the next page begins
            yield msgspec.json.decode(body)


def prepare(tx: "Transaction", path: Path, kinds: "Iterable[Kind]", upgrades: Sequence[Upgrade]) -> None:
    """Brings the database at `path` to this program's version: upgrades, then tables, columns and indexes.

    Raises `StateOfNewerVersion` and `UpgradeFailed`; nothing is changed then.
    """
    version, newest = int(tx.run("PRAGMA user_version")[0][0]), latest(upgrades)
    if version > newest:
        raise StateOfNewerVersion(
            f"{path} has state version {version}; this program knows {newest}. "
            "Use the newer program, or another state folder (--state)."
        )
    old = 0 < version < newest
    if old:
        keep_copy(path, version)
    tx.run("BEGIN IMMEDIATE")
    try:
        if old:
            _upgrade(tx, path, version, upgrades)
        for kind in kinds:
            make_table(tx, kind)
        tx.run(f"PRAGMA user_version={newest}")
    except BaseException:
        tx.run("ROLLBACK")
        raise
    tx.run("COMMIT")


def _upgrade(tx: "Transaction", path: Path, version: int, upgrades: Sequence[Upgrade]) -> None:
    for upgrade in upgrades:
        if upgrade.version > version:
            try:
                upgrade.run(tx)
            except Exception as error:
                reason = str(error) or type(error).__name__
                raise UpgradeFailed(
                    f"{path} cannot be upgraded from state version {version} to {upgrade.version}: {reason}. "
                    f"Nothing was changed: the earlier program can still use it."
                ) from error


def copy_of(path: Path, version: int) -> Path:
    """Where the copy of the database lies that was made before it was upgraded from `version`."""
    return path.with_name(f"{path.name}.version-{version}")


def keep_copy(path: Path, version: int) -> None:
    """Copies the database beside itself, whole or not at all, readable by its user alone. Raises `UpgradeFailed`."""
    target = copy_of(path, version)
    partial = target.with_name(f"{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        copy_database(path, partial)
        os.replace(partial, target)
        sync_folder(path.parent)
    except (OSError, sqlite.Error) as error:
        partial.unlink(missing_ok=True)
        full = (isinstance(error, OSError) and error.errno == errno.ENOSPC) or "full" in str(error)
        raise UpgradeFailed(
            f"{path} is of an earlier version, and no copy of it could be made before upgrading it: {error}. "
            + (f"Free about {path.stat().st_size:,} bytes" if full else f"Make {path.parent} writable")
            + " and start again; nothing was changed."
        ) from None


def copy_database(path: Path, target: Path) -> None:
    """Copies the last committed state of a database, also while others write to it; on disk when it returns.

    Raises `sqlite.Error` and `OSError`.
    """
    with one_view(path) as view:
        copy_view(view, target)


@contextmanager
def one_view(path: Path) -> Iterator[sqlite.Connection]:
    """A connection that sees the database as it is now for as long as this is open, whatever others write."""
    connection = sqlite.connect(str(path), isolation_level=None)
    try:
        connection.execute("PRAGMA busy_timeout=5000")
        connection.execute("PRAGMA query_only=ON")
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # from here on
        yield connection
    finally:
        connection.close()


def copy_view(view: sqlite.Connection, target: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Copies what `view` sees to a file that has nothing beside it; on disk when it returns.

    `progress` gets pages done and pages in all.
    """
    copy = sqlite.connect(str(target), isolation_level=None)
    try:
        told = None if progress is None else lambda _status, left, pages: progress(pages - left, pages)
        view.backup(copy, pages=2000 if progress else -1, progress=told, sleep=0)
        copy.execute("PRAGMA journal_mode=DELETE")
    finally:
        copy.close()
    sync_file(target)


# Tables


def quoted(columns: Iterable[str]) -> str:
    """Names as SQL text."""
    return ", ".join(f'"{column}"' for column in columns)


def _table(kind: "Kind") -> str:
    return (
        f'CREATE TABLE IF NOT EXISTS "{kind.name}" '
        f"({quoted(kind.all_columns)}, body BLOB NOT NULL, PRIMARY KEY ({quoted(kind.key)}))"
    )


def _indexes(kind: "Kind") -> dict[str, str]:
    """The statement that makes each index of a kind, by the index's name."""
    made = {}
    for unique, groups in (("UNIQUE ", kind.unique), ("", kind.indexes)):
        for group in groups:
            name = f"{kind.name}__{'__'.join(group)}"
            made[name] = f'CREATE {unique}INDEX IF NOT EXISTS "{name}" ON "{kind.name}" ({quoted(group)})'
    return made


def _columns(tx: "Transaction", table: str) -> dict[str, int]:
    """The columns of a table with their place in its primary key, 0 for none. Empty when there is no such table."""
    return {row[1]: row[5] for row in tx.run(f'PRAGMA table_info("{table}")')}


def make_table(tx: "Transaction", kind: "Kind") -> None:
    """The table of a kind: for upgrades, which run before those that are new are there.

    Makes what is not there; drops indexes that the kind has no more; fills columns that it did not have."""
    tx.run(_table(kind))
    there = _columns(tx, kind.name)
    key = tuple(sorted((column for column, place in there.items() if place), key=lambda column: there[column]))
    if key != kind.key:
        raise RuntimeError(f"the key of {kind.name} changed from {key} to {kind.key}: an upgrade must rebuild it")
    for column in kind.all_columns:
        if column not in there:
            tx.run(f'ALTER TABLE "{kind.name}" ADD COLUMN "{column}"')
            tx.run(
                f'UPDATE "{kind.name}" SET "{column}" = json_extract(CAST(body AS TEXT), ?)',  # noqa: S608
                (f'$."{column}"',),
            )
    wanted = _indexes(kind)
    for name in _own_indexes(tx, kind) - set(wanted):
        tx.run(f'DROP INDEX "{name}"')
    for statement in (*wanted.values(), *kind.extra):
        tx.run(statement)


def _own_indexes(tx: "Transaction", kind: "Kind") -> set[str]:
    rows: list[tuple[Any, ...]] = tx.run(
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL", (kind.name,)
    )
    return {name for (name,) in rows if name.startswith(f"{kind.name}__")}
