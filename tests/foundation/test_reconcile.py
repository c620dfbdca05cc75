"""Plan and apply against a data plane of its own, over a real socket."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest

from twinplane.data_plane.testing import RunningPlane, running_plane
from twinplane.foundation import reconcile
from twinplane.foundation.changes import Change, changed
from twinplane.foundation.run import NotAsExpected
from twinplane.mesh.load import load
from twinplane.mesh.model import Mesh

RETAIL = Path(__file__).parents[2] / "examples/retail/mesh.yaml"


@dataclass(frozen=True)
class Applied:
    """A plane, and the mesh that is applied to it."""

    plane: RunningPlane
    mesh: Mesh
    changes: list[Change]

    def client(self, service: str) -> Any:
        return self.plane.client(service)

    @property
    def domain_id(self) -> str:
        return str(self.client("datazone").list_domains()["items"][0]["id"])

    def plan(self, mesh: Mesh | None = None) -> list[Change]:
        return _with(reconcile.plan, self.plane, mesh or self.mesh)

    def apply(self, mesh: Mesh | None = None, report: Callable[[Change], None] | None = None) -> list[Change]:
        return _with(reconcile.apply, self.plane, mesh or self.mesh, report)


@cache
def _session(endpoint: str, **credentials: str) -> boto3.Session:
    """One for each plane: a session reads AWS's models once."""
    return boto3.Session(**credentials)


def _with(pass_over: Any, plane: RunningPlane, mesh: Mesh, report: Any = None) -> list[Change]:
    session = _session(plane.endpoint, **plane.administrator(), region_name=plane.region)
    changes: list[Change] = pass_over(
        mesh, session, issuer_url=f"{plane.endpoint}/_idp", endpoint_url=plane.endpoint, report=report
    )
    return changes


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applied]:
    mesh = load(RETAIL)
    with running_plane(tmp_path_factory.mktemp("plane"), account_id=mesh.account_id) as plane:
        assert {change.action for change in _with(reconcile.plan, plane, mesh)} <= {"create", "update"}
        yield Applied(plane, mesh, _with(reconcile.apply, plane, mesh))


def changing(mesh: Mesh, **parts: Any) -> Mesh:
    """The mesh with some of its parts replaced."""
    return Mesh.model_validate(mesh.model_dump() | parts)


def test_a_second_apply_changes_nothing(applied: Applied) -> None:
    assert changed(applied.apply()) == []
    assert len(applied.apply()) == len(applied.changes)


def test_a_plan_changes_nothing(applied: Applied) -> None:
    assert changed(applied.plan()) == []


def test_the_domain_is_of_version_2_with_single_sign_on(applied: Applied) -> None:
    domain = applied.client("datazone").get_domain(identifier=applied.domain_id)
    assert (domain["domainVersion"], domain["status"]) == ("V2", "AVAILABLE")
    assert domain["singleSignOn"]["type"] == "IAM_IDC"


def test_profiles_lock_their_parameters_and_force_their_tags(applied: Applied) -> None:
    datazone, domain = applied.client("datazone"), applied.domain_id
    listed = datazone.list_project_profiles(domainIdentifier=domain)["items"]
    for item in listed:
        profile = datazone.get_project_profile(domainIdentifier=domain, identifier=item["id"])
        declared = applied.mesh.profile(item["name"])
        tags = {tag["key"]: (tag["value"], tag["isValueEditable"]) for tag in profile["projectResourceTags"]}
        assert tags["AmazonDataZoneMeshStage"] == (declared.stage, False)
        tooling = profile["environmentConfigurations"][0]["configurationParameters"]["parameterOverrides"]
        assert not any(parameter["isEditable"] for parameter in tooling)
    assert len(listed) == len(applied.mesh.profiles)


def test_every_declared_table_is_in_the_catalog_with_its_columns(applied: Applied) -> None:
    glue = applied.client("glue")
    for project in applied.mesh.projects:
        for database in project.data:
            for table in database.tables:
                found = glue.get_table(DatabaseName=database.database, Name=table.name)["Table"]
                columns = found["StorageDescriptor"]["Columns"]
                assert {c["Name"]: c.get("Comment", "") for c in columns} == {
                    name: column.description for name, column in table.columns.items()
                }


