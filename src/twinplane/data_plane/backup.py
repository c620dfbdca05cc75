"""Backups of a state folder, made while it is served, and state folders made of them.

A backup is a folder that looks like the state folder it was made of, with a manifest. It is made beside its place and
moved there when all of it is on disk: a folder with a manifest is whole. Databases are copied as they were at one
moment; bodies are immutable, so they are linked where the file system can, and copied elsewhere.
Why: `docs/decisions/0020-a-backup-is-a-folder.md`.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from pysqlite3 import dbapi2 as sqlite

from twinplane.data_plane import schema
from twinplane.data_plane.files import sync_file, sync_folder, write_private
from twinplane.data_plane.hold import HeldByAnother, hold
from twinplane.data_plane.services.s3.named import named_bodies
from twinplane.data_plane.upgrades import UPGRADES
from twinplane.version import __version__

Say = Callable[[str], None]

MANIFEST = "backup.json"
_FORMAT = 1
# The app's database first: what it knows must never be newer than the data plane it asked.
_DATABASES = ("management-app.db", "plane.db")
# Made anew when a state is served, or somebody's for the moment.
_LEFT_OUT = ("aws", "cli", "copies", "logs", "sql", "blobs", "running.json", "plane.log", MANIFEST)
_LEFT_OUT_ENDINGS = (".lock", ".partial", ".new", "-wal", "-shm", "-journal")
_TELL_SECONDS = 2.0


class BackupError(Exception):
    """What went wrong, in one sentence, and what to do about it. Nothing half done is left where it could mislead."""


class File(msgspec.Struct):
    """A file of a backup other than a body."""

    path: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct):
    """What a backup says of itself. `bodies` is how many files lie below `blobs`; their sizes and hashes are in the
    database's rows. `missing` names bodies that were not in the state itself."""

    format: int
    made_at: str
    program: str
    state_version: int
    sqlite: str
    files: list[File]
    bodies: int
    body_bytes: int
    linked: bool
    missing: list[str] = []


def back_up(state: Path, target: Path, say: Say, *, copy: bool = False) -> Manifest:
    """Makes the folder `target`, a backup of `state`, which may be served meanwhile. Raises `BackupError`.

    `copy`: bodies are copied even where they could be linked.
    """
    state, target = state.resolve(), target.absolute()
    _check_source(state)
    if target.exists():
        raise BackupError(f"{target} is there already: name a folder that is not, each backup is a folder of its own")
    if target.is_relative_to(state):
        raise BackupError(
            f"{target} is inside the state folder {state}: choose a place outside, better on another disk"
        )
    try:
        with _making(target) as partial, _held(state):
            manifest = _fill(state, partial, say, copy)
            write_private(partial / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2))
            _sync_folders(partial)
    except sqlite.Error as error:
        raise BackupError(f"a database of {state} could not be copied: {error}. No backup was made") from None
    except OSError as error:
        raise BackupError(f"{_place(error, target)}: {error.strerror}. No backup was made") from None
    return manifest


def _check_source(state: Path) -> None:
    if (state / MANIFEST).exists():
        raise BackupError(f"{state} is itself a backup: copy the folder, or restore it first")
    if not (state / "plane.db").is_file():
        raise BackupError(f"{state} holds no state: name the folder of a mesh or a data plane with --state")


@contextmanager
def _held(state: Path) -> Iterator[None]:
    try:
        with hold(state):
            yield
    except HeldByAnother:
        raise BackupError(f"another backup of {state} runs: wait until it is done") from None


