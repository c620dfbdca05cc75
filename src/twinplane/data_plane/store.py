"""The data plane's durable state: JSON documents with indexed columns in one SQLite file.

A *kind* of document is declared once (`Kind`) and gets a table of its own: its key, the members worth an index, and
the body. Everything a service changes in one call is one transaction; calls that arrive together share one COMMIT
(group commit), and an answer leaves only after that COMMIT, so what was acknowledged survives `kill -9`.

Why documents: `docs/decisions/0002-documents-in-one-sqlite-file.md`.
"""

import asyncio
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from pysqlite3 import dbapi2 as sqlite

from twinplane.data_plane import schema
from twinplane.data_plane.schema import Upgrade, quoted

T = TypeVar("T")
Document = dict[str, Any]

_SLOW_COMMIT_SECONDS = 0.005
_CHECKPOINT_PAGES = 4000  # of the write-ahead log, 16 MB: a page changed many times is copied back once
_MOST_DERIVED = 10_000  # values of one kind of derivation
_UNKNOWN: Any = object()
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
OLDEST_SAFE_SQLITE = (3, 51, 3)  # earlier versions may corrupt a WAL that several connections reset


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


@dataclass(frozen=True, eq=False)
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

    # The statements of every call, written once.

    @cached_property
    def insert_sql(self) -> str:
        names = (*self.all_columns, "body")
        return f'INSERT INTO "{self.name}" ({quoted(names)}) VALUES ({", ".join("?" * len(names))})'  # noqa: S608

    @cached_property
    def put_sql(self) -> str:
        rest = [c for c in (*self.all_columns, "body") if c not in self.key]
        update = ", ".join(f'"{c}" = excluded."{c}"' for c in rest)
        return f"{self.insert_sql} ON CONFLICT ({quoted(self.key)}) DO UPDATE SET {update}"

    @cached_property
    def find_sql(self) -> str:
        return f'SELECT body FROM "{self.name}" WHERE {self._by_key}'  # noqa: S608

    @cached_property
    def remove_sql(self) -> str:
        return f'DELETE FROM "{self.name}" WHERE {self._by_key}'  # noqa: S608

    @property
    def _by_key(self) -> str:
        return " AND ".join(f'"{c}" = ?' for c in self.key)


@dataclass(frozen=True, slots=True)
class StartsWith:
    """In a `where`: values that begin with this text."""

    text: str


# What a `where` asks of a column: one of so many values, or one of these.
_EQUALS, _NULL, _NONE_OF, _STARTS_WITH = -1, 0, -2, -3
_TESTS = {_EQUALS: "= ?", _NULL: "IS NULL", _NONE_OF: "IN ()", _STARTS_WITH: ">= ? AND {0} < ?"}


@lru_cache(maxsize=4096)
def _where_sql(kind: Kind, shape: tuple[tuple[str, int], ...]) -> str:
    """Conditions on columns, each with how many values it may have, or one of `_TESTS`."""
    parts = ["1"]
    for column, count in shape:
        if column not in kind.all_columns:
            raise LookupError(f"{column} is not a column of {kind.name}")
        name = f'"{column}"'
        test = _TESTS.get(count) or f"IN ({', '.join('?' * count)})"
        parts.append(f"{name} {test.format(name)}")
    return " AND ".join(parts)


def _where(where: dict[str, Any] | None) -> tuple[tuple[tuple[str, int], ...], list[Any]]:
    """The shape of a `where` for `_where_sql`, and its values."""
    shape, values = [], list[Any]()
    for column, value in (where or {}).items():
        if isinstance(value, (list, tuple)):
            shape.append((column, len(value) or _NONE_OF))
            values.extend(value)
        elif value is None:
            shape.append((column, _NULL))
        elif isinstance(value, StartsWith):
            shape.append((column, _STARTS_WITH))
            values += [value.text, value.text[:-1] + chr(ord(value.text[-1]) + 1)]
        else:
            shape.append((column, _EQUALS))
            values.append(value)
    return tuple(shape), values


