"""A request's body on its way in: decoded and checked while it streams.

Every check that fails raises `ServiceError` from the iterator, so whoever reads it must not keep anything before the
iterator ended.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import AsyncIterator

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.wire import checksums, signature
from twinplane.data_plane.wire.http import HttpRequest
from twinplane.data_plane.wire.signature import EMPTY_SHA256, Signature

SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_CHUNKS_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_CHUNKS_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_LONGEST_LINE = 8192


class Chunks:
    """Decodes aws-chunked: signed chunks (each signature continues the one before), unsigned ones, trailers."""

    def __init__(self, source: AsyncIterator[bytes], http: HttpRequest, signed: Signature | None, secret: str) -> None:
        form = http.headers["x-amz-content-sha256"]
        if form not in (SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER, UNSIGNED_CHUNKS_TRAILER):
            raise ServiceError("InvalidArgument", f"x-amz-content-sha256: {form} is not supported", 400)
        self._source, self._headers, self._buffer = source, http.headers, b""
        self._has_trailer = form.endswith("-TRAILER")
        self._signed = signed if form != UNSIGNED_CHUNKS_TRAILER else None
        if form != UNSIGNED_CHUNKS_TRAILER and signed is None:
            raise signature.mismatch()
        self._secret, self._previous = secret, signed.signature if signed is not None else ""

    async def pieces(self) -> AsyncIterator[bytes]:
        """The decoded bytes. Trailers become headers of the request once they are read."""
        total = 0
        while True:
            size, claimed = self._chunk_head(await self._line())
            digest = hashlib.sha256()
            left = size
            while left:
                piece = await self._some(left)
                left -= len(piece)
                digest.update(piece)
                yield piece
            total += size
            self._check_chunk(digest.hexdigest(), claimed)
            if size == 0:
                break
            if await self._line():
                raise _incomplete("a chunk is longer than it says")
        await self._read_trailer()
        expected = self._headers.get("x-amz-decoded-content-length")
        if expected is None or not expected.isdecimal() or int(expected) != total:
            raise _incomplete(f"x-amz-decoded-content-length says {expected}, the body has {total} bytes")

    @staticmethod
    def _chunk_head(line: bytes) -> tuple[int, str]:
        size, _, extension = line.partition(b";")
        try:
            number = int(size, 16) if size.isalnum() else -1
        except ValueError:
            number = -1
        if number < 0:
            raise _incomplete("a chunk does not start with its size")
        return number, extension.removeprefix(b"chunk-signature=").decode("latin-1")

    def _check_chunk(self, digest: str, claimed: str) -> None:
        if self._signed is None:
            return
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
        allowed = {name.strip().lower() for name in self._headers.get("x-amz-trailer", "").split(",")}
        signed_text, found, checked = "", {}, self._signed is None
        while line := (await self._line()).decode("latin-1"):
            name, _, value = line.partition(":")
            name, value = name.strip().lower(), value.strip()
            if name == "x-amz-trailer-signature":
                self._check_trailer(signed_text, value)
                checked = True
                continue
            if not self._has_trailer or name not in allowed:
                raise ServiceError("MalformedTrailerError", f"The trailer {name} was not announced.", 400)
            signed_text += f"{name}:{value}\n"
            found[name] = value
        if self._has_trailer and set(found) != allowed - {""}:
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
        while b"\r\n" not in self._buffer:
            if len(self._buffer) > _LONGEST_LINE:
                raise _incomplete("a chunk does not start with its size")
            if not await self._more():
                if self._has_trailer and not self._buffer:
                    return b""  # some clients leave out the last empty line
                raise _incomplete("the body ends before its last chunk")
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    async def _some(self, most: int) -> bytes:
        while not self._buffer:
            if not await self._more():
                raise _incomplete("the body ends before its last chunk")
        piece, self._buffer = self._buffer[:most], self._buffer[most:]
        return piece

    async def _more(self) -> bool:
        async for piece in self._source:
            self._buffer += piece
            return True
        return False


async def verified(
    source: AsyncIterator[bytes], http: HttpRequest, signed: Signature | None, secret: str
) -> AsyncIterator[bytes]:
    """The body's bytes, decoded; raises at its end unless it is what was signed and what its checksums say."""
    claimed = http.headers.get("x-amz-content-sha256", signature.UNSIGNED_PAYLOAD)
    sha256 = None
    if claimed.startswith("STREAMING-"):
        source = Chunks(source, http, signed, secret).pieces()
    elif claimed != signature.UNSIGNED_PAYLOAD:
        sha256 = hashlib.sha256()
    md5 = hashlib.md5(usedforsecurity=False) if "content-md5" in http.headers else None
    announced = {*http.headers, *http.headers.get("x-amz-trailer", "").replace(" ", "").lower().split(",")}
    sums = {
        header: checksums.start(name) for name in checksums.ALGORITHMS
        if (header := f"x-amz-checksum-{name.lower()}") in announced
    }  # fmt: skip
    running = [each for each in (sha256, md5, *sums.values()) if each is not None]
    async for piece in source:
        for each in running:
            each.update(piece)
        yield piece
    if sha256 is not None and sha256.hexdigest() != claimed.lower():
        raise ServiceError(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.", 400,
        )  # fmt: skip
    if md5 is not None and md5.digest() != _md5_header(http.headers["content-md5"]):
        raise ServiceError("BadDigest", "The Content-MD5 you specified did not match what we received.", 400)
    for header, checksum in sums.items():
        if http.headers.get(header) != checksums.text(checksum):
            raise ServiceError("BadDigest", f"The {header} you specified did not match what we received.", 400)


def _md5_header(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ServiceError("InvalidDigest", "The Content-MD5 you specified is not valid.", 400) from None


def _incomplete(message: str) -> ServiceError:
    return ServiceError("IncompleteBody", f"The request body is not complete: {message}.", 400)
