"""The checksums a body may carry, fed piece by piece: `update` may run in worker threads while a body streams in.

CRC32C, CRC64NVME and XXHash come from AWS's own runtime, which is imported when the first of them is asked for.
"""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

ALGORITHMS = (
    "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128",
)  # fmt: skip
DIGEST_BYTES = {
    "CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32, "SHA512": 64, "MD5": 16, "XXHASH64": 8,
    "XXHASH3": 8, "XXHASH128": 16,
}  # fmt: skip
LINEAR = ("CRC32", "CRC32C", "CRC64NVME")  # those of which parts make the whole without reading it again


class Checksum(Protocol):
    """A running checksum; `digest` gives it in the big-endian bytes that S3's headers carry in base64."""

    def update(self, data: bytes | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


def start(algorithm: str) -> Checksum:
    """A fresh checksum of one of `ALGORITHMS`."""
    return _STARTS[algorithm]()


def digests(data: bytes, algorithms: Iterable[str]) -> dict[str, bytes]:
    """The digests of a body that is in memory."""
    found = {}
    for algorithm in algorithms:
        checksum = start(algorithm)
        checksum.update(data)
        found[algorithm] = checksum.digest()
    return found


def text(digest: bytes) -> str:
    """A digest as S3's headers and answers carry it."""
    return base64.b64encode(digest).decode()


def digest_of(algorithm: str, value: str) -> bytes | None:
    """The digest a header carries; None when it is not one of this algorithm."""
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest if len(digest) == DIGEST_BYTES[algorithm] else None


def joined(algorithm: str, parts: Iterable[tuple[bytes, int]]) -> bytes:
    """The digest of a body from (digest, bytes) of its parts in order. Of `LINEAR` algorithms only."""
    combine = _runtime(f"combine_{algorithm.lower()}")
    whole = 0
    for digest, size in parts:
        whole = combine(whole, int.from_bytes(digest, "big"), size)
    return whole.to_bytes(DIGEST_BYTES[algorithm], "big")


def header_of(algorithm: str) -> str:
    """The header, or trailer, that carries a checksum."""
    return f"x-amz-checksum-{algorithm.lower()}"


BY_HEADER = {header_of(algorithm): algorithm for algorithm in ALGORITHMS}


def announced(headers: Mapping[str, str]) -> list[str]:
    """The algorithms of the checksums that come with a body, before it or, as a trailer, behind it."""
    names = [name for name in headers if name in BY_HEADER]
    trailers = headers.get("x-amz-trailer")
    if trailers is not None:
        names += [name for name in trailers.lower().replace(" ", "").split(",") if name in BY_HEADER]
    return [BY_HEADER[name] for name in dict.fromkeys(names)]


def _runtime(name: str) -> Any:
    import awscrt.checksums  # 12 MB that most planes never need

    return getattr(awscrt.checksums, name)


class _Crc:
    def __init__(self, update: Callable[[Any, int], int], width: int) -> None:
        self._update, self._width, self._value = update, width, 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._value = self._update(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


class _XxHash:
    def __init__(self, start: str) -> None:
        self._hash = getattr(_runtime("XXHash"), start)()

    def update(self, data: bytes | memoryview, /) -> None:
        self._hash.update(bytes(data))

    def digest(self) -> bytes:
        return bytes(self._hash.finalize())


_STARTS: dict[str, Callable[[], Checksum]] = {
    "CRC32": lambda: _Crc(zlib.crc32, 4),
    "CRC32C": lambda: _Crc(_runtime("crc32c"), 4),
    "CRC64NVME": lambda: _Crc(_runtime("crc64nvme"), 8),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
    "XXHASH64": lambda: _XxHash("new_xxhash64"),
    "XXHASH3": lambda: _XxHash("new_xxhash3_64"),
    "XXHASH128": lambda: _XxHash("new_xxhash3_128"),
}
