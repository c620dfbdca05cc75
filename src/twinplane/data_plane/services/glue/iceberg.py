"""Iceberg tables: the files of a snapshot, read from metadata and manifests in our own S3.

Whoever may write a table's files writes its metadata too, so nothing in it is believed: every path it names is asked
for, once read and before it is opened, of whoever decides what the caller may read. Files are decoded in a process of
its own (`engines.sql.manifests`); what was decoded is kept by the content of the file.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from twinplane.data_plane.call import Call, Principal
from twinplane.data_plane.plane import Plane
from twinplane.data_plane.services.glue import iceberg_rules
from twinplane.data_plane.services.s3 import bodies
from twinplane.data_plane.services.s3 import store as s3
from twinplane.data_plane.store import Document
from twinplane.data_plane.wire.body import FileRange
from twinplane.engines.sql.manifest_messages import (
    MOST_FILES,
    DataFile,
    Manifest,
    ManifestReply,
    ManifestRequest,
    Metadata,
    ReadManifest,
    ReadManifestList,
    ReadMetadata,
    Snapshot,
)  # fmt: skip
from twinplane.engines.sql.manifest_reader import ManifestReader
from twinplane.engines.sql.plan import At, IcebergRead, QueryError

MOST_METADATA_BYTES = 32 << 20
MOST_MANIFESTS = 2_000
_MOST_KEPT = 150_000  # files of manifests, in the memory of the plane

MayRead = Callable[[str, str], bool]
"""Whether the caller may read an object, by bucket and key, as part of the table."""

T = TypeVar("T")
_Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Wanted:
    key: _Key
    content: bytes | FileRange
    request: Callable[[bytes], ManifestRequest]


class NotLoaded(Exception):
    """The metadata that is asked for must be loaded first: `with_metadata` does, and tries again."""

    def __init__(self, person: str, wanted: Sequence[_Wanted]) -> None:
        super().__init__("metadata is not loaded")
        self.person, self.wanted = person, wanted


class MetadataCache:
    """Decoded metadata files, manifest lists and manifests, least recently used first."""

    def __init__(self, reader: ManifestReader) -> None:
        self.reader = reader
        self._kept: OrderedDict[_Key, ManifestReply] = OrderedDict()
        self._weight = 0

    def get(self, key: _Key) -> ManifestReply | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    async def load(self, person: str, wanted: Sequence[_Wanted]) -> int:
        """Decodes files, for a person who waits for them; returns how much there was. Raises `QueryError`."""
        weight = files = 0
        for file in wanted:
            if file.key in self._kept:
                continue
            body = file.content
            if isinstance(body, FileRange):
                body = b"".join([piece async for piece in body.pieces()])
            reply = await self.reader.read(person, file.request(body))
            weight, files = weight + _weight(reply), files + len(reply.files)
            if files > MOST_FILES:
                raise QueryError("NOT_SUPPORTED", f"The table has more than {MOST_FILES} files")
            if file.key not in self._kept:
                self._kept[file.key] = reply
                self._weight += _weight(reply)
        while self._weight > _MOST_KEPT and len(self._kept) > 1:
            self._weight -= _weight(self._kept.popitem(last=False)[1])
        return weight


def _weight(reply: ManifestReply) -> int:
    snapshots = 0 if reply.metadata is None else len(reply.metadata.snapshots)
    return 10 + len(reply.files) + len(reply.manifests) + snapshots


async def with_metadata(plane: Plane, attempt: Callable[[], Awaitable[T]]) -> T:
    """What `attempt` returns, tried again after what it found missing (`NotLoaded`) was loaded. Raises `QueryError`."""
    weight = 0
    while weight <= _MOST_KEPT:
        try:
            return await attempt()
        except NotLoaded as missing:
            person, wanted = missing.person, missing.wanted
        weight += await plane.iceberg.load(person, wanted)
    raise QueryError("NOT_SUPPORTED", "The tables have too many files, or change too fast")


def person_of(principal: Principal) -> str:
    """Who waits: the person a session acts for, else the user or role itself."""
    return principal.on_behalf_of or principal.iam_arn


def is_iceberg(table: Document) -> bool:
    """Whether a Glue table is an Iceberg table."""
    parameters = {k.lower(): v for k, v in (table.get("Parameters") or {}).items()}
    return str(parameters.get("table_type", "")).upper() == "ICEBERG"


def metadata_location(table: Document) -> str:
    """Where the current metadata of an Iceberg table lies. Raises `QueryError`."""
    found = (table.get("Parameters") or {}).get("metadata_location")
    if not found:
        raise QueryError("ICEBERG_INVALID_METADATA", "Table is missing the property metadata_location")
    return str(found)


def metadata_of(call: Call, table: Document, may_read: MayRead) -> Metadata:
    """The current metadata of a table. Raises `QueryError`, `NotLoaded`."""
    (reply,) = _decoded(call, [(metadata_location(table), ("metadata",), ReadMetadata)], may_read)
    assert reply.metadata is not None
    return reply.metadata


def manifests_of(call: Call, snapshot: Snapshot, may_read: MayRead) -> tuple[Manifest, ...]:
    """The manifests of a snapshot. Raises `QueryError`, `NotLoaded`."""
    (reply,) = _decoded(call, [(snapshot.manifest_list, ("list",), ReadManifestList)], may_read)
    if len(reply.manifests) > MOST_MANIFESTS:
        raise QueryError("NOT_SUPPORTED", f"The table has more than {MOST_MANIFESTS} manifests")
    return reply.manifests


def live_files(call: Call, snapshot: Snapshot, may_read: MayRead) -> list[DataFile]:
    """The data and delete files of a snapshot. Raises `QueryError`, `NotLoaded`."""
    wanted = [
        (m.path, ("manifest", m.sequence_number, m.spec_id, m.snapshot_id), _reading(m))
        for m in manifests_of(call, snapshot, may_read)
    ]
    found = [file for reply in _decoded(call, wanted, may_read) for file in reply.files]
    if len(found) > MOST_FILES:
        raise QueryError("NOT_SUPPORTED", f"The table has more than {MOST_FILES} files")
    return found


def _reading(manifest: Manifest) -> Callable[[bytes], ManifestRequest]:
    return lambda body: ReadManifest(body, manifest.sequence_number, manifest.spec_id, manifest.snapshot_id)


def snapshot_files(call: Call, table: Document, may_read: MayRead, at: At | None = None) -> IcebergRead:
    """How to read a table as it was `at` some time (None: now), with its current columns.

    Raises `QueryError` where anything of it cannot be read as it must be, `NotLoaded`.
    """
    metadata = metadata_of(call, table, may_read)
    if metadata.problem is not None:
        raise QueryError("NOT_SUPPORTED", metadata.problem)
    snapshot = iceberg_rules.chosen(metadata, at, str(table["Name"]))
    files = [] if snapshot is None else live_files(call, snapshot, may_read)
    iceberg_rules.check_readable(files)
    local = _local_paths(call, [file.path for file in files], may_read)
    groups = iceberg_rules.grouped(files, local, metadata)
    return IcebergRead(metadata.fields, groups, metadata.by_name, metadata.evolved)


def _decoded(
    call: Call, wanted: Sequence[tuple[str, _Key, Callable[[bytes], ManifestRequest]]], may_read: MayRead
) -> list[ManifestReply]:
    """What files say, each read as what its key's second part says it is. Raises `QueryError`, `NotLoaded`."""
    found: list[ManifestReply] = []
    missing: list[_Wanted] = []
    found_objects = objects(call, [uri for uri, _, _ in wanted], may_read)
    for uri, reading, request in wanted:
        document = found_objects[uri]
        if document["size"] > MOST_METADATA_BYTES:
            raise QueryError("NOT_SUPPORTED", "A file of the table's metadata is too large")
        key = (document["bucket"], document["key"], document["etag"], document["size"], *reading)
        reply = call.plane.iceberg.get(key)
        if reply is None:
            content = bodies.content(call.tx, call.plane, document, 0, document["size"])
            missing.append(_Wanted(key, content, request))
        else:
            found.append(reply)
    if missing:
        raise NotLoaded(person_of(call.principal), missing)
    return found


