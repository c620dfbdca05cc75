"""The data plane's durable state: JSON documents with indexed columns in one SQLite file.

A *kind* of document is declared once (`Kind`) and gets a table of its own: its key, the members worth an index, and
the body. Everything a service changes in one call is one transaction; calls that arrive together share one COMMIT
(group commit), and an answer leaves only after that COMMIT, so what was acknowledged survives `kill -9`.

Why documents: `docs/decisions/0002-documents-in-one-sqlite-file.md`.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from pysqlite3 import dbapi2 as sqlite

from twinplane.data_plane import schema
from twinplane.data_plane.schema import Upgrade, quoted

T = TypeVar("T")
Document = dict[str, Any]

_MOST_DERIVED = 10_000  # values of one kind of derivation
_OLDEST_SAFE_SQLITE = (3, 51, 3)  # earlier versions may corrupt a WAL that several connections reset


class NotFound(Exception):
    """No document of this kind has this key."""

    def __init__(self, kind: "Kind", key: Sequence[Any]) -> None:
        super().__init__(f"no {kind.name} {'/'.join(map(str, key))}")
        self.kind, self.key = kind, tuple(key)


class AlreadyExists(Exception):
    """A document with this key, or with these values of a unique index, is there already."""

    def __init__(self, kind: "Kind", key: Sequence[Any]) -> None:
        super().__init__(f"{kind.name} {'/'.join(map(str, key))} already exists")
        self.kind, self.key = kind, tuple(key)


@dataclass(frozen=True)
class Kind:
    """A kind of document.

    `key` names the members that identify a document; `columns` further members that may be used in `where` and
    `order`; `unique` groups of members that no two documents share; `indexes` groups of members worth an index.
    Members used here are top-level members of the document holding str, int, float, bool or None. `extra` statements
    (`CREATE … IF NOT EXISTS …`) make what the kind's owner keeps beside it through `Transaction.run`: a text index.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    extra: tuple[str, ...] = ()

    @cached_property
    def all_columns(self) -> tuple[str, ...]:
        extra = [c for group in (self.columns, *self.unique, *self.indexes) for c in group]
        return tuple(dict.fromkeys((*self.key, *extra)))

    def key_of(self, document: Document) -> tuple[Any, ...]:
        return tuple(document[member] for member in self.key)


@dataclass(frozen=True)
class Derived:
    """Something computed from documents of these kinds, and kept until one of them changes: see `derived`."""

    name: str
    kinds: tuple[Kind, ...]