def test_what_lies_in_s3_is_the_file_of_the_package(applied: Applied, tmp_path: Path) -> None:
    location = applied.client("glue").get_table(DatabaseName="marketing", Name="households")["Table"]
    bucket, prefix = location["StorageDescriptor"]["Location"].removeprefix("s3://").split("/", 1)
    s3 = applied.client("s3")
    key = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"][0]["Key"]
    s3.download_file(bucket, key, str(tmp_path / "file"))
    count = duckdb.execute("SELECT count(*) FROM read_parquet(?)", [str(tmp_path / "file")]).fetchone()
    assert count is not None
    assert count[0] > 0


def test_a_role_that_was_changed_is_drift_in_the_plan_and_put_right_by_apply(applied: Applied) -> None:
    name = applied.mesh.app.person_role
    applied.client("iam").put_role_policy(
        RoleName=name,
        PolicyName="twinplane",
        PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
    )
    planned = changed(applied.plan())
    assert [(c.action, c.kind, c.name) for c in planned] == [("update", "IAM role", name)]
    assert planned[0].differences
    assert changed(applied.apply()) == planned
    assert changed(applied.plan()) == []


def test_what_a_stack_owns_is_only_compared(applied: Applied) -> None:
    unit = applied.mesh.domain_units[0]
    other = unit.model_copy(update={"description": "Something else", "managed_by": "stack"})
    missing = unit.model_copy(update={"name": "Elsewhere", "owners": (), "managed_by": "stack"})
    units = [u.model_dump() for u in (other, *applied.mesh.domain_units[1:], missing)]
    mesh = changing(applied.mesh, domain_units=units)
    told = {c.name: c.action for c in changed(applied.apply(mesh))}
    assert told == {unit.name: "drift", "Elsewhere": "drift"}
    assert changed(applied.plan()) == []


def test_a_new_value_in_a_profile_is_an_update(applied: Applied) -> None:
    profiles = [profile.model_dump() for profile in applied.mesh.profiles]
    parameters = profiles[0]["environments"][0]["parameters"]
    before = parameters["maxEbsVolumeSize"]["value"]
    parameters["maxEbsVolumeSize"]["value"] = str(int(before) + 1)
    mesh = changing(applied.mesh, profiles=profiles)
    planned = changed(applied.plan(mesh))
    assert [(c.action, c.kind) for c in planned] == [("update", "project profile")]
    assert "maxEbsVolumeSize" in str(planned[0].differences) or before in str(planned[0])
    applied.apply(mesh)
    assert changed(applied.plan(mesh)) == []
    applied.apply()


def test_an_interrupted_apply_goes_on_where_it_ended(tmp_path: Path) -> None:
    mesh = load(RETAIL)

    class Interrupted(Exception):
        pass

    with running_plane(tmp_path, account_id=mesh.account_id) as plane:
        for number in (5, 60, 100):
            left = number

            def interrupt(_change: Change) -> None:
                nonlocal left
                left -= 1
                if left == 0:
                    raise Interrupted

            with pytest.raises(Interrupted):
                _with(reconcile.apply, plane, mesh, interrupt)
        _with(reconcile.apply, plane, mesh)
        assert changed(_with(reconcile.plan, plane, mesh)) == []
        domains = plane.client("datazone").list_domains()["items"]
        assert len(domains) == 1


def test_credentials_of_another_account_are_refused(applied: Applied) -> None:
    accounts = applied.mesh.accounts.model_dump() | {"business_production": "999999999999"}
    with pytest.raises(NotAsExpected, match="these credentials are of account"):
        applied.plan(changing(applied.mesh, accounts=accounts))


def test_an_issuer_that_moved_is_replaced(applied: Applied) -> None:
    identity = applied.mesh.identity.model_dump()
    identity["issuer"]["url"] = f"{applied.plane.endpoint}/_idp/"
    moved = changing(applied.mesh, identity=identity)
    told = changed(applied.apply(moved))
    assert [c.kind for c in told] == ["trusted token issuer", "application"]
    assert changed(applied.plan(moved)) == []
    applied.apply()
    assert changed(applied.plan()) == []
