"""A request's body on its way in: decoded and checked while it streams.

Every check that fails raises `ServiceError` from the iterator, so whoever reads it must not keep anything before the
iterator ended.
"""

import asyncio
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Mapping

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.wire import checksums, signature
from twinplane.data_plane.wire.http import HttpRequest
from twinplane.data_plane.wire.incoming import Piece
from twinplane.data_plane.wire.signature import EMPTY_SHA256, Signature

SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_CHUNKS_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_CHUNKS_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_LONGEST_LINE = 8192
_AT_ONCE_BYTES = 128 << 10  # are hashed while others wait
SMALLEST_CHUNK_BYTES = 8192  # of every chunk but the last that has bytes
_SIZE = re.compile(rb"[0-9a-fA-F]{1,16}")
_HEX_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class Chunks:
    """Decodes aws-chunked: signed chunks (each signature continues the one before), unsigned ones, trailers."""

    def __init__(self, source: AsyncIterator[Piece], http: HttpRequest, signed: Signature | None, secret: str) -> None:
        form = http.headers["x-amz-content-sha256"]
        if form not in (SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER, UNSIGNED_CHUNKS_TRAILER):
            raise ServiceError("InvalidArgument", f"x-amz-content-sha256: {form} is not supported", 400)
        self._source, self._headers, self._rest = source, http.headers, memoryview(b"")
        self._has_trailer = form.endswith("-TRAILER")
        self._signed = signed if form != UNSIGNED_CHUNKS_TRAILER else None
        if form != UNSIGNED_CHUNKS_TRAILER and signed is None:
            raise signature.mismatch()
        self._secret, self._previous = secret, signed.signature if signed is not None else ""
        names = http.headers.get("x-amz-trailer", "").lower().split(",")
        self._announced = {name.strip() for name in names} - {""}
        if not self._has_trailer:
            self._announced = set()
        if self._announced - set(checksums.BY_HEADER):
            raise ServiceError(
                "InvalidRequest", "The value specified in the x-amz-trailer header is not supported", 400
            )
        length = http.headers.get("x-amz-decoded-content-length")
        if length is None:
            raise ServiceError("MissingContentLength", "You must provide x-amz-decoded-content-length.", 411)
        if not length.isdecimal():
            raise ServiceError("InvalidArgument", "x-amz-decoded-content-length must be a number of bytes.", 400)
        self._expected = int(length)

    async def pieces(self) -> AsyncIterator[Piece]:
        """The decoded bytes. Trailers become headers of the request once they are read."""
        total, small = 0, False
        while True:
            size, claimed = self._chunk_head(await self._line())
            if small and size:
                raise ServiceError(
                    "InvalidChunkSizeError",
                    f"Only the last chunk is allowed to have a size less than {SMALLEST_CHUNK_BYTES} bytes", 403,
                )  # fmt: skip
            total, small = total + size, size < SMALLEST_CHUNK_BYTES
            if total > self._expected:
                raise self._other_length(f"more than {self._expected}")
            digest = hashlib.sha256() if self._signed is not None else None
            left = size
            while left:
                piece = await self._some(left)
                left -= len(piece)
                if digest is not None:
                    await _update(digest, piece)
                yield piece
            if digest is not None:
                self._check_chunk(digest.hexdigest(), claimed)
            if size == 0:
                break
            if await self._line():
                raise _incomplete("a chunk is longer than it says")
        await self._read_trailer()
        if self._rest or await self._more():
            raise _incomplete("something follows its last chunk")
        if total != self._expected:
            raise self._other_length(str(total))

    def _other_length(self, found: str) -> ServiceError:
        return _incomplete(f"x-amz-decoded-content-length says {self._expected}, the body has {found} bytes")

    @staticmethod
    def _chunk_head(line: bytes) -> tuple[int, str]:
        size, _, extension = line.partition(b";")
        if not _SIZE.fullmatch(size):
            raise _incomplete("a chunk does not start with its size")
        return int(size, 16), extension.removeprefix(b"chunk-signature=").decode("latin-1")

    def _check_chunk(self, digest: str, claimed: str) -> None:
        assert self._signed is not None
        text = (
            f"{signature.ALGORITHM}-PAYLOAD\n{self._signed.time}\n{self._signed.scope}\n{self._previous}\n"
            f"{EMPTY_SHA256}\n{digest}"
        )
        self._check_signature(text, claimed)

    def _check_signature(self, text: str, claimed: str) -> None:
        assert self._signed is not None
        expected = signature.sign(self._signed, self._secret, text)
        if not hmac.compare_digest(expected.encode(), claimed.encode()):
            raise signature.mismatch()
        self._previous = expected

    async def _read_trailer(self) -> None:
        signed_text, found, checked = "", {}, self._signed is None
        while line := (await self._line()).decode("latin-1"):
            name, _, value = line.partition(":")
            name, value = name.strip().lower(), value.strip()
            if name == "x-amz-trailer-signature":
                self._check_trailer(signed_text, value)
                checked = True
                continue
            if checked and self._signed is not None:
                raise ServiceError("MalformedTrailerError", "A trailer follows the trailers' signature.", 400)
            if name not in self._announced or name in found:
                raise ServiceError("MalformedTrailerError", f"The trailer {name} was not announced.", 400)
            signed_text += f"{name}:{value}\n"
            found[name] = value
        if set(found) != self._announced:
            raise ServiceError("MalformedTrailerError", "A trailer that was announced is missing.", 400)
        if found and not checked:
            raise signature.mismatch()
        self._headers.update(found)

    def _check_trailer(self, text: str, claimed: str) -> None:
        if self._signed is None:
            return
        digest = hashlib.sha256(text.encode()).hexdigest()
        head = f"{signature.ALGORITHM}-TRAILER\n{self._signed.time}\n{self._signed.scope}\n{self._previous}\n"
        self._check_signature(head + digest, claimed)

    async def _line(self) -> bytes:
        begun = b""
        while True:
            begun_before = len(begun)
            begun += self._rest[:_LONGEST_LINE]
            end = begun.find(b"\r\n")
            if end >= 0:
                self._rest = self._rest[end + 2 - begun_before :]
                return begun[:end]
            if len(begun) > _LONGEST_LINE:
                raise _incomplete("a chunk does not start with its size")
            if not await self._more():
                if self._has_trailer and not begun:
                    return b""  # some clients leave out the last empty line
                raise _incomplete("the body ends before its last chunk")

    async def _some(self, most: int) -> memoryview:
        while not self._rest:
            if not await self._more():
                raise _incomplete("the body ends before its last chunk")
        piece, self._rest = self._rest[:most], self._rest[most:]
        return piece

    async def _more(self) -> bool:
        """Whether there is a next piece, now that nothing more is needed of the one before."""
        async for piece in self._source:
            self._rest = memoryview(piece)
            return True
        self._rest = memoryview(b"")
        return False


