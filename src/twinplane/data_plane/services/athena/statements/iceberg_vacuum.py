"""VACUUM: snapshots of an Iceberg table that are old enough go, and the files that only they had."""

import msgspec

from twinplane.data_plane.call import Call, ServiceError
from twinplane.data_plane.services.athena.statements import places, writable
from twinplane.data_plane.services.athena.statements.iceberg_base import (
    ATTEMPTS,
    Base,
    base_of,
    check_may_update,
    check_same_place,
    commit_failed,
)
from twinplane.data_plane.services.athena.statements.places import Place
from twinplane.data_plane.services.athena.work import Received, Work
from twinplane.data_plane.services.glue import iceberg, iceberg_commit, iceberg_rules, locations
from twinplane.data_plane.services.s3 import store as s3
from twinplane.data_plane.store import Document
from twinplane.engines.sql.manifest_messages import ExpireSnapshots, Snapshot, TableText
from twinplane.engines.sql.metadata_text import text_of
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.statements import Vacuum

_NEEDED = ("SELECT", "INSERT", "DELETE")
_AGE_SECONDS, _KEEP = 432_000, 1  # Athena's defaults


async def vacuum(work: Work, statement: Vacuum) -> None:
    """Ends a VACUUM. What a current or kept snapshot names stays, and so does all that lies elsewhere."""
    name = statement.target.in_database(work.database)
    for _ in range(ATTEMPTS):
        base = await base_of(work, name, *_NEEDED)
        before, keep = _limits(base, int(work.plane.clock() * 1000))
        reply = await work.plane.iceberg.reader.read(
            work.owner, ExpireSnapshots(base.body, base.metadata_location, before, keep)
        )  # fmt: skip
        text = reply.table
        assert text is not None
        check_same_place(base, text)
        left = {s["snapshot-id"] for s in msgspec.json.decode(text.text).get("snapshots") or ()}
        gone = [s for s in base.metadata.snapshots if s.id not in left]
        if not gone:
            await work.answer(())
            return
        removed = await _files_of(work, base, gone, [s for s in base.metadata.snapshots if s.id in left])
        location = iceberg_commit.next_location(base.location, base.metadata_location)
        received = await work.receive(location, text.text.encode(), "application/json")

        def change(
            call: Call, base: Base = base, removed: set[str] = removed, text: TableText = text,
            location: str = location, received: Received = received,
        ) -> Document:  # fmt: skip
            now = writable.table(call, name, *_NEEDED)
            check_may_update(call, now.table)
            where = places.of_the_table(call, base.location, governed=now.governed)
            iceberg_commit.commit(call, now.table, base.metadata_location, location, text, received.body)
            _remove(call, where, removed)
            return {}

        try:
            await work.answer((), change=change)
            return
        except ServiceError as error:
            if error.code != "CommitFailedException":
                raise
            s3.look_again(work.plane, received.body)
    raise commit_failed(name)


def _limits(base: Base, now: int) -> tuple[int, int]:
    """Before when snapshots are old (milliseconds of the epoch), and how many are kept however old they are."""
    properties = msgspec.json.decode(text_of(base.body)).get("properties") or {}
    try:
        age = int(properties.get("vacuum_max_snapshot_age_seconds", _AGE_SECONDS))
        keep = int(properties.get("vacuum_min_snapshots_to_keep", _KEEP))
    except ValueError:
        raise QueryError("INVALID_TABLE_PROPERTY", "The table's properties for VACUUM are not numbers") from None
    newest = max((s.timestamp for s in base.metadata.snapshots), default=0)
    return max(newest + 1, now) if age <= 0 else now - age * 1000, max(keep, 1)


async def _files_of(work: Work, base: Base, gone: list[Snapshot], left: list[Snapshot]) -> set[str]:
    """The files that only snapshots that go have. Raises `QueryError`."""

    async def named(snapshot: Snapshot) -> set[str]:
        async def attempt() -> set[str]:
            return work.read(lambda call: _named(call, base, snapshot))

        return await iceberg.with_metadata(work.plane, attempt)

    kept = set[str]()
    for snapshot in left:
        kept |= await named(snapshot)
    found = set[str]()
    for snapshot in gone:
        try:
            found |= await named(snapshot)
        except QueryError:  # of which something is gone already: what cannot be told apart stays
            continue
    return found - kept


def _named(call: Call, base: Base, snapshot: Snapshot) -> set[str]:
    may_read = locations.reader_of(call, base.table, by_iam=not base.governed)
    manifests = iceberg.manifests_of(call, snapshot, may_read)
    files = iceberg.live_files(call, snapshot, may_read)
    return {snapshot.manifest_list, *(m.path for m in manifests), *(f.path for f in files)}


def _remove(call: Call, where: Place, uris: set[str]) -> None:
    """Deletes objects, of which only those in the table's own folders are taken. Raises `QueryError`."""
    for uri in sorted(uris):
        bucket, key = iceberg_rules.place(uri)
        if bucket != where.bucket or not key.startswith((f"{where.prefix}data/", f"{where.prefix}metadata/")):
            continue
        if where.by_iam:
            places.check_put(call, where, key, "s3:DeleteObject")
        s3.delete_object(call.tx, call.plane, bucket, key, call.now)
