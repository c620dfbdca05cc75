"""The bodies that rows name, for whoever looks after the state folder as a whole: backups and the doctor."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

_KINDS = ("s3_object", "s3_version", "s3_part")
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class NamedBody:
    """A body as the row that names it knows it: the file `name`, or the small body `small`. `part_sizes` of an object
    that was uploaded in parts."""

    name: str
    small: int | None
    size: int
    etag: str
    row: str
    part_sizes: tuple[int, ...]

    def is_intact(self, blobs: Path) -> bool:
        """Whether the file below `blobs` has the bytes whose digest the row keeps. Reads all of it."""
        with (blobs / self.name[:2] / self.name).open("rb") as file:
            return self.has_bytes(file)

    def has_bytes(self, file: IO[bytes]) -> bool:
        """Whether a file has the bytes whose digest the row keeps."""
        digests = []
        for size in self.part_sizes or (self.size,):
            digest = hashlib.md5(usedforsecurity=False)
            while size > 0 and (piece := file.read(min(size, _PIECE_BYTES))):
                digest.update(piece)
                size -= len(piece)
            digests.append(digest)
        if not self.part_sizes:
            return digests[0].hexdigest() == self.etag
        whole = hashlib.md5(b"".join(digest.digest() for digest in digests), usedforsecurity=False)
        return f"{whole.hexdigest()}-{len(digests)}" == self.etag


def named_bodies(connection: Any) -> Iterator[NamedBody]:
    """Every file that a row of this SQLite connection's database names."""
    return (body for body in all_bodies(connection) if body.small is None)


def all_bodies(connection: Any) -> Iterator[NamedBody]:
    """Every body that a row of this SQLite connection's database names, small ones too."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    for kind in _KINDS:
        if kind not in tables:
            continue
        for (body,) in connection.execute(f'SELECT body FROM "{kind}"'):  # noqa: S608 - one of _KINDS
            document = msgspec.json.decode(body)
            if document.get("blob") or document.get("row") is not None:
                yield NamedBody(
                    document.get("blob") or "", document.get("row"), document["size"],
                    document["etag"].strip('"'), _row(document), _part_sizes(connection, document),
                )  # fmt: skip


def _part_sizes(connection: Any, document: dict[str, Any]) -> tuple[int, ...]:
    if document.get("part_sizes") or "-" not in document["etag"]:
        return tuple(document.get("part_sizes") or ())
    row = connection.execute("SELECT body FROM s3_layout WHERE upload_id = ?", (document["upload_id"],)).fetchone()
    return tuple(msgspec.json.decode(row[0])["sizes"]) if row is not None else ()


def _row(document: dict[str, Any]) -> str:
    if "bucket" in document:
        return f"s3://{document['bucket']}/{document['key']}"
    return f"part {document['part_number']} of the upload {document['upload_id']}"
