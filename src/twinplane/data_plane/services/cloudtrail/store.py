"""The events of the plane: who did what, when, and on whose behalf.

An event is appended to a log, which is all that a call pays for. What finds it by an attribute is an index that is
filled some hundred events at a time, and always before it is asked (`index`).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from twinplane.data_plane.services.cloudtrail.rules import Lookup
from twinplane.data_plane.services.events.store import emit_call
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.store import Document, Kind, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

_COLUMNS = ("time", "id", "event_name", "event_source", "read_only", "username", "access_key_id", "resources", "record")
_LAST = 2**62  # behind every sequence number

# Sequence numbers only grow: whoever removes old events leaves the newest there.
_LOG = (
    "CREATE TABLE IF NOT EXISTS cloudtrail_log (seq INTEGER PRIMARY KEY, time REAL NOT NULL, id TEXT NOT NULL, "
    "event_name TEXT NOT NULL, event_source TEXT NOT NULL, read_only INTEGER NOT NULL, username TEXT, "
    "access_key_id TEXT, resources TEXT, record BLOB NOT NULL)"
)
_INDEX = (
    "CREATE TABLE IF NOT EXISTS cloudtrail_index (attribute TEXT NOT NULL, value NOT NULL, time REAL NOT NULL, "
    "seq INTEGER NOT NULL, PRIMARY KEY (attribute, value, time, seq)) WITHOUT ROWID"
)
# How far the log is indexed: {"id": "log", "seq": …}.
INDEXED = Kind("cloudtrail_indexed", key=("id",), extra=(_LOG, _INDEX))
KINDS = [INDEXED]

_OF_EACH = "SELECT '{0}', {1}, time, seq FROM cloudtrail_log WHERE seq > ? AND seq <= ? AND {1} IS NOT NULL"
_OF_RESOURCES = (
    "SELECT '{0}', json_extract(each.value, '$[{1}]'), time, seq FROM cloudtrail_log, json_each(resources) AS each "
    "WHERE seq > ? AND seq <= ?"
)
# What the index says of the events of a range of sequence numbers (above, up to).
ENTRIES = (
    *(_OF_EACH.format(column, column) for column in (
        "id", "event_name", "event_source", "read_only", "username", "access_key_id",
    )),
    _OF_EACH.format("", "''"),  # every event, by time alone
    _OF_RESOURCES.format("name", 0),
    _OF_RESOURCES.format("type", 1),
)  # fmt: skip

_INSERT = f"INSERT INTO cloudtrail_log ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_FIND = (
    f"SELECT {', '.join(f'log.{column}' for column in ('seq', *_COLUMNS))} FROM cloudtrail_index AS entry "  # noqa: S608
    "JOIN cloudtrail_log AS log ON log.seq = entry.seq WHERE entry.attribute = ? AND entry.value = ? "
    "AND entry.time >= ? AND (entry.time, entry.seq) < (?, ?) ORDER BY entry.time DESC, entry.seq DESC LIMIT ?"
)


def make_log(tx: Transaction) -> None:
    """State version 2: events were documents with an index for each attribute, now they are rows of a log."""
    tx.run(_LOG)
    if tx.run("SELECT 1 FROM sqlite_schema WHERE name = 'cloudtrail_event'"):
        tx.run(
            f"INSERT INTO cloudtrail_log ({', '.join(_COLUMNS)}) SELECT time, id, event_name, event_source, read_only, "  # noqa: S608
            "username, access_key_id, (SELECT nullif(json_group_array(json_array(coalesce(value ->> 'ARN', ''), "
            "coalesce(value ->> 'type', ''))), '[]') FROM json_each(CAST(body AS TEXT), '$.record.resources')), "
            "CAST(json_extract(CAST(body AS TEXT), '$.record') AS BLOB) FROM cloudtrail_event ORDER BY time, id"
        )
        tx.run("DROP TABLE cloudtrail_event")
        tx.run("DROP TABLE IF EXISTS cloudtrail_event_resource")


class Event(msgspec.Struct, array_like=True, gc=False):
    """An event as the log keeps it: a row. `time` in epoch seconds; `resources` JSON [[ARN, type], …] or None.

    `record` is CloudTrail's record: JSON.
    """

    time: float
    id: str
    name: str
    source: str
    read_only: bool
    username: str | None
    access_key_id: str | None
    resources: str | None
    record: bytes


def add_events(tx: Transaction, plane: "Plane", events: Sequence[Event]) -> None:
    """Appends events to the log, and tells EventBridge's rules of them."""
    tx.run_many(_INSERT, [msgspec.structs.astuple(event) for event in events])
    for event in events:
        emit_call(tx, plane, event.source, event.name, event.read_only, event.record)