@lru_cache(maxsize=4096)
def _select_sql(
    kind: Kind, shape: tuple[tuple[str, int], ...], sort: tuple[str, ...], after: bool, limit: bool, descending: bool
) -> str:
    clause = _where_sql(kind, shape)
    if after:
        clause += f" AND ({quoted(sort)}) {'<' if descending else '>'} ({', '.join('?' * len(sort))})"
    direction = " DESC" if descending else ""
    order = ", ".join(f'"{c}"{direction}' for c in sort)
    return f'SELECT body FROM "{kind.name}" WHERE {clause} ORDER BY {order}' + (" LIMIT ?" if limit else "")  # noqa: S608


@dataclass(frozen=True, eq=False)
class Derived:
    """Something computed from documents of these kinds, and kept until one of them changes: see `derived`."""

    name: str
    kinds: tuple[Kind, ...]

    @cached_property
    def kind_names(self) -> frozenset[str]:
        return frozenset(kind.name for kind in self.kinds)


class Watch:
    """For tests: an error where something was derived from documents of kinds that do not make it be forgotten."""

    def __init__(self) -> None:
        self._reading: list[set[str]] = []  # of each value that is being computed: the tables that were read for it

    def saw(self, statement: str) -> None:
        """A statement that is run."""
        if self._reading:
            self._reading[-1].update(_TABLES.findall(statement))

    def computed(self, what: Derived, compute: Callable[[], T]) -> T:
        """`compute()`. Raises `RuntimeError` when it read what `what` does not name."""
        self._reading.append(set())
        try:
            value = compute()
        finally:
            read = self._reading.pop()
            if self._reading:
                self._reading[-1] |= read
        if not read <= what.kind_names:
            raise RuntimeError(f"{what.name} depends also on {', '.join(sorted(read - what.kind_names))}")
        return value


_TABLES = re.compile(r'\b(?:FROM|JOIN) "?(\w+)')


class TooMuch(Exception):
    """What was asked takes more time than it was given."""


