"""Files that must survive: written whole or not at all, durable in their folder, readable by their user alone."""

import contextlib
import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Makes a file's bytes durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_private(path: Path, data: bytes) -> None:
    """Writes a file that only its owner can read, or replaces it. Durable when it returns."""
    new = _written_beside(path, data)
    new.replace(path)
    sync_folder(path.parent)


def create_private(path: Path, data: bytes) -> bytes:
    """Makes a file that only its owner can read unless it is there; returns what it holds. Durable when it returns.

    Of several that make it at the same time one wins, and nobody ever reads half of it.
    """
    if not path.exists():
        new = _written_beside(path, data)
        try:
            with contextlib.suppress(FileExistsError):
                os.link(new, path)
        finally:
            new.unlink()
        sync_folder(path.parent)
    return path.read_bytes()


def _written_beside(path: Path, data: bytes) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    new.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        new.unlink(missing_ok=True)
        raise
    return new
