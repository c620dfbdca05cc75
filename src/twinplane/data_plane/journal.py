"""Events on their way to the log: appended to a file, so that they outlive the process that has them in memory.

A read is answered when its event is in this file: not on disk (losing power may lose the last moment's), but kept
whatever happens to the process. The database takes the events over some at a time and remembers, in the same
transaction, up to which file it has them; the next start brings what is left.
"""

import errno
import os
from pathlib import Path

import msgspec

from twinplane.data_plane.services.cloudtrail.store import Event
from twinplane.data_plane.store import Kind, Transaction

# Up to which file the log has the events: {"id": "journal", "number": …}.
TAKEN = Kind("audit_journal", key=("id",))

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Event)
_LENGTH_BYTES = 4


class Journal:
    """The files of one state folder, numbered; one at a time is open."""

    def __init__(self, folder: Path, taken: int) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)
        there = sorted(int(file.name) for file in folder.iterdir() if file.name.isdecimal())
        self._closed, self.left_over = there, [number for number in there if number > taken]
        self._number = max([taken, *there]) + 1
        self._file: int | None = None
        self._size = 0  # of whole events in the open file

    def append(self, event: Event) -> None:
        """Raises `OSError` when it cannot be kept."""
        if self._file is None:
            path = self._path(self._number)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._size = 0
        body = _encoder.encode(event)
        data = len(body).to_bytes(_LENGTH_BYTES, "big") + body
        try:
            if os.write(self._file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            self._undo()
            raise
        self._size += len(data)

    def _undo(self) -> None:
        """Takes half an event away again; where that cannot be, the next one goes to another file."""
        assert self._file is not None
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            self.turn()

    def turn(self) -> int:
        """Closes the file; returns its number, or the last one's. What is appended from now on is in the next."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
            self._closed.append(self._number)
            self._number += 1
        return self._number - 1

    def read(self, number: int) -> list[Event]:
        """The events of a file; of one whose writing was interrupted, those that are whole."""
        data, events, start = self._path(number).read_bytes(), list[Event](), 0
        while start + _LENGTH_BYTES <= len(data):
            end = start + _LENGTH_BYTES + int.from_bytes(data[start : start + _LENGTH_BYTES], "big")
            if end > len(data):
                break
            events.append(_decoder.decode(data[start + _LENGTH_BYTES : end]))
            start = end
        return events

    def forget(self, number: int) -> None:
        """Removes the files up to this one: the log has their events."""
        for closed in [each for each in self._closed if each <= number]:
            self._path(closed).unlink(missing_ok=True)
            self._closed.remove(closed)

    def _path(self, number: int) -> Path:
        return self._folder / str(number)


def taken(tx: Transaction) -> int:
    """The number of the last file whose events the log has."""
    known = tx.find(TAKEN, "journal")
    return 0 if known is None else int(known["number"])