_STEPS_AT_ONCE = 10_000  # of SQLite's machine, between looks at the time


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
        store = self._store
        if self.writable and not what.kind_names.isdisjoint(store.changing):
            return compute()  # of changes that may yet be undone
        values = store.derived.get(what)
        if values is not None and (known := values.get(key, _UNKNOWN)) is not _UNKNOWN:
            return known  # type: ignore[no-any-return]
        value = compute() if store.watch is None else store.watch.computed(what, compute)
        if values is None or len(values) >= _MOST_DERIVED:
            values = store.derived[what] = {}
        values[key] = value
        return value

    def add(self, kind: Kind, document: Document) -> Document:
        """Stores a new document. Raises `AlreadyExists`."""
        return self._write(kind.insert_sql, kind, document)

    def put(self, kind: Kind, document: Document) -> Document:
        """Stores a document, replacing the one with the same key. Raises `AlreadyExists` on another's unique value."""
        return self._write(kind.put_sql, kind, document)

    def _write(self, sql: str, kind: Kind, document: Document) -> Document:
        self._store.changing.add(kind.name)
        values = [document.get(c) for c in kind.all_columns]
        values.append(_encode(document))
        try:
            self._connection.execute(sql, values)
        except sqlite.IntegrityError as error:
            raise AlreadyExists(kind, kind.key_of(document)) from error
        return document

    def find(self, kind: Kind, *key: Any) -> Document | None:
        """The document with this key, or None."""
        row = self._connection.execute(kind.find_sql, key).fetchone()
        return None if row is None else _decode(row[0])

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
        """Documents whose columns equal `where` (a list or tuple means: one of; None: is null; or `StartsWith`).

        Ordered by `order` then key (default: by key). `after` continues behind the document that had these values of
        (*order, *key).
        """
        sort = kind.key if order is None else tuple(dict.fromkeys((*order, *kind.key)))
        shape, values = _where(where)
        fixed = {column for column, count in shape if count == _EQUALS}
        free = tuple(column for column in sort if column not in fixed) or sort  # what is the same sorts nothing, and
        if after is not None:  # would keep SQLite from going straight to where a page begins
            values.extend(value for column, value in zip(sort, after, strict=True) if column in free)
        if limit is not None:
            values.append(limit)
        sql = _select_sql(kind, shape, free, after is not None, limit is not None, descending)
        return [_decode(row[0]) for row in self._connection.execute(sql, values)]

    def first(self, kind: Kind, where: dict[str, Any]) -> Document | None:
        """The first document by key whose columns equal `where`, or None."""
        found = self.select(kind, where, limit=1)
        return found[0] if found else None

    def count(self, kind: Kind, where: dict[str, Any] | None = None) -> int:
        shape, values = _where(where)
        sql = f'SELECT count(*) FROM "{kind.name}" WHERE {_where_sql(kind, shape)}'  # noqa: S608
        return int(self._connection.execute(sql, values).fetchone()[0])

    def remove(self, kind: Kind, *key: Any) -> bool:
        """Removes the document with this key; says whether there was one."""
        self._store.changing.add(kind.name)
        return bool(self._connection.execute(kind.remove_sql, key).rowcount > 0)

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs one statement on tables that a `Kind.extra` made; returns its rows. `sql` holds no caller's text."""
        return list(self._connection.execute(sql, values))

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """What is asked inside may take so many seconds of the processor: everybody else waits meanwhile.

        Raises `TooMuch` when it would take more.
        """
        end = time.thread_time() + seconds
        self._connection.set_progress_handler(lambda: time.thread_time() > end, _STEPS_AT_ONCE)
        try:
            yield
        except sqlite.OperationalError:
            if time.thread_time() > end:
                raise TooMuch from None
            raise
        finally:
            self._connection.set_progress_handler(None, 0)

    def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Runs one statement for each of the rows of values, as `run` does."""
        self._connection.executemany(sql, rows)

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


class _Snapshot(Transaction):
    """The committed state: it begins when something is read, and ends with the next commit (`Store._renew_reader`)."""

    def __init__(self, connection: sqlite.Connection, store: "Store", writable: bool) -> None:
        super().__init__(connection, store, writable)
        self._reader = connection

    @property
    def _connection(self) -> sqlite.Connection:
        if not self._reader.in_transaction:
            self._reader.execute("BEGIN")
        return self._reader

    @_connection.setter
    def _connection(self, _connection: sqlite.Connection) -> None:
        """Given at the start and never again."""


@dataclass
class _Write(Generic[T]):
    function: Callable[[Transaction], T]
    future: "asyncio.Future[T]"
    result: T | None = None
    failure: BaseException | None = None
    after_commit: list[Callable[[], None]] = field(default_factory=list)


class Store:
    """One SQLite file. Used from one event loop; `read` is synchronous, `write` is awaited until it is durable."""

    def __init__(
        self, path: Path, kinds: Iterable[Kind], upgrades: Sequence[Upgrade] = (), watch: Watch | None = None
    ) -> None:
        if sqlite.sqlite_version_info < OLDEST_SAFE_SQLITE:
            raise RuntimeError(f"SQLite {sqlite.sqlite_version} may lose data; 3.51.3 or newer is needed")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.changing: set[str] = set()  # names of the kinds that the open transaction changed
        self._generations: dict[str, int] = {}
        self.derived: dict[Derived, dict[Any, Any]] = {}  # what was computed from the committed state
        self.watch: Watch | None = None
        self.is_alone: Callable[[], bool] = lambda: False  # whether nobody else may be about to write
        self._writer = self._connect(path)
        self._writer.execute("PRAGMA journal_mode=WAL")
        self._writer.execute("PRAGMA synchronous=FULL")
        self._writer.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        schema.prepare(Transaction(self._writer, self, writable=True), path, kinds, upgrades)
        self.changing.clear()
        self._reader = self._connect(path)
        self._reader.execute("PRAGMA query_only=ON")
        self._reading = _Snapshot(self._reader, self, writable=False)
        if watch is not None:
            self.watch = watch
            self._writer.set_trace_callback(watch.saw)
            self._reader.set_trace_callback(watch.saw)
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._pending: list[_Write[Any]] = []
        self._flushing = False  # a flush is under way or about to be
        self._commit_seconds = 0.0  # of late: a moving average
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

    def read(self, function: Callable[[Transaction], T]) -> T:
        """Runs `function` on the last committed state. Nothing it does may write."""
        return function(self._reading)

    def _renew_reader(self) -> None:
        """Lets the next read see what was committed since, and a checkpoint pass what this one saw."""
        if self._reader.in_transaction:
            self._reader.execute("ROLLBACK")

    async def write(self, function: Callable[[Transaction], T]) -> T:
        """Runs `function` in a transaction and returns its result once it is on disk.

        If it raises, its changes (and only its) are undone and the exception is passed on. `function` must not block:
        it runs on the event loop's thread.
        """
        loop = asyncio.get_running_loop()
        write = _Write(function, loop.create_future())
        self._pending.append(write)
        if not self._flushing:
            self._flushing = True
            if self.is_alone():
                self._flush()
            else:
                loop.call_soon(self._flush)  # whatever else is ready to run now joins the same commit
        result: T = await write.future
        return result

    def _flush(self) -> None:
        """Runs what is pending in one transaction. On a quick disk it is committed at once: handing the commit to
        another thread costs more than it; on a slow one others are served meanwhile."""
        batch, self._pending = self._pending, []
        self._renew_reader()
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            self._run_all(batch)
            if not self._writer.in_transaction:  # the only one failed: there is nothing to commit
                self._settle(batch, None)
                return
            if self._commit_seconds > _SLOW_COMMIT_SECONDS:
                committed = asyncio.get_running_loop().run_in_executor(self._committer, self._commit)
                committed.add_done_callback(lambda done: self._settle(batch, done.exception()))
                return
            self._commit()
        except sqlite.Error as error:
            self._settle(batch, error)
        except BaseException as error:
            self._settle(batch, error)
            raise
        else:
            self._settle(batch, None)

    def _commit(self) -> None:
        began = time.perf_counter()
        self._writer.execute("COMMIT")
        self._commit_seconds += (time.perf_counter() - began - self._commit_seconds) / 8

    def _run_all(self, batch: "list[_Write[Any]]") -> None:
        alone = len(batch) == 1
        for write in batch:
            transaction = Transaction(self._writer, self, writable=True)
            if not alone:
                self._writer.execute("SAVEPOINT operation")
            try:
                write.result = write.function(transaction)
            except sqlite.OperationalError:
                raise
            except BaseException as error:  # noqa: BLE001 - handed to whoever awaits the write
                self._writer.execute("ROLLBACK" if alone else "ROLLBACK TO operation")
                write.failure = error
            write.after_commit = transaction.after_commit
            if not alone:
                self._writer.execute("RELEASE operation")

    def _settle(self, batch: "list[_Write[Any]]", failure: BaseException | None) -> None:
        """Tells everybody how it ended. Disk full, read-only, I/O: then nothing of the batch is kept."""
        if failure is None:
            for name in self.changing:
                self._generations[name] = self._generations.get(name, 0) + 1
            for what in [what for what in self.derived if not what.kind_names.isdisjoint(self.changing)]:
                del self.derived[what]
        elif self._writer.in_transaction:
            self._writer.execute("ROLLBACK")
        self.changing.clear()
        self._renew_reader()
        self._flushing = bool(self._pending)
        if self._flushing:
            asyncio.get_running_loop().call_soon(self._flush)
        for write in batch:
            failed, waits = write.failure or failure, not write.future.cancelled()
            if failed is not None:
                if waits:
                    write.future.set_exception(failed)
                continue
            if waits:
                write.future.set_result(write.result)
            for callback in write.after_commit:
                callback()

    def close(self) -> None:
        self._committer.shutdown(wait=True)
        self._reader.close()
        self._writer.close()
