"""The text of a table's metadata file, for those who decode it."""

import zlib

_MOST_BYTES = 64 << 20


class Refused(Exception):
    """A change that is not made. `code`: an error of the Iceberg REST catalog; the text may be shown to the caller."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def text_of(body: bytes) -> str:
    """A metadata file's text, also of a compressed one. Raises `ValueError` where there is too much of it."""
    if body[:2] == b"\x1f\x8b":
        unpacker = zlib.decompressobj(31)
        body = unpacker.decompress(body, _MOST_BYTES)
        if unpacker.unconsumed_tail:
            raise ValueError("the metadata is too long")
    return body.decode()