class Transaction:
    """What an operation sees of the state. Reads see committed state plus this transaction's own changes."""

    def __init__(self, connection: sqlite.Connection, store: "Store", writable: bool) -> None:
        self._connection, self._store = connection, store
        self.writable = writable
        self.after_commit: list[Callable[[], None]] = []

    def derived(self, what: Derived, key: Any, compute: Callable[[], T]) -> T:
        """`compute()`, or what it gave for this key when no document of the kinds has changed since.

        Whoever gets it must not change it.
        """
        if self.writable and not self._store.changing.isdisjoint(kind.name for kind in what.kinds):
            return compute()  # of changes that may yet be undone
        return self._store.derived(what, key, compute)

    def add(self, kind: Kind, document: Document) -> Document:
        """Stores a new document. Raises `AlreadyExists`."""
        return self._write("INSERT", kind, document)

    def put(self, kind: Kind, document: Document) -> Document:
        """Stores a document, replacing the one with the same key. Raises `AlreadyExists` on another's unique value."""
        columns = kind.all_columns
        rest = [c for c in (*columns, "body") if c not in kind.key]
        update = ", ".join(f'"{c}" = excluded."{c}"' for c in rest)
        return self._write("INSERT", kind, document, f" ON CONFLICT ({quoted(kind.key)}) DO UPDATE SET {update}")

    def _write(self, verb: str, kind: Kind, document: Document, suffix: str = "") -> Document:
        columns = kind.all_columns
        names = quoted((*columns, "body"))
        marks = ", ".join("?" * (len(columns) + 1))
        values = [document.get(c) for c in columns]
        self._store.changing.add(kind.name)
        try:
            self._connection.execute(
                f'{verb} INTO "{kind.name}" ({names}) VALUES ({marks}){suffix}',
                (*values, msgspec.json.encode(document)),
            )
        except sqlite.IntegrityError as error:
            raise AlreadyExists(kind, kind.key_of(document)) from error
        return document

    def find(self, kind: Kind, *key: Any) -> Document | None:
        """The document with this key, or None."""
        where = " AND ".join(f'"{c}" = ?' for c in kind.key)
        row = self._connection.execute(f'SELECT body FROM "{kind.name}" WHERE {where}', key).fetchone()  # noqa: S608
        return None if row is None else msgspec.json.decode(row[0])

    def get(self, kind: Kind, *key: Any) -> Document:
        """The document with this key. Raises `NotFound`."""
        document = self.find(kind, *key)
        if document is None:
            raise NotFound(kind, key)
        return document

    def select(
        self,
        kind: Kind,
        where: dict[str, Any] | None = None,
        *,
        order: Sequence[str] | None = None,
        after: Sequence[Any] | None = None,
        limit: int | None = None,
        descending: bool = False,
    ) -> list[Document]:
        """Documents whose columns equal `where` (a list or tuple value means: one of; None means: is null).

        Ordered by `order` then key (default: by key). `after` continues behind the document that had these values of
        (*order, *key).
        """
        sort = tuple(dict.fromkeys((*(order or ()), *kind.key)))
        clause, values = self._where(kind, where)
        if after is not None:
            clause += f" AND ({quoted(sort)}) {'<' if descending else '>'} ({', '.join('?' * len(sort))})"
            values.extend(after)
        direction = " DESC" if descending else ""
        sql = f'SELECT body FROM "{kind.name}" WHERE {clause} ORDER BY ' + ", ".join(f'"{c}"{direction}' for c in sort)  # noqa: S608
        if limit is not None:
            sql += " LIMIT ?"
            values.append(limit)
        return [msgspec.json.decode(row[0]) for row in self._connection.execute(sql, values)]

    def first(self, kind: Kind, where: dict[str, Any]) -> Document | None:
        """The first document by key whose columns equal `where`, or None."""
        found = self.select(kind, where, limit=1)
        return found[0] if found else None

    def count(self, kind: Kind, where: dict[str, Any] | None = None) -> int:
        clause, values = self._where(kind, where)
        row = self._connection.execute(f'SELECT count(*) FROM "{kind.name}" WHERE {clause}', values).fetchone()  # noqa: S608
        return int(row[0])

    def remove(self, kind: Kind, *key: Any) -> bool:
        """Removes the document with this key; says whether there was one."""
        where = " AND ".join(f'"{c}" = ?' for c in kind.key)
        self._store.changing.add(kind.name)
        done = self._connection.execute(f'DELETE FROM "{kind.name}" WHERE {where}', key)  # noqa: S608
        return bool(done.rowcount > 0)

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs one statement on tables that a `Kind.extra` made; returns its rows. `sql` holds no caller's text."""
        return list(self._connection.execute(sql, values))

    def _where(self, kind: Kind, where: dict[str, Any] | None) -> tuple[str, list[Any]]:
        parts: list[str] = ["1"]
        values: list[Any] = []
        for column, value in (where or {}).items():
            if column not in kind.all_columns:
                raise LookupError(f"{column} is not a column of {kind.name}")
            if isinstance(value, (list, tuple)):
                parts.append(f'"{column}" IN ({", ".join("?" * len(value))})')
                values.extend(value)
            elif value is None:
                parts.append(f'"{column}" IS NULL')
            else:
                parts.append(f'"{column}" = ?')
                values.append(value)
        return " AND ".join(parts), values

    @contextmanager
    def savepoint(self) -> Any:
        """What happens inside is undone when it raises."""
        self._connection.execute("SAVEPOINT inner_step")
        callbacks = len(self.after_commit)
        try:
            yield self
        except BaseException:
            del self.after_commit[callbacks:]
            self._connection.execute("ROLLBACK TO inner_step")
            self._connection.execute("RELEASE inner_step")
            raise
        self._connection.execute("RELEASE inner_step")


@dataclass
class _Write(Generic[T]):
    function: Callable[[Transaction], T]
    future: "asyncio.Future[T]"
    result: T | None = None
    failure: BaseException | None = None
    after_commit: list[Callable[[], None]] = field(default_factory=list)


