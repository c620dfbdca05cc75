"""What S3's documents name: other documents, and the bodies on disk."""

import io
import os
from functools import partial

from twinplane.data_plane.findings import REPAIR, RESTORE, Examination
from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.s3.named import NamedBody, all_bodies
from twinplane.data_plane.services.s3.store import BUCKETS, OBJECTS, PARTS, UPLOADS, VERSIONS

REFERENCES = [
    Reference(OBJECTS, BUCKETS, ("bucket",)),
    Reference(VERSIONS, BUCKETS, ("bucket",)),
    Reference(UPLOADS, BUCKETS, ("bucket",)),
    Reference(PARTS, UPLOADS, ("upload_id",), on=("upload_id",)),
]

_CHANGED = "objects have other bytes than were stored"


def bodies_are_there(examination: Examination) -> None:
    """Every body that a row names is on disk with its size (and, deep, its bytes); every other is left over."""
    blobs = examination.state / "blobs"
    there = {}
    for folder in blobs.iterdir() if blobs.is_dir() else ():
        for entry in os.scandir(folder):
            there[entry.name] = entry.stat().st_size
    named, named_rows = set(), set()
    for body in all_bodies(examination.connection):
        if body.small is None:
            named.add(body.name)
            _check_file(examination, body, there.get(body.name))
        else:
            named_rows.add(body.small)
            _check_small(examination, body)
    if examination.has_table("s3_small_body"):
        for (row,) in examination.rows("SELECT id FROM s3_small_body").fetchall():
            if row not in named_rows:
                remove = partial(examination.rows, "DELETE FROM s3_small_body WHERE id = ?", row)
                examination.found("error", "small bodies belong to no object", REPAIR, f"row {row}", remove)
    if examination.served:
        return  # bodies are written before their row, and stay for a while after it
    for name in there.keys() - named:
        path = blobs / name[:2] / name
        text = "files of bytes belong to no object: a crash left them"
        examination.found(
            "note", text, f"{REPAIR}; so does the next start", name, partial(path.unlink, missing_ok=True)
        )


def _check_file(examination: Examination, body: NamedBody, size: int | None) -> None:
    if size is None:
        examination.found("error", "the bytes of objects are missing", RESTORE, body.row)
    elif size != body.size:
        text = "files of objects' bytes have another size than was stored"
        examination.found("error", text, RESTORE, f"{body.row}: {size} of {body.size} bytes")
    elif examination.deep and not body.is_intact(examination.state / "blobs"):
        examination.found("error", _CHANGED, RESTORE, body.row)


def _check_small(examination: Examination, body: NamedBody) -> None:
    row = examination.rows("SELECT data FROM s3_small_body WHERE id = ?", body.small).fetchone()
    if row is None:
        examination.found("error", "the bytes of objects are missing", RESTORE, body.row)
    elif len(row[0]) != body.size or not body.has_bytes(io.BytesIO(row[0])):
        examination.found("error", _CHANGED, RESTORE, body.row)


CHECKS = [bodies_are_there]
