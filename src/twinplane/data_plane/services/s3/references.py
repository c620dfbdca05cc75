"""What S3's documents name: other documents, and the bodies on disk."""

import os
from functools import partial

from twinplane.data_plane.findings import REPAIR, RESTORE, Examination
from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.s3.named import named_bodies
from twinplane.data_plane.services.s3.store import BUCKETS, OBJECTS, PARTS, UPLOADS

REFERENCES = [
    Reference(OBJECTS, BUCKETS, ("bucket",)),
    Reference(UPLOADS, BUCKETS, ("bucket",)),
    Reference(PARTS, UPLOADS, ("upload_id",), on=("upload_id",)),
]


def bodies_are_there(examination: Examination) -> None:
    """Every body that a row names is on disk with its size (and, deep, its bytes); every other is left over."""
    blobs = examination.state / "blobs"
    there = {}
    for folder in blobs.iterdir() if blobs.is_dir() else ():
        for entry in os.scandir(folder):
            there[entry.name] = entry.stat().st_size
    named = set()
    for body in named_bodies(examination.connection):
        named.add(body.name)
        if body.name not in there:
            examination.found("error", "the bytes of objects are missing", RESTORE, body.row)
        elif there[body.name] != body.size:
            text = "files of objects' bytes have another size than was stored"
            examination.found("error", text, RESTORE, f"{body.row}: {there[body.name]} of {body.size} bytes")
        elif examination.deep and not body.is_intact(blobs):
            examination.found("error", "objects have other bytes than were stored", RESTORE, body.row)
    if examination.served:
        return  # bodies are written before their row, and stay for a while after it
    for name in there.keys() - named:
        path = blobs / name[:2] / name
        text = "files of bytes belong to no object: a crash left them"
        examination.found(
            "note", text, f"{REPAIR}; so does the next start", name, partial(path.unlink, missing_ok=True)
        )


CHECKS = [bodies_are_there]