class Store:
    """One SQLite file. Used from one event loop; `read` is synchronous, `write` is awaited until it is durable."""

    def __init__(self, path: Path, kinds: Iterable[Kind], upgrades: Sequence[Upgrade] = ()) -> None:
        if sqlite.sqlite_version_info < _OLDEST_SAFE_SQLITE:
            raise RuntimeError(f"SQLite {sqlite.sqlite_version} may lose data; 3.51.3 or newer is needed")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.changing: set[str] = set()  # names of the kinds that the open transaction changed
        self._generations: dict[str, int] = {}
        self._derived: dict[Derived, tuple[int, dict[Any, Any]]] = {}
        self._writer = self._connect(path)
        self._writer.execute("PRAGMA journal_mode=WAL")
        self._writer.execute("PRAGMA synchronous=FULL")
        schema.prepare(Transaction(self._writer, self, writable=True), path, kinds, upgrades)
        self.changing.clear()
        self._reader = self._connect(path)
        self._reader.execute("PRAGMA query_only=ON")
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._pending: list[_Write[Any]] = []
        self._flusher: asyncio.Task[None] | None = None
        os.chmod(path, 0o600)

    @staticmethod
    def _connect(path: Path) -> sqlite.Connection:
        connection = sqlite.connect(str(path), isolation_level=None, check_same_thread=False, cached_statements=512)
        connection.execute("PRAGMA busy_timeout=5000")
        return connection

    def generation(self, *kinds: Kind) -> int:
        """A number that has grown when a committed write changed a document of one of these kinds.

        It has grown before the write is acknowledged; what a reader saw under a number holds while the number does.
        """
        return sum([self._generations.get(kind.name, 0) for kind in kinds])

    def derived(self, what: Derived, key: Any, compute: Callable[[], T]) -> T:
        """As `Transaction.derived`, for the committed state."""
        generation = self.generation(*what.kinds)
        known = self._derived.get(what)
        if known is None or known[0] != generation or len(known[1]) >= _MOST_DERIVED:
            known = self._derived[what] = (generation, {})
        values = known[1]
        if key not in values:
            values[key] = compute()
        value: T = values[key]
        return value

    def read(self, function: Callable[[Transaction], T]) -> T:
        """Runs `function` on the last committed state. Nothing it does may write."""
        self._reader.execute("BEGIN")
        try:
            return function(Transaction(self._reader, self, writable=False))
        finally:
            self._reader.execute("ROLLBACK")

    async def write(self, function: Callable[[Transaction], T]) -> T:
        """Runs `function` in a transaction and returns its result once it is on disk.

        If it raises, its changes (and only its) are undone and the exception is passed on. `function` must not block:
        it runs on the event loop's thread.
        """
        write = _Write(function, asyncio.get_running_loop().create_future())
        self._pending.append(write)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.get_running_loop().create_task(self._flush())
        result: T = await write.future
        return result

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._pending:
            batch, self._pending = self._pending, []
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                for write in batch:
                    self._run(write)
                await loop.run_in_executor(self._committer, self._writer.execute, "COMMIT")
                for name in self.changing:
                    self._generations[name] = self._generations.get(name, 0) + 1
            except sqlite.Error as error:  # disk full, read-only, I/O: nothing of this batch is kept
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                for write in batch:
                    write.failure = write.failure or error
            self.changing.clear()
            for write in batch:
                waits = not write.future.cancelled()
                if write.failure is not None:
                    if waits:
                        write.future.set_exception(write.failure)
                    continue
                if waits:
                    write.future.set_result(write.result)
                for callback in write.after_commit:
                    callback()

    def _run(self, write: "_Write[Any]") -> None:
        self._writer.execute("SAVEPOINT operation")
        transaction = Transaction(self._writer, self, writable=True)
        try:
            write.result = write.function(transaction)
        except sqlite.OperationalError:
            raise
        except BaseException as error:  # noqa: BLE001 - handed to whoever awaits the write
            self._writer.execute("ROLLBACK TO operation")
            write.failure = error
        write.after_commit = transaction.after_commit
        self._writer.execute("RELEASE operation")

    def close(self) -> None:
        self._committer.shutdown(wait=True)
        self._reader.close()
        self._writer.close()