def _local_paths(call: Call, uris: Iterable[str], may_read: MayRead) -> dict[str, str]:
    found_objects = objects(call, list(dict.fromkeys(uris)), may_read)
    return {uri: str(s3.file_of(call.tx, call.plane, document)) for uri, document in found_objects.items()}


def objects(call: Call, uris: Sequence[str], may_read: MayRead) -> dict[str, Document]:
    """The objects at these places. What the caller may not read is not even looked for. Raises `QueryError`."""
    places = {uri: iceberg_rules.place(uri) for uri in uris}
    for bucket, key in places.values():
        if not may_read(bucket, key):
            raise QueryError("PERMISSION_DENIED", "The table names files that you are not allowed to read")
    found: dict[tuple[str, str], Document] = {}
    keys: dict[str, list[str]] = {}
    for bucket, key in places.values():
        keys.setdefault(bucket, []).append(key)
    for bucket, named in keys.items():
        for start in range(0, len(named), 500):
            for document in call.tx.select(s3.OBJECTS, {"bucket": bucket, "key": named[start : start + 500]}):
                found[bucket, document["key"]] = document
    for place in places.values():
        if place not in found or not s3.is_visible(found[place], call.principal):
            raise QueryError("ICEBERG_CANNOT_OPEN_SPLIT", "A file that the table names is not there")
    return {uri: found[place] for uri, place in places.items()}
