"""Memory that a long body is received into, piece by piece, and stays in until it is written and hashed."""

from sys import getrefcount

_PIECE_BYTES = 1 << 20
_FREE_REFERENCES = 3  # to a piece: the list's, the loop's and the question's own


class LongBody:
    """The part of a body that goes past the parser."""

    def __init__(self) -> None:
        self.left = 0  # bytes that are still to come
        self._piece = bytearray()
        self._filled = 0
        self._made: list[bytearray] = []

    def buffer(self) -> memoryview:
        """Where the next bytes go; never more than are left."""
        if self._filled == len(self._piece):
            self._piece, self._filled = self._free(min(self.left, _PIECE_BYTES)), 0
        return memoryview(self._piece)[self._filled :]

    def took(self, size: int) -> memoryview | None:
        """So many bytes came. Returns the piece that they completed; the last one completes the body."""
        self._filled += size
        self.left -= size
        if self._filled < len(self._piece):
            return None
        piece = memoryview(self._piece)
        self._piece, self._filled = bytearray(), 0
        if not self.left:
            self._made.clear()
        return piece

    def _free(self, size: int) -> bytearray:
        """New memory costs as much as receiving, so a piece that nobody looks at is used again."""
        for piece in self._made:
            if len(piece) == size and getrefcount(piece) == _FREE_REFERENCES:
                return piece
        piece = bytearray(size)
        self._made.append(piece)
        return piece
