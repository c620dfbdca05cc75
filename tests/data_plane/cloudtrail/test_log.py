"""The log of events: what an earlier version kept is in it, and the index catches up with it."""

import asyncio
from pathlib import Path

from twinplane.data_plane.schema import Upgrade
from twinplane.data_plane.services.cloudtrail import store as cloudtrail
from twinplane.data_plane.services.cloudtrail.rules import Lookup
from twinplane.data_plane.services.events import store as events
from twinplane.data_plane.store import Kind, Store, Transaction

ATTRIBUTES = ("event_name", "event_source", "username", "access_key_id", "on_behalf_of")
OLD = Kind(
    "cloudtrail_event", key=("id",), columns=("read_only",),
    indexes=(("time", "id"), *((attribute, "time", "id") for attribute in ATTRIBUTES)),
)  # fmt: skip
RESOURCES = [{"ARN": "arn:one", "type": "T", "accountId": "1"}, {"ARN": "arn:two", "type": "T"}]


def old_event(number: int) -> dict[str, object]:
    record = {"text": "ü", "none": None, "resources": RESOURCES if number else []}
    return {
        "id": f"e{number}", "time": float(number), "event_name": "Name", "event_source": "source", "username": "who",
        "read_only": number == 1, "access_key_id": "key", "on_behalf_of": None, "record": record,
    }  # fmt: skip


def found(store: Store, lookup: Lookup) -> list[str]:
    return [event["id"] for event in store.read(lambda tx: cloudtrail.find_events(tx, lookup, None, 10))]


def test_events_of_the_first_state_version_are_in_the_log_newest_first(tmp_path: Path) -> None:
    old = Store(tmp_path / "plane.db", [OLD])
    asyncio.run(old.write(lambda tx: [tx.add(OLD, old_event(number)) for number in (2, 0, 1)]))
    old.close()
    store = Store(tmp_path / "plane.db", cloudtrail.KINDS, [Upgrade(2, cloudtrail.make_log)])
    asyncio.run(store.write(lambda tx: cloudtrail.index(tx, 10)))
    assert found(store, Lookup(0.0, 9.0)) == ["e2", "e1", "e0"]
    assert found(store, Lookup(0.0, 9.0, "type", "T")) == ["e2", "e1"]
    assert found(store, Lookup(0.0, 9.0, "name", "arn:two")) == ["e2", "e1"]
    assert found(store, Lookup(0.0, 9.0, "read_only", True)) == ["e1"]
    assert found(store, Lookup(2.0, 9.0, "username", "who")) == ["e2"]
    [event] = store.read(lambda tx: cloudtrail.find_events(tx, Lookup(0.0, 9.0, "id", "e0"), None, 10))
    assert event["record"] == '{"text":"ü","none":null,"resources":[]}'.encode()


def test_the_index_takes_some_events_at_a_time_and_only_when_they_are_enough(tmp_path: Path) -> None:
    store = Store(tmp_path / "plane.db", [*cloudtrail.KINDS, *events.KINDS])

    def add(tx: Transaction) -> None:
        row = cloudtrail.Event(1.0, "", "Name", "source", True, None, None, None, b"{}")
        rows = [tuple(getattr(row, f) if f != "id" else f"e{n}" for f in row.__struct_fields__) for n in range(5)]
        cloudtrail.add_events(tx, None, [cloudtrail.Event(*each) for each in rows])  # type: ignore[arg-type]

    asyncio.run(store.write(add))
    assert not asyncio.run(store.write(lambda tx: cloudtrail.index(tx, 10, least=6)))
    assert found(store, Lookup(0.0, 9.0)) == []
    assert asyncio.run(store.write(lambda tx: cloudtrail.index(tx, 3)))
    assert found(store, Lookup(0.0, 9.0)) == ["e2", "e1", "e0"]
    assert not asyncio.run(store.write(lambda tx: cloudtrail.index(tx, 3)))
    assert found(store, Lookup(0.0, 9.0)) == ["e4", "e3", "e2", "e1", "e0"]


def test_old_events_go_with_all_that_finds_them_and_the_newest_stays(tmp_path: Path) -> None:
    store = Store(tmp_path / "plane.db", [*cloudtrail.KINDS, *events.KINDS])

    def event(number: int) -> cloudtrail.Event:
        return cloudtrail.Event(
            float(number), f"e{number}", "Name", "source", True, "who", None, '[["arn:one","T"]]', b"{}"
        )

    def count(table: str) -> int:
        return int(store.read(lambda tx: tx.run(f"SELECT count(*) FROM {table}"))[0][0])

    asyncio.run(store.write(lambda tx: cloudtrail.add_events(tx, None, [event(n) for n in range(1, 7)])))  # type: ignore[arg-type]
    assert not asyncio.run(store.write(lambda tx: cloudtrail.prune(tx, 99.0, 10)))
    assert count("cloudtrail_log") == 6  # what is not indexed is not removed
    asyncio.run(store.write(lambda tx: cloudtrail.index(tx, 10)))
    entries = count("cloudtrail_index")
    assert asyncio.run(store.write(lambda tx: cloudtrail.prune(tx, 4.0, 2)))
    assert not asyncio.run(store.write(lambda tx: cloudtrail.prune(tx, 4.0, 2)))
    assert found(store, Lookup(0.0, 9.0)) == ["e6", "e5", "e4"]
    assert found(store, Lookup(0.0, 9.0, "type", "T")) == ["e6", "e5", "e4"]
    assert count("cloudtrail_index") == entries / 2
    assert not asyncio.run(store.write(lambda tx: cloudtrail.prune(tx, 99.0, 10)))
    assert found(store, Lookup(0.0, 9.0)) == ["e6"]