@contextmanager
def _making(target: Path, make_place: Callable[[], None] = lambda: None) -> Iterator[Path]:
    """A folder beside `target` to fill, which becomes `target` at the end, after `make_place`, or goes.

    What an interrupted one left goes first. Raises `BackupError` when another process fills it.
    """
    partial = target.with_name(f"{target.name}.partial")
    partial.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(partial, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"another process is making {target}: wait until it is done") from None
        _empty(partial)
        try:
            yield partial
            make_place()
            os.rename(partial, target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        sync_folder(target.parent)
    finally:
        os.close(lock)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _fill(state: Path, partial: Path, say: Say, copy: bool) -> Manifest:
    databases = [name for name in _DATABASES if (state / name).is_file()]
    for path in _others(state):  # before the database: what leaves the journal meanwhile is in the database by then
        with contextlib.suppress(FileNotFoundError):
            _copy_file(path, partial / path.relative_to(state))
    version = _copy_databases(state, partial, databases, say)
    files = [_described(partial, path) for path in sorted(partial.rglob("*")) if path.is_file()]
    transfer = Transfer(state / "blobs", partial / "blobs", say, copy)
    transfer.run()
    missing = check_bodies(partial, transfer.sizes)
    return Manifest(
        _FORMAT, datetime.now(UTC).isoformat(timespec="seconds"), __version__, version, sqlite.sqlite_version, files,
        len(transfer.sizes), sum(transfer.sizes.values()), transfer.linked, missing,
    )  # fmt: skip


def _copy_databases(state: Path, partial: Path, names: list[str], say: Say) -> int:
    """Copies the databases, each as it was when this began. Returns the state version of the data plane's."""
    with contextlib.ExitStack() as stack:
        views = [(name, stack.enter_context(schema.one_view(state / name))) for name in names]
        for name, view in views:
            schema.copy_view(view, partial / name, _pages(name, _Told(say)))
            os.chmod(partial / name, 0o600)
        return int(dict(views)["plane.db"].execute("PRAGMA user_version").fetchone()[0])


def _pages(name: str, tell: "_Told") -> Callable[[int, int], None]:
    return lambda done, pages: tell(f"{name}: {done:,} of {pages:,} pages")


def _others(state: Path) -> list[Path]:
    """Every other file that a state needs: keys and certificates, passwords, what was applied."""
    found = []
    for folder, folders, names in os.walk(state):
        if Path(folder) == state:
            folders[:] = [name for name in folders if name not in _LEFT_OUT]
            left_out = (*_LEFT_OUT, *_DATABASES)
            names = [name for name in names if name not in left_out and ".version-" not in name]
        found += [Path(folder) / name for name in sorted(names) if not name.endswith(_LEFT_OUT_ENDINGS)]
    return [path for path in found if path.is_file() and not path.is_symlink()]


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with source.open("rb") as read:
        descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as written:
            shutil.copyfileobj(read, written, 1 << 20)
            written.flush()
            os.fsync(written.fileno())


def _described(folder: Path, path: Path) -> File:
    with path.open("rb") as file:
        return File(str(path.relative_to(folder)), path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


class Transfer:
    """Brings all bodies from one `blobs` folder to another; `sizes` are those that are there then, by name."""

    def __init__(self, source: Path, target: Path, say: Say, copy: bool) -> None:
        self._source, self._target, self._tell = source, target, _Told(say)
        self.linked = not copy
        self.sizes: dict[str, int] = {}

    def run(self) -> None:
        """Raises `BackupError` when there is no room, `OSError`."""
        self._target.mkdir(mode=0o700)
        found = list(_bodies(self._source))
        total = sum(size for _, size in found)
        self._try_to_link(found)
        if not self.linked:
            _check_room(self._target, total)
        done = 0
        for folder in sorted({path.parent.name for path, _ in found}):
            (self._target / folder).mkdir(mode=0o700, exist_ok=True)
        for path, size in found:
            self._bring(path, self._target / path.parent.name / path.name)
            self.sizes[path.name] = size
            done += size
            self._tell(f"bodies: {len(self.sizes):,} of {len(found):,} ({_megabytes(done)} of {_megabytes(total)})")

    def _try_to_link(self, found: list[tuple[Path, int]]) -> None:
        if self.linked and found:
            probe = self._target / "probe"
            try:
                os.link(found[0][0], probe)
            except OSError:  # another file system, or one without links
                self.linked = False
            else:
                probe.unlink()

    def _bring(self, source: Path, target: Path) -> None:
        with contextlib.suppress(FileNotFoundError):  # one that was being written and was given up
            if self.linked:
                os.link(source, target)
            else:
                shutil.copyfile(source, target)
                os.chmod(target, 0o600)
                sync_file(target)


def _bodies(blobs: Path) -> Iterator[tuple[Path, int]]:
    if blobs.is_dir():
        for folder in sorted(os.scandir(blobs), key=lambda entry: entry.name):
            if folder.is_dir(follow_symlinks=False):
                for entry in os.scandir(folder):
                    with contextlib.suppress(FileNotFoundError):
                        yield Path(entry.path), entry.stat(follow_symlinks=False).st_size


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BackupError(
            f"{folder.parent} has {_megabytes(free)} free, and the bodies need {_megabytes(needed)}: "
            "free some, or choose another disk. No backup was made"
        )


def check_bodies(folder: Path, sizes: dict[str, int]) -> list[str]:
    """The names of bodies that the database in `folder` names and that are not there with their whole size."""
    with contextlib.closing(sqlite.connect(str(folder / "plane.db"))) as connection:
        connection.execute("PRAGMA query_only=ON")
        return sorted(body.name for body in named_bodies(connection) if sizes.get(body.name) != body.size)


# Verifying and restoring


def read_manifest(backup: Path) -> Manifest:
    """What a whole backup says of itself. Raises `BackupError` for anything else."""
    try:
        manifest = msgspec.json.decode((backup / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        hint = "it was interrupted" if backup.name.endswith(".partial") else f"it has no {MANIFEST}"
        raise BackupError(f"{backup} is no whole backup: {hint}") from None
    except (OSError, msgspec.DecodeError) as error:
        raise BackupError(f"{backup / MANIFEST} cannot be read: {error}") from None
    if manifest.format > _FORMAT or manifest.state_version > schema.latest(UPGRADES):
        raise BackupError(f"{backup} was made by the newer Twinplane {manifest.program}: use that one, or one as new")
    return manifest


def problems(backup: Path, manifest: Manifest, say: Say, *, deep: bool = False) -> list[str]:
    """What is not as the manifest and the rows say: a sentence for each. `deep` reads every body, too."""
    found = []
    for file in manifest.files:
        path = backup / file.path
        if not path.is_file():
            found.append(f"{file.path} is missing")
        elif _described(backup, path) != file:
            found.append(f"{file.path} is not what it was when the backup was made")
    if found:
        return found  # nothing that a damaged database says can be believed
    sizes = {path.name: size for path, size in _bodies(backup / "blobs")}
    lacking = set(check_bodies(backup, sizes)) - set(manifest.missing)
    found += [f"the body {name} is missing or not whole" for name in sorted(lacking)]
    if deep:
        found += _changed_bodies(backup, sizes, say)
    return found


def _changed_bodies(backup: Path, sizes: dict[str, int], say: Say) -> Iterator[str]:
    tell = _Told(say)
    with contextlib.closing(sqlite.connect(str(backup / "plane.db"))) as connection:
        connection.execute("PRAGMA query_only=ON")
        for number, body in enumerate(named_bodies(connection)):
            if sizes.get(body.name) == body.size and not body.is_intact(backup / "blobs"):
                yield f"the body {body.name} has other bytes than were stored"
            tell(f"bodies read: {number + 1:,} of {len(sizes):,}")


@dataclass(frozen=True)
class Restored:
    """`kept` is where the state lies that was there before."""

    manifest: Manifest
    kept: Path | None


def restore(backup: Path, state: Path, say: Say, *, replace: bool = False, copy: bool = False) -> Restored:
    """Makes the state folder `state` of a backup. Raises `BackupError`; what was there is untouched then.

    `replace`: a state that is there is kept aside instead of refused.
    """
    backup, state = backup.resolve(), state.resolve()
    manifest = read_manifest(backup)
    if wrong := problems(backup, manifest, say):
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise BackupError(f"{backup} is damaged: {wrong[0]}{more}. Use another backup; nothing was restored")
    if state.is_mount():
        raise BackupError(f"{state} is a disk's own folder: restore into a folder inside it")
    aside = state.with_name(f"{state.name}.before-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")

    def put_aside() -> None:
        if state.exists() and any(state.iterdir()):
            os.rename(state, aside)

    with _unserved(state, replace):
        try:
            with _making(state, put_aside) as partial:
                for file in manifest.files:
                    _copy_file(backup / file.path, partial / file.path)
                Transfer(backup / "blobs", partial / "blobs", say, copy).run()
                _sync_folders(partial)
        except OSError as error:
            if aside.exists() and not state.exists():
                os.rename(aside, state)
            raise BackupError(f"{_place(error, state)}: {error.strerror}. Nothing was restored") from None
    return Restored(manifest, aside if aside.exists() else None)


@contextmanager
def _unserved(state: Path, replace: bool) -> Iterator[None]:
    """Makes sure that nobody serves `state` and that nothing is lost. Raises `BackupError`."""
    if not state.exists() or not any(state.iterdir()):
        yield
        return
    if not replace:
        raise BackupError(
            f"{state} is not empty: name a new folder with --state, or give --replace to put what is there aside"
        )
    with contextlib.ExitStack() as stack:
        for name in ("up.lock", "plane.lock"):
            descriptor = os.open(state / name, os.O_RDWR | os.O_CREAT, 0o600)
            stack.callback(os.close, descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupError(f"a data plane serves {state}: stop it first, or name another folder") from None
        yield


def _sync_folders(folder: Path) -> None:
    for path, _, _ in os.walk(folder):
        sync_folder(Path(path))


def _place(error: OSError, folder: Path) -> str:
    return str(error.filename or folder)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


class _Told:
    """Says how far it is, but not more often than one can read."""

    def __init__(self, say: Say) -> None:
        self._say, self._last = say, time.monotonic()

    def __call__(self, text: str) -> None:
        if time.monotonic() - self._last > _TELL_SECONDS:
            self._last = time.monotonic()
            self._say(f"  {text}")