def add_event(tx: Transaction, plane: "Plane", record: dict[str, Any]) -> None:
    """Appends one event, given as CloudTrail's JSON record.

    `eventTime` may be epoch seconds (a float, which keeps the order within a second) or ISO 8601 text. `userIdentity`
    decides under which name the event is found: the person's when the session acts on behalf of one.
    """
    time = _seconds(record["eventTime"])
    identity: dict[str, Any] = record.get("userIdentity") or {}
    person = (identity.get("onBehalfOf") or {}).get("userId")
    name = person_name(tx, person) or identity.get("userName") or (identity.get("arn") or "").rpartition("/")[2]
    named = [(resource.get("ARN", ""), resource.get("type", "")) for resource in record.get("resources") or ()]
    event = Event(
        time, record["eventID"], record["eventName"], record["eventSource"], bool(record.get("readOnly")), name or None,
        identity.get("accessKeyId"), resources_text(named), msgspec.json.encode(record | {"eventTime": iso(time)}),
    )  # fmt: skip
    add_events(tx, plane, [event])


def resources_text(named: Sequence[tuple[str, str]]) -> str | None:
    """The (ARN, type) of an event's resources as its row has them."""
    return msgspec.json.encode(named).decode() if named else None


def person_name(tx: Transaction, user_id: str | None) -> str | None:
    """The name under which a person's events are found."""
    user = identity_store.get_user(tx, user_id) if user_id is not None else None
    return None if user is None else str(user["UserName"])


def iso(seconds: float) -> str:
    """A time as CloudTrail writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(time: float | str) -> float:
    if isinstance(time, str):
        return datetime.fromisoformat(time).timestamp()
    return float(time)


def index(tx: Transaction, most: int, least: int = 1) -> bool:
    """Indexes up to `most` events, when at least `least` are not yet; says whether some are left."""
    known = tx.find(INDEXED, "log")
    done = 0 if known is None else known["seq"]
    newest = tx.run("SELECT coalesce(max(seq), 0) FROM cloudtrail_log")[0][0]
    if newest - done < least:
        return False
    upto = min(newest, done + most)
    for entries in ENTRIES:
        tx.run(f"INSERT OR IGNORE INTO cloudtrail_index {entries}", (done, upto))  # an event may name a type twice
    tx.put(INDEXED, {"id": "log", "seq": upto})
    return bool(upto < newest)


def newest(tx: Transaction) -> int:
    """The sequence number of the newest event; 0 when there is none."""
    return int(tx.run("SELECT coalesce(max(seq), 0) FROM cloudtrail_log")[0][0])


def events_after(tx: Transaction, seq: int, limit: int) -> list[Document]:
    """At most `limit` events behind a sequence number, as they were recorded."""
    columns = ("seq", *_COLUMNS)
    sql = f"SELECT {', '.join(columns)} FROM cloudtrail_log WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
    return [dict(zip(columns, row, strict=True)) for row in tx.run(sql, (seq, limit))]


def prune(tx: Transaction, before: float, most: int) -> bool:
    """Removes up to `most` of the oldest events, all from before a time (epoch seconds); says whether some are left.

    The newest event and those that are not indexed yet stay.
    """
    known = tx.find(INDEXED, "log")
    [(first, newest)] = tx.run("SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) FROM cloudtrail_log")
    kept = tx.run("SELECT seq FROM cloudtrail_log WHERE time >= ? ORDER BY seq LIMIT 1", (before,))
    last = min(0 if known is None else known["seq"], newest - 1, kept[0][0] - 1 if kept else newest)
    upto = min(last, first + most - 1)
    if not first or upto < first:
        return False
    for entries in ENTRIES:
        tx.run(f"DELETE FROM cloudtrail_index WHERE (attribute, value, time, seq) IN ({entries})", (first - 1, upto))  # noqa: S608
    tx.run("DELETE FROM cloudtrail_log WHERE seq <= ?", (upto,))
    return bool(upto < last)


def find_events(tx: Transaction, lookup: Lookup, after: list[Any] | None, limit: int) -> list[Document]:
    """At most `limit` events behind `after` (time, seq), newest first; of those that are indexed.

    Their members are those of `Event`, with `seq`; `record` is JSON.
    """
    time, seq = after or (lookup.end, _LAST)
    rows = tx.run(_FIND, (lookup.column or "", lookup.value if lookup.column else "", lookup.start, time, seq, limit))
    return [dict(zip(("seq", *_COLUMNS), row, strict=True)) for row in rows]
