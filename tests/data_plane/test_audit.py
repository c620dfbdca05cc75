"""Exactly one record for each call that somebody signed, however it ended; none is lost with the process."""

import asyncio
import contextlib
import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane.app import create_plane
from twinplane.data_plane.journal import Journal, taken
from twinplane.data_plane.plane import PlaneSettings
from twinplane.data_plane.services.cloudtrail.store import Event
from twinplane.data_plane.testing import RunningPlane, running_plane


def records(plane: RunningPlane, name: str) -> list[dict[str, Any]]:
    """The records of an operation, newest first."""
    wanted = [{"AttributeKey": "EventName", "AttributeValue": name}]
    pages = plane.client("cloudtrail").get_paginator("lookup_events").paginate(LookupAttributes=wanted)
    return [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]


def test_reads_answered_just_before_kill_minus_9_are_recorded_exactly_once(tmp_path: Path) -> None:
    answered = Counter[str]()
    for _ in range(3):
        with running_plane(tmp_path) as plane:
            sts, glue = plane.client("sts"), plane.client("glue")
            for _ in range(20):
                answered[sts.get_caller_identity()["ResponseMetadata"]["RequestId"]] += 1
                with pytest.raises(ClientError) as refused:
                    glue.get_database(Name="missing")
                answered[refused.value.response["ResponseMetadata"]["RequestId"]] += 1
            plane.process.send_signal(signal.SIGKILL)
            plane.process.wait()
    with running_plane(tmp_path) as plane:
        found = Counter(r["requestID"] for name in ("GetCallerIdentity", "GetDatabase") for r in records(plane, name))
        assert found == answered
        assert len(list((tmp_path / "journal").iterdir())) <= 1  # that of these very lookups


def test_what_is_not_served_is_recorded_as_refused(plane: RunningPlane) -> None:
    with pytest.raises(ClientError) as refused:
        plane.client("glue").list_jobs()
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    [record] = records(plane, "ListJobs")
    assert (record["errorCode"], record["readOnly"]) == ("NotImplemented", True)


def test_a_repeated_request_is_recorded_again_and_done_once(plane: RunningPlane) -> None:
    sso = plane.client("sso-admin")
    asked = {
        "InstanceArn": sso.list_instances()["Instances"][0]["InstanceArn"], "Name": "twice", "ClientToken": "token-1",
        "ApplicationProviderArn": "arn:aws:sso::aws:applicationProvider/custom",
    }  # fmt: skip
    first, second = sso.create_application(**asked), sso.create_application(**asked)
    assert first["ApplicationArn"] == second["ApplicationArn"]
    assert len(records(plane, "CreateApplication")) == 2


def test_a_call_with_a_wrong_signature_is_nobodys_and_not_recorded(plane: RunningPlane) -> None:
    wrong = plane.administrator() | {"aws_secret_access_key": "x" * 40}
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        plane.client("iam", wrong).list_groups()
    assert records(plane, "ListGroups") == []


def test_a_failed_write_is_recorded_with_its_error_and_without_its_changes(plane: RunningPlane) -> None:
    glue = plane.client("glue")
    glue.create_database(DatabaseInput={"Name": "audited"})
    with pytest.raises(ClientError):
        glue.create_database(DatabaseInput={"Name": "audited"})
    assert [r.get("errorCode") for r in records(plane, "CreateDatabase")] == ["AlreadyExistsException", None]


def event(number: int) -> Event:
    return Event(float(number), f"id-{number}", "Name", "source", True, "who", "key", None, b'{"number":%d}' % number)


async def _gathered_while_earlier_ones_are_written(state: Path) -> None:
    async with create_plane(PlaneSettings(state, "http://127.0.0.1:1")) as app:
        app.recorder.later(event(1))
        settling = asyncio.create_task(app.recorder.settle())
        await asyncio.sleep(0)  # the journal has turned to its next file; nothing is written yet
        app.recorder.later(event(2))
        await settling
        rows = app.plane.store.read(lambda tx: tx.run("SELECT id FROM cloudtrail_log WHERE id LIKE 'id-%'"))
        left = Journal(state / "journal", app.plane.store.read(taken))
        both = [row[0] for row in rows] + [e.id for number in left.left_over for e in left.read(number)]
        assert sorted(both) == ["id-1", "id-2"]


def test_an_event_that_comes_while_others_are_written_is_in_the_journal_or_in_the_log_never_in_both(
    tmp_path: Path,
) -> None:
    asyncio.run(_gathered_while_earlier_ones_are_written(tmp_path))


def test_a_journal_gives_back_what_the_log_does_not_have_also_from_a_torn_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path, taken=0)
    for number in range(3):
        journal.append(event(number))
    first = journal.turn()
    assert journal.turn() == first  # nothing new: no new file
    journal.append(event(3))
    with (tmp_path / str(first + 1)).open("ab") as file:
        file.write(b"\0\0\1\0half of an event")
    again = Journal(tmp_path, taken=0)
    assert [e for n in again.left_over for e in again.read(n)] == [event(n) for n in range(4)]
    assert Journal(tmp_path, taken=first).left_over == [first + 1]


def test_a_journal_removes_what_the_log_has_and_never_uses_a_number_twice(tmp_path: Path) -> None:
    journal = Journal(tmp_path, taken=7)
    journal.append(event(1))
    number = journal.turn()
    assert number > 7
    journal.forget(number)
    assert list(tmp_path.iterdir()) == []
    again = Journal(tmp_path, taken=number)
    again.append(event(2))
    assert Journal(tmp_path, taken=number).left_over == [number + 1]
    with contextlib.suppress(FileNotFoundError):
        assert again.read(number + 1) == [event(2)]
