"""What the doctor finds in a damaged state folder, what it repairs, and that it finds nothing in a sound one."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pysqlite3 import dbapi2 as sqlite

from tests.cli.conftest import twinplane
from twinplane.data_plane.backup import back_up, restore
from twinplane.data_plane.doctor import CannotExamine, declared, examine
from twinplane.data_plane.testing import RunningPlane, running_plane

BODY = os.urandom(100_000)


@pytest.fixture(scope="module")
def filled(plane: RunningPlane) -> RunningPlane:
    """A plane with something of every service whose references are checked here."""
    iam, s3, glue = plane.client("iam"), plane.client("s3"), plane.client("glue")
    iam.create_user(UserName="ana")
    iam.create_access_key(UserName="ana")
    document = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    )
    arn = iam.create_policy(PolicyName="few", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_user_policy(UserName="ana", PolicyArn=arn)
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="big", Body=BODY)
    upload = s3.create_multipart_upload(Bucket="kept", Key="parts")["UploadId"]
    s3.upload_part(Bucket="kept", Key="parts", UploadId=upload, PartNumber=1, Body=BODY)
    glue.create_database(DatabaseInput={"Name": "shop"})
    glue.create_table(DatabaseName="shop", TableInput={"Name": "sales", "PartitionKeys": [{"Name": "day"}]})
    table = {"Table": {"DatabaseName": "shop", "Name": "sales"}}
    plane.client("lakeformation").grant_permissions(
        Principal={"DataLakePrincipalIdentifier": iam.get_user(UserName="ana")["User"]["Arn"]},
        Resource=table, Permissions=["SELECT"],
    )  # fmt: skip
    athena = plane.client("athena")
    athena.create_work_group(Name="people")
    results = {"OutputLocation": "s3://kept/results/"}
    athena.start_query_execution(QueryString="SELECT 1", ResultConfiguration=results)  # in `primary`
    athena.start_query_execution(QueryString="SELECT 1", ResultConfiguration=results, WorkGroup="people")
    plane.client("cloudtrail").lookup_events()  # and with it the audit log's index
    return plane


@pytest.fixture
def state(filled: RunningPlane, tmp_path: Path) -> Path:
    """A state folder of its own, to be damaged."""
    back_up(filled.state, tmp_path / "backup", lambda _text: None, copy=True)
    restore(tmp_path / "backup", tmp_path / "state", lambda _text: None, copy=True)
    return tmp_path / "state"


@contextmanager
def database(state: Path) -> Iterator[Any]:
    connection = sqlite.connect(str(state / "plane.db"), isolation_level=None)
    yield connection
    connection.close()


def errors(state: Path, **options: Any) -> list[str]:
    return [one.text for one in examine(state, **options) if one.severity == "error" and not one.repaired]


def test_a_sound_state_is_well_served_or_not(filled: RunningPlane, state: Path) -> None:
    assert errors(state, deep=True) == []
    assert errors(filled.state, deep=True) == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM glue_database", "documents of glue_table name a glue_database that is not there"),
        ("DELETE FROM glue_table", "documents of lakeformation_grant name a glue_table that is not there"),
        ("DELETE FROM iam_policy", "documents of iam_user name a iam_policy that is not there"),
        ("DELETE FROM iam_user", "documents of iam_access_key name a iam_user that is not there"),
        ("DELETE FROM s3_upload", "documents of s3_part name a s3_upload that is not there"),
        ("DELETE FROM s3_bucket", "documents of s3_object name a s3_bucket that is not there"),
        ("UPDATE iam_user SET body = 'torn' WHERE UserName = 'ana'", "documents of iam_user cannot be read"),
        (
            'INSERT INTO task (id, kind, body) VALUES (\'x\', \'odd\', CAST(\'{"id":"x","kind":"odd"}\' AS BLOB))',
            "background work is of no known kind",
        ),
    ],
)
def test_what_is_missing_or_unreadable_is_found_and_left_alone(state: Path, damage: str, said: str) -> None:
    with database(state) as connection:
        connection.execute(damage)
    assert said in errors(state)
    assert said in errors(state, repair=True)  # a document that a user made is not removed
    assert said in errors(state)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE iam_user SET Path = '/odd/'", "index columns of iam_user differ from their documents"),
        ("DELETE FROM cloudtrail_index WHERE seq = 3", "events are missing from the audit log's index"),
        (
            "INSERT INTO cloudtrail_index VALUES ('event_name', 'x', 1.0, 999999)",
            "the audit log's index has entries of no event",
        ),
    ],
)
def test_what_is_safe_is_repaired(state: Path, damage: str, said: str) -> None:
    with database(state) as connection:
        connection.execute(damage)
    assert errors(state) == [said]
    assert errors(state, repair=True) == []
    assert errors(state) == []


def biggest(state: Path) -> Path:
    return max((state / "blobs").glob("*/*"), key=lambda path: path.stat().st_size)


def test_damaged_bodies_are_found(state: Path) -> None:
    body = biggest(state)
    with body.open("r+b") as file:
        file.seek(50_000)
        file.write(bytes([BODY[50_000] ^ 1]))
    assert errors(state) == []
    assert errors(state, deep=True) == ["objects have other bytes than were stored"]
    os.truncate(body, 5)
    assert errors(state) == ["files of objects' bytes have another size than was stored"]
    body.unlink()
    assert errors(state, repair=True) == ["the bytes of objects are missing"]


def test_left_over_bodies_are_removed_and_open_files_closed(state: Path) -> None:
    left = state / "blobs" / "ab" / "abandoned"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"x")
    state.chmod(0o755)
    (state / "plane.key").chmod(0o644)
    assert "files of the state folder can be read by others on this machine" in errors(state)
    assert left.exists()
    assert errors(state, repair=True) == []
    assert not left.exists()
    assert (state / "plane.key").stat().st_mode & 0o077 == 0


def test_a_damaged_database_is_said_to_be_so(state: Path) -> None:
    path = state / "plane.db"
    with path.open("r+b") as file:
        for page in range(8, 60):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)
    assert any("plane.db is damaged" in text or "cannot be read" in text for text in errors(state))
    path.write_bytes(b"no database at all" * 1000)
    assert errors(state) == ["a database cannot be read"]


def test_a_lost_key_is_told(state: Path) -> None:
    (state / "plane.key").write_text("")
    assert errors(state) == ["the key of the state folder is missing or damaged: no secret made under it is valid"]
    with pytest.raises(RuntimeError, match="does not hold a key of 32 bytes"), running_plane(state):
        pass


def test_nothing_is_repaired_while_a_plane_serves(filled: RunningPlane, tmp_path: Path) -> None:
    with pytest.raises(CannotExamine, match="stop it before anything is repaired"):
        examine(filled.state, repair=True)
    with pytest.raises(CannotExamine, match="holds no state"):
        examine(tmp_path)


def test_a_folder_that_cannot_be_locked_is_said_to_be_so(state: Path) -> None:
    (state / "backup.lock").unlink(missing_ok=True)
    (state / "backup.lock").symlink_to(state / "nowhere" / "backup.lock")  # as little to be made as in a read-only one
    with pytest.raises(CannotExamine, match="cannot be locked"):
        examine(state)


def test_every_reference_is_between_kinds_that_are_kept() -> None:
    from twinplane.data_plane.app import kinds_and_tasks

    kept = set(map(id, kinds_and_tasks()[0]))
    references, checks = declared()
    assert len(references) > 40
    assert len(checks) >= 3
    assert [one for one in references if id(one.kind) not in kept or id(one.to) not in kept] == []
    assert [one for one in references if not set(one.columns) <= set(one.to.all_columns)] == []


def test_the_command_says_what_to_do_and_ends_with_1(state: Path) -> None:
    def run(*options: str) -> "subprocess.CompletedProcess[str]":
        return twinplane("doctor", *options, state=state)

    well = run("--deep")
    assert (well.returncode, well.stdout.splitlines()[-1]) == (
        0, "All is well: documents, references, indexes, files and permissions, every byte read.",
    )  # fmt: skip
    with database(state) as connection:
        connection.execute("UPDATE iam_user SET Path = '/odd/' WHERE UserName = 'ana'")
    ill = run()
    assert ill.returncode == 1
    assert "Path '/odd/' instead of '/'" in ill.stdout
    assert "`twinplane doctor --repair` puts it right" in ill.stdout
    [found] = [one for one in json.loads(run("--json").stdout) if one["severity"] == "error"]
    assert (found["count"], found["repairable"], found["repaired"]) == (1, True, False)
    repaired = run("--repair")
    assert (repaired.returncode, "→ repaired" in repaired.stdout) == (0, True)
