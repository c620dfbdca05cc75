"""No body is removed while a backup runs: what its copy of the database names must still be there when it gets to it.

The hold is a lock on a file of the state folder, so it ends with the process that has it, however that ends.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WAIT_SECONDS = 20.0


class HeldByAnother(Exception):
    """Another backup of this state runs."""


@contextmanager
def hold(state: Path) -> Iterator[None]:
    """As long as this is open, nothing removes a body. Waits for removals under way. Raises `HeldByAnother`."""
    descriptor = _open(state)
    try:
        until = time.monotonic() + _WAIT_SECONDS
        while not _locked(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > until:
                raise HeldByAnother
            time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def removing(state: Path) -> Iterator[bool]:
    """For whoever is about to remove bodies: whether that may be now. No hold begins while this is open."""
    descriptor = _open(state)
    try:
        yield _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _open(state: Path) -> int:
    return os.open(state / "backup.lock", os.O_RDONLY | os.O_CREAT, 0o600)


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