class Payload:
    """A request's body: `pieces` are its bytes, decoded; `check` says whether they are what the request claims.

    Whoever reads the pieces computes the digests named by `algorithms` on the way, wherever that is quickest, and has
    them checked. `async for` over the payload does both in place. Raises `ServiceError`, also when it is made.
    """

    def __init__(self, source: AsyncIterator[Piece], http: HttpRequest, signed: Signature | None, secret: str) -> None:
        headers = self._headers = http.headers
        claimed = headers.get("x-amz-content-sha256", signature.UNSIGNED_PAYLOAD)
        self._source, self._sha256, self._md5 = source, "", b""
        if claimed.startswith("STREAMING-"):
            self._source = Chunks(source, http, signed, secret).pieces()
        elif claimed != signature.UNSIGNED_PAYLOAD:
            if not _HEX_SHA256.fullmatch(claimed):
                raise ServiceError(
                    "InvalidArgument",
                    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, one of the STREAMING- forms, or a SHA-256 in hex.",
                    400,
                )
            self._sha256 = claimed.lower()
        if "content-md5" in headers:
            self._md5 = checksums.digest_of("MD5", headers["content-md5"].strip()) or b""
            if not self._md5:
                raise ServiceError("InvalidDigest", "The Content-MD5 you specified is not valid.", 400)
        self._sums = checksums.announced(headers)
        if len(self._sums) > 1:
            raise ServiceError(
                "InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
                400,
            )  # fmt: skip
        for algorithm in self._sums:
            self._claimed_sum(algorithm)
        self.algorithms = frozenset((
            *self._sums, *(["SHA256"] if self._sha256 else ()), *(["MD5"] if self._md5 else ()),
        ))  # fmt: skip

    def pieces(self) -> AsyncIterator[Piece]:
        """The decoded bytes, to be read once. Trailers are headers of the request when it has ended."""
        return self._source

    async def __aiter__(self) -> AsyncIterator[Piece]:
        running = {algorithm: checksums.start(algorithm) for algorithm in self.algorithms}
        async for piece in self._source:
            for checksum in running.values():
                checksum.update(piece)
            yield piece
        self.check({algorithm: checksum.digest() for algorithm, checksum in running.items()})

    def check(self, digests: Mapping[str, bytes]) -> None:
        """Compares the digests of all the bytes with what the request said."""
        if self._sha256 and digests["SHA256"].hex() != self._sha256:
            raise ServiceError(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.", 400,
            )  # fmt: skip
        if self._md5 and digests["MD5"] != self._md5:
            raise ServiceError("BadDigest", "The Content-MD5 you specified did not match what we received.", 400)
        for algorithm in self._sums:
            if self._claimed_sum(algorithm) != digests[algorithm]:
                raise ServiceError(
                    "BadDigest", f"The {algorithm} you specified did not match the calculated checksum.", 400
                )

    def _claimed_sum(self, algorithm: str) -> bytes | None:
        """What a header or, once read, a trailer says. None: it is still to come."""
        header = checksums.header_of(algorithm)
        if header not in self._headers:
            return None
        digest = checksums.digest_of(algorithm, self._headers[header])
        if digest is None:
            raise ServiceError("InvalidRequest", f"Value for {header} header is invalid.", 400)
        return digest


async def _update(digest: "hashlib._Hash", piece: memoryview) -> None:
    if len(piece) > _AT_ONCE_BYTES:
        await asyncio.to_thread(digest.update, piece)
    else:
        digest.update(piece)


def _incomplete(message: str) -> ServiceError:
    return ServiceError("IncompleteBody", f"The request body is not complete: {message}.", 400)
