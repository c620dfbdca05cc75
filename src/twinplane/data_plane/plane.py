"""The running local data plane: its settings, keys, state and engines, handed to every operation as `call.plane`."""

import hmac
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinplane.data_plane.files import create_private, write_private
from twinplane.data_plane.signals import Signals
from twinplane.data_plane.store import Kind, Store, Watch
from twinplane.data_plane.tasks import TaskKind, TaskRunner
from twinplane.data_plane.trouble import Told

if TYPE_CHECKING:
    from twinplane.data_plane.services.glue.iceberg import MetadataCache
    from twinplane.engines.sql.pool import SqlPool


# Where a state is from: {"id": "plane", "account_id": …, "region": …}.
PLACE = Kind("plane", key=("id",))


@dataclass(frozen=True)
class PlaneSettings:
    """`state` is the folder that holds everything durable; `endpoint` the URL clients use."""

    state: Path
    endpoint: str
    account_id: str = "111122223333"
    region: str = "us-east-1"
    check_answers: bool = False  # for tests: an answer that breaks AWS's model is an internal failure, as is something
    # derived from documents that would not make it be forgotten
    max_requests_per_second: int | None = None  # of one access key; None: no limit
    keep_events_days: int | None = None  # how long CloudTrail's events are kept; None: for ever


class Keys:
    """Keys derived from the one secret of a state folder (`plane.key`, mode 0600).

    The file may have a second line: how many times all sessions were revoked (`revoke_sessions`).
    """

    def __init__(self, path: Path) -> None:
        self._root, revoked = _read_key(path)
        self._derived: dict[str, bytes] = {}
        self.sessions = self.derive(f"sessions {revoked}" if revoked else "sessions")
        self.pages = self.derive("pages")

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose; the same for the life of the state folder."""
        key = self._derived.get(purpose)
        if key is None:
            key = self._derived[purpose] = hmac.digest(self._root, purpose.encode(), "sha256")
        return key


class DamagedKey(Exception):
    """The key of a state folder cannot be used; without it, no secret made under it is valid."""


def revoke_sessions(state: Path) -> int:
    """Ends every session of a state folder, from the plane's next start on; returns how often that was done.

    The keys that sign session tokens are derived anew. Raises `FileNotFoundError` when there is no state.
    """
    path = state / "plane.key"
    if not path.exists():
        raise FileNotFoundError(f"{state} is not the state folder of a data plane")
    root, revoked = _read_key(path)
    write_private(path, f"{root.hex()}\n{revoked + 1}\n".encode())
    return revoked + 1


def _read_key(path: Path) -> tuple[bytes, int]:
    """The root key, made when there is none, and how often sessions were revoked. Raises `DamagedKey`."""
    key, revoked = _parsed(create_private(path, secrets.token_hex(32).encode()))
    if len(key) != 32:
        raise DamagedKey(f"{path} does not hold a key of 32 bytes: put the right one back, for instance from a backup")
    return key, revoked


def is_whole_key(path: Path) -> bool:
    """Whether a file holds the key of a state folder."""
    return path.is_file() and len(_parsed(path.read_bytes())[0]) == 32


def _parsed(text: bytes) -> tuple[bytes, int]:
    try:
        words = text.decode().split()
        return bytes.fromhex(words[0]) if words else b"", int(words[1]) if len(words) > 1 else 0
    except ValueError:
        return b"", 0


@dataclass
class Plane:
    """What operations share. Made by `app.create_plane`, closed by `app`."""

    settings: PlaneSettings
    keys: Keys
    store: Store
    clock: Callable[[], float] = time.time
    signals: Signals = field(default_factory=Signals)  # long polls
    told: Told = field(init=False)  # says in the log that the disk is in trouble
    tasks: TaskRunner = field(init=False)
    sql: "SqlPool" = field(init=False)  # the workers that run governed SQL
    iceberg: "MetadataCache" = field(init=False)  # what Iceberg tables' metadata says

    def __post_init__(self) -> None:
        self.told = Told(self.settings.state)

    @property
    def blobs(self) -> Path:
        """Where object bodies lie: immutable files, each fsynced before the row that names it."""
        return self.settings.state / "blobs"


def open_plane(settings: PlaneSettings, kinds: Iterable[Kind], tasks: dict[str, TaskKind], **parts: Any) -> Plane:
    """Opens the state folder. Needs a running event loop (the task runner lives on it)."""
    from twinplane.data_plane.upgrades import UPGRADES  # here: its steps know services, and those know this module

    store = Store(settings.state / "plane.db", kinds, UPGRADES, Watch() if settings.check_answers else None)
    plane = Plane(settings, Keys(settings.state / "plane.key"), store, **parts)
    plane.tasks = TaskRunner(plane, tasks)
    return plane
