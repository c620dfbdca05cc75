"""The doctor: is everything in a state folder as it should be, and what is to be done where it is not?

Served or not: while a plane serves the folder it is only looked at, as it was at one moment. What `repair` does
loses nothing that a user made; it needs the plane to be stopped.
"""

import contextlib
import importlib
import importlib.util
import os
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from pysqlite3 import dbapi2 as sqlite

from twinplane.data_plane import schema
from twinplane.data_plane.app import SERVICES, CannotServe, kinds_and_tasks, lock_state
from twinplane.data_plane.backup import MANIFEST
from twinplane.data_plane.files import sync_folder
from twinplane.data_plane.findings import REPAIR, RESTORE, Examination, Finding
from twinplane.data_plane.hold import HeldByAnother, hold
from twinplane.data_plane.plane import is_whole_key
from twinplane.data_plane.references import Reference
from twinplane.data_plane.store import OLDEST_SAFE_SQLITE, Kind
from twinplane.data_plane.tasks import TASKS
from twinplane.data_plane.upgrades import UPGRADES
from twinplane.engines.sql import confinement
from twinplane.engines.sql.pool import ALLOWED_BY

_LEAST_FREE_BYTES, _LITTLE_FREE_BYTES = 100_000_000, 1_000_000_000
_ORDER = {"error": 0, "warning": 1, "note": 2}
_KNOWN_KEYS = 100_000  # of referred documents, kept while a kind is examined


class CannotExamine(Exception):
    """There is nothing to examine, or it is not to be touched now. The text says what to do."""


def examine(state: Path, *, deep: bool = False, repair: bool = False, ports: Iterable[int] = ()) -> list[Finding]:
    """Everything that is found, the worst first; with `repair`, what was put right is marked.

    `ports` are those that a plane would be started on. Raises `CannotExamine`.
    """
    if not (state / "plane.db").is_file():
        raise CannotExamine(f"{state} holds no state: name the folder of a mesh or a data plane with --state")
    if (state / MANIFEST).exists():
        raise CannotExamine(f"{state} is a backup: `twinplane backup {state} --check` examines it")
    with contextlib.ExitStack() as stack:
        try:
            stack.callback(os.close, lock_state(state))
            served = False
        except CannotServe:
            served = True
        if served and repair:
            raise CannotExamine(f"a data plane serves {state}: stop it before anything is repaired")
        try:
            stack.enter_context(hold(state))  # bodies stay while they are looked for
        except HeldByAnother:
            raise CannotExamine(f"a backup of {state} runs: wait until it is done") from None
        except OSError as error:
            raise CannotExamine(
                f"{state} cannot be locked ({error.strerror}): examine a copy of it, or make it writable"
            ) from None
        examination = _examine(state, served, deep, ports, stack)
        if repair:
            _repair(examination)
    return sorted(examination.findings.values(), key=lambda finding: _ORDER[finding.severity])


def _examine(state: Path, served: bool, deep: bool, ports: Iterable[int], stack: contextlib.ExitStack) -> Examination:
    examination = Examination(state, None, served, deep)
    _look_around(examination, ports)
    app_database = state / "management-app.db"
    try:
        if app_database.is_file():
            with schema.one_view(app_database) as view:
                _check_pages(examination, view, app_database)
        examination.connection = _open(state / "plane.db", served, stack)
        if _check_pages(examination, examination.connection, state / "plane.db") and _is_of_this_version(examination):
            _check_documents(examination)
    except sqlite.DatabaseError as error:
        examination.found("error", "a database cannot be read", RESTORE, str(error))
    return examination


def _open(path: Path, served: bool, stack: contextlib.ExitStack) -> Any:
    if served:
        return stack.enter_context(schema.one_view(path))
    connection = sqlite.connect(str(path), isolation_level=None)
    stack.callback(connection.close)
    return connection


# The folder


def _look_around(examination: Examination, ports: Iterable[int]) -> None:
    state = examination.state
    if sqlite.sqlite_version_info < OLDEST_SAFE_SQLITE:
        text = f"SQLite {sqlite.sqlite_version} may lose data"
        examination.found("error", text, "Install pysqlite3 with SQLite 3.51.3 or newer")
    free = shutil.disk_usage(state).free
    if free < _LITTLE_FREE_BYTES:
        severity = "error" if free < _LEAST_FREE_BYTES else "warning"
        advice = "Free some space: without any, every change is refused"
        examination.found(severity, f"{free / 1e6:,.0f} MB are free on the disk of the state folder", advice)  # type: ignore[arg-type]
    _check_modes(examination)
    _check_keys(examination)
    for lacking in confinement.missing():
        advice = f"Use a kernel that has it, or set {ALLOWED_BY}=1 where everyone who sends SQL is trusted"
        examination.found(
            "warning", "SQL is not run: this machine cannot confine the process that would", advice, lacking
        )
    for left in state.glob("plane.db.version-*"):
        size = f"{left.stat().st_size / 1e6:,.1f} MB"
        examination.found(
            "note", "copies are kept of states before upgrades", "Remove them when you like", f"{left.name}, {size}"
        )
    if not examination.served:
        for port in ports:
            _check_port(examination, port)


def _check_modes(examination: Examination) -> None:
    """Nobody else may read the folder; then the files' own modes do not matter."""
    if examination.state.stat().st_mode & 0o077 == 0:
        return
    for folder, _, names in os.walk(examination.state):
        for name in names:
            path = Path(folder) / name
            if path.stat().st_mode & 0o077 and not name.endswith((".log", ".lock")):
                text = "files of the state folder can be read by others on this machine"
                repair = partial(path.chmod, 0o600)
                examination.found("error", text, REPAIR, str(path.relative_to(examination.state)), repair)


