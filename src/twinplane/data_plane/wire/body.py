"""Bodies that are too long to hold in memory."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FileRange:
    """`length` bytes of the file at `path`, from `offset`: an answer's streamed payload."""

    path: Path
    offset: int
    length: int

    def part(self, offset: int, length: int) -> "FileRange":
        """`length` of these bytes from `offset`."""
        return FileRange(self.path, self.offset + offset, length)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The bytes, read in worker threads. Raises `OSError` when the file is shorter."""
        with await asyncio.to_thread(open, self.path, "rb") as file:
            await asyncio.to_thread(file.seek, self.offset)
            left = self.length
            while left > 0:
                piece = await asyncio.to_thread(file.read, min(left, PIECE_BYTES))
                if not piece:
                    raise OSError(f"{self.path} is shorter than {self.offset + self.length} bytes")
                left -= len(piece)
                yield piece
