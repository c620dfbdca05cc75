"""When the disk is full, read-only or failing: how that is recognised, and the words for it.

Whatever fails then is answered with 503, so that clients try again; nothing of it is kept, and everything works again
as soon as the disk does.
"""

import contextlib
import errno
import time
from pathlib import Path
from typing import TextIO

import structlog
from pysqlite3 import dbapi2 as sqlite

log = structlog.get_logger()

WAIT_SECONDS = 1.0  # before work that nobody waits for is tried again
_TELL_SECONDS = 5.0

_FULL, _READ_ONLY, _FAILING = "is full", "is read-only", "cannot be read or written"
_OF_FILES = {
    errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EFBIG: _FULL, errno.EROFS: _READ_ONLY, errno.EIO: _FAILING,
}  # fmt: skip
_OF_SQLITE = {
    "database or disk is full": _FULL,
    "attempt to write a readonly database": _READ_ONLY,
    "disk I/O error": _FAILING,
    "unable to open database file": _FAILING,
    "database is locked": "holds a database that another program has locked",
}


def words(error: BaseException) -> str | None:
    """What is wrong, as the end of a sentence about the disk that holds the state; None for any other error."""
    if isinstance(error, OSError):
        return _OF_FILES.get(error.errno or 0)
    if isinstance(error, sqlite.Error):
        return next((said for text, said in _OF_SQLITE.items() if text in str(error)), None)
    return None


class Told:
    """Says in the log that something cannot be done, in plain words and not for every call."""

    def __init__(self, state: Path) -> None:
        self._state, self._last, self._times = state, 0.0, 0

    def __call__(self, what: str, error: BaseException) -> None:
        now = time.monotonic()
        self._times += 1
        if now - self._last >= _TELL_SECONDS:
            because = f"the disk that holds {self._state} {words(error) or error}"
            log.error(f"{what}: {because}. Until that ends, calls are answered with 503", times=self._times)
            self._last, self._times = now, 0


class Patient:
    """A text file that loses what cannot be written: a full disk below the log must not be a call's failure."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._file.flush()
