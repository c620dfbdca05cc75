"""The checksums a body may carry, fed piece by piece: `update` may run in worker threads while a body streams in."""

import base64
import hashlib
import zlib
from collections.abc import Callable
from typing import Protocol

ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "MD5")


class Checksum(Protocol):
    """A running checksum; `digest` gives it in the big-endian bytes that S3's headers carry in base64."""

    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


def start(algorithm: str) -> Checksum:
    """A fresh checksum of one of `ALGORITHMS`."""
    return _STARTS[algorithm]()


def text(checksum: Checksum) -> str:
    """A checksum as S3's headers and answers carry it."""
    return base64.b64encode(checksum.digest()).decode()


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _table(polynomial: int) -> list[int]:
    """Of a reflected CRC."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ polynomial if value & 1 else value >> 1
        table.append(value)
    return table


class _TableCrc:
    """A reflected CRC, all ones in and out, one byte at a time: slow (some 10 MB/s), and only for who asks for it."""

    _tables: dict[int, list[int]] = {}

    def __init__(self, polynomial: int, width: int) -> None:
        if polynomial not in self._tables:
            self._tables[polynomial] = _table(polynomial)
        self._table, self._width = self._tables[polynomial], width
        self._value = (1 << width) - 1

    def update(self, data: bytes, /) -> None:
        table, value = self._table, self._value
        for byte in data:
            value = value >> 8 ^ table[(value ^ byte) & 0xFF]
        self._value = value

    def digest(self) -> bytes:
        return (self._value ^ (1 << self._width) - 1).to_bytes(self._width // 8, "big")


_STARTS: dict[str, Callable[[], Checksum]] = {
    "CRC32": _Crc32,
    "CRC32C": lambda: _TableCrc(0x82F63B78, 32),
    "CRC64NVME": lambda: _TableCrc(0x9A6C9329AC4BC9B5, 64),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
}