def _check_keys(examination: Examination) -> None:
    key = examination.state / "plane.key"
    if not is_whole_key(key):
        text = "the key of the state folder is missing or damaged: no secret made under it is valid"
        examination.found("error", text, "Put plane.key back from a backup", key.name)


def _check_port(examination: Examination, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            advice = "Stop what listens there, or start with other ports (--port, --plane-port)"
            examination.found("note", "ports that are used unless you name others are taken", advice, str(port))


# The databases


def _check_pages(examination: Examination, connection: Any, path: Path) -> bool:
    """SQLite's own check: whether what it says of the file can be believed."""
    sound = True
    for (problem,) in connection.execute("PRAGMA integrity_check"):
        if problem == "ok":
            continue
        name = problem.rpartition(" index ")[2] if "index " in problem else ""
        if "missing from index" in problem or "wrong # of entries in index" in problem:
            repair = partial(connection.execute, f'REINDEX "{name.strip()}"')
            examination.found("error", f"indexes of {path.name} are damaged", REPAIR, problem, repair)
        else:
            sound = False
            examination.found("error", f"{path.name} is damaged", RESTORE, problem)
    return sound


def _is_of_this_version(examination: Examination) -> bool:
    version, newest = examination.rows("PRAGMA user_version").fetchone()[0], schema.latest(UPGRADES)
    if version == newest:
        return True
    advice = "Start it once: that upgrades it" if version < newest else "Use the newer program"
    text = f"the state has version {version}, this program knows {newest}: documents were not examined"
    examination.found("warning", text, advice)
    return False


def _check_documents(examination: Examination) -> None:
    kinds, task_kinds = kinds_and_tasks()
    references, checks = declared()
    for kind in kinds:
        if examination.has_table(kind.name):
            own = [_Referring(examination, one) for one in references if one.kind is kind]
            for rowid, document in _documents(examination, kind):
                for referring in own:
                    referring.check(rowid, document)
                if kind is TASKS and document["kind"] not in task_kinds:
                    advice = "Use the program that asked for it; it stays until then"
                    examination.found("error", "background work is of no known kind", advice, document["kind"])
    for check in checks:
        check(examination)


def declared() -> tuple[list[Reference], list[Callable[[Examination], None]]]:
    """What the services say of their documents: their references, and checks of their own."""
    references: list[Reference] = []
    checks: list[Callable[[Examination], None]] = []
    for name in SERVICES:
        module_name = f"twinplane.data_plane.services.{name}.references"
        if importlib.util.find_spec(module_name) is not None:
            module = importlib.import_module(module_name)
            references += module.REFERENCES
            checks += getattr(module, "CHECKS", [])
    return references, checks


def _documents(examination: Examination, kind: Kind) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every document of a kind that can be read; its columns are compared with it on the way."""
    there = {row[1] for row in examination.rows(f'PRAGMA table_info("{kind.name}")')}
    columns = [column for column in kind.all_columns if column in there]  # the others are made at the next start
    names = schema.quoted(columns)
    for rowid, body, *values in examination.rows(f'SELECT rowid, body, {names} FROM "{kind.name}"'):  # noqa: S608
        try:
            document = msgspec.json.decode(body)
        except msgspec.DecodeError:
            examination.found("error", f"documents of {kind.name} cannot be read", RESTORE, str(values))
            continue
        for column, value in zip(columns, values, strict=True):
            if document.get(column) != value:
                text = f"index columns of {kind.name} differ from their documents"
                example = f"{column} {value!r} instead of {document.get(column)!r}"
                sql = f'UPDATE "{kind.name}" SET "{column}" = ? WHERE rowid = ?'  # noqa: S608
                repair = partial(examination.rows, sql, document.get(column), rowid)
                examination.found("error", text, REPAIR, example, repair)
        yield rowid, document


class _Referring:
    """One reference, checked for document after document."""

    def __init__(self, examination: Examination, reference: Reference) -> None:
        self._examination, self._reference = examination, reference
        where = " AND ".join(f'"{column}" = ?' for column in reference.columns)
        self._sql = f'SELECT 1 FROM "{reference.to.name}" WHERE {where} LIMIT 1'  # noqa: S608
        self._known: set[tuple[Any, ...]] = set()

    def check(self, rowid: int, document: dict[str, Any]) -> None:
        for values in self._reference.named(document):
            if values not in self._known:
                if self._examination.rows(self._sql, *values).fetchone() is None:
                    self._dangling(rowid, document, values)
                    continue
                if len(self._known) >= _KNOWN_KEYS:
                    self._known.clear()
                self._known.add(values)

    def _dangling(self, rowid: int, document: dict[str, Any], values: tuple[Any, ...]) -> None:
        kind, to = self._reference.kind, self._reference.to
        key = "/".join(str(part) for part in kind.key_of(document))
        text = f"documents of {kind.name} name a {to.name} that is not there"
        repair, advice = None, "Remove or update what names it with its own service's operations"
        if self._reference.is_index:
            sql = f'DELETE FROM "{kind.name}" WHERE rowid = ?'  # noqa: S608
            repair, advice = partial(self._examination.rows, sql, rowid), REPAIR
        example = f"{key} names {'/'.join(map(str, values))}"
        self._examination.found("error", text, advice, example, repair)


def _repair(examination: Examination) -> None:
    """Does every repair, those of the database in one transaction."""
    if examination.connection is not None:
        examination.rows("PRAGMA synchronous=FULL")
        examination.rows("BEGIN IMMEDIATE")
    for finding in examination.findings.values():
        for repair in finding.repairs:
            repair()
        finding.repaired = bool(finding.repairs) and finding.is_repairable
    if examination.connection is not None:
        examination.rows("COMMIT")
    sync_folder(examination.state)
