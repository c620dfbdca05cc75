"""What was taken away is gone for the very next call, whatever was remembered of the calls before."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.domains_for_tests import ALL_USERS, make_mesh
from twinplane.data_plane.testing import RunningPlane

TRUST = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
)
ANY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "glue:*", "Resource": "*"}]}


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return str(refused.value.response["Error"]["Code"])


class Reader:
    """A role, a session of it, and a table that it sees through Lake Formation alone."""

    def __init__(self, plane: RunningPlane, name: str) -> None:
        self.iam, self.lake, self.name = plane.client("iam"), plane.client("lakeformation"), name
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        self.iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(ANY))
        self.arn = f"arn:aws:iam::111122223333:role/{name}"
        session = plane.client("sts").assume_role(RoleArn=self.arn, RoleSessionName="reader")["Credentials"]
        glue = plane.client("glue")
        glue.create_database(DatabaseInput={"Name": name.lower()})
        glue.create_table(DatabaseName=name.lower(), TableInput={"Name": "t"})
        self.table = {"Table": {"DatabaseName": name.lower(), "Name": "t"}}
        self.lake.grant_permissions(
            Principal={"DataLakePrincipalIdentifier": self.arn}, Resource=self.table, Permissions=["DESCRIBE"]
        )
        self.glue, self.sts = plane.client("glue", session), plane.client("sts", session)

    def look(self) -> Any:
        return self.glue.get_table(DatabaseName=self.name.lower(), Name="t")


def test_the_next_call_feels_each_revocation_and_each_grant(plane: RunningPlane) -> None:
    reader = Reader(plane, "Reader")
    for _ in range(3):
        reader.look()
        reader.iam.delete_role_policy(RoleName="Reader", PolicyName="all")
        assert refusal(reader.look) == "AccessDeniedException"
        reader.iam.put_role_policy(RoleName="Reader", PolicyName="all", PolicyDocument=json.dumps(ANY))
        reader.look()
        whom = {"Principal": {"DataLakePrincipalIdentifier": reader.arn}, "Resource": reader.table}
        reader.lake.revoke_permissions(**whom, Permissions=["DESCRIBE"])
        assert refusal(reader.look) == "AccessDeniedException"
        reader.lake.put_data_lake_settings(
            DataLakeSettings={"DataLakeAdmins": [{"DataLakePrincipalIdentifier": reader.arn}]}
        )
        reader.look()
        reader.lake.put_data_lake_settings(DataLakeSettings={"DataLakeAdmins": []})
        assert refusal(reader.look) == "AccessDeniedException"
        reader.lake.grant_permissions(**whom, Permissions=["DESCRIBE"])


def test_the_next_call_feels_a_customer_managed_policy_and_a_boundary(plane: RunningPlane) -> None:
    reader = Reader(plane, "Bounded")
    arn = reader.iam.create_policy(PolicyName="Nothing", PolicyDocument=json.dumps(ANY))["Policy"]["Arn"]
    reader.iam.delete_role_policy(RoleName="Bounded", PolicyName="all")
    assert refusal(reader.look) == "AccessDeniedException"
    reader.iam.attach_role_policy(RoleName="Bounded", PolicyArn=arn)
    reader.look()
    reader.iam.detach_role_policy(RoleName="Bounded", PolicyArn=arn)
    assert refusal(reader.look) == "AccessDeniedException"


def test_the_next_call_feels_that_a_key_was_switched_off_and_that_a_role_is_gone(plane: RunningPlane) -> None:
    iam = plane.client("iam")
    iam.create_user(UserName="keyed")
    key = iam.create_access_key(UserName="keyed")["AccessKey"]
    sts = plane.client("sts", key)
    for _ in range(3):
        assert sts.get_caller_identity()["Arn"].endswith("user/keyed")
        iam.update_access_key(UserName="keyed", AccessKeyId=key["AccessKeyId"], Status="Inactive")
        assert refusal(sts.get_caller_identity) == "InvalidClientTokenId"
        iam.update_access_key(UserName="keyed", AccessKeyId=key["AccessKeyId"], Status="Active")
    reader = Reader(plane, "Passing")
    reader.sts.get_caller_identity()
    iam.delete_role_policy(RoleName="Passing", PolicyName="all")
    iam.delete_role(RoleName="Passing")
    assert refusal(reader.sts.get_caller_identity) == "InvalidClientTokenId"


class Domain:
    """A DataZone domain with a project, and someone who has a part in it."""

    def __init__(self, plane: RunningPlane) -> None:
        self.mesh = make_mesh(plane, "stale")
        self.of = {"domainIdentifier": self.mesh.domain_id}
        self.admin, self.anna = self.mesh.admin, self.mesh.as_person("anna")
        self.user = {"userIdentifier": self.mesh.person("anna")}
        self.anna.search(**self.of, searchScope="GLOSSARY")  # who called once is a user of the domain
        self.mesh.grant("CREATE_PROJECT", ALL_USERS, {"includeChildDomainUnits": True})
        made = self.admin.create_project(**self.of, name="watched")
        self.project, self.unit = made["id"], made["domainUnitId"]

    def sees(self) -> bool:
        """Whether the project is hers to see: asked for, and listed. Both must agree."""
        listed = [item["id"] for item in self.anna.list_projects(**self.of)["items"]]
        try:
            self.anna.get_project(**self.of, identifier=self.project)
        except ClientError:
            assert listed == []
            return False
        assert listed == [self.project]
        return True


@pytest.fixture(scope="module")
def domain(plane: RunningPlane) -> Domain:
    return Domain(plane)


def test_the_next_call_feels_who_is_in_a_project(domain: Domain) -> None:
    of, project = domain.of, {"projectIdentifier": domain.project}
    group = domain.mesh.group("watchers")
    domain.admin.create_group_profile(**of, groupIdentifier=group)
    store = domain.mesh.plane.client("identitystore")
    directory = domain.mesh.plane.client("sso-admin").list_instances()["Instances"][0]["IdentityStoreId"]
    for _ in range(2):
        assert not domain.sees()
        domain.admin.create_project_membership(**of, **project, member=domain.user, designation="PROJECT_CONTRIBUTOR")
        assert domain.sees()
        domain.admin.delete_project_membership(**of, **project, member=domain.user)
        assert not domain.sees()
        member = {"groupIdentifier": group}
        domain.admin.create_project_membership(**of, **project, member=member, designation="PROJECT_CONTRIBUTOR")
        assert not domain.sees()
        joined = store.create_group_membership(
            IdentityStoreId=directory, GroupId=group, MemberId={"UserId": domain.mesh.person("anna")}
        )
        assert domain.sees()
        store.delete_group_membership(IdentityStoreId=directory, MembershipId=joined["MembershipId"])
        assert not domain.sees()
        domain.admin.delete_project_membership(**of, **project, member=member)


def test_the_next_call_feels_who_owns_a_domain_unit_and_whom_the_domain_lets_in(domain: Domain) -> None:
    of, unit = domain.of, {"entityType": "DOMAIN_UNIT", "entityIdentifier": domain.unit}
    for _ in range(2):
        assert not domain.sees()
        domain.admin.add_entity_owner(**of, **unit, owner={"user": domain.user})
        assert domain.sees()
        domain.admin.update_user_profile(**of, **domain.user, status="DEACTIVATED")
        assert refusal(lambda: domain.anna.list_projects(**of)) == "AccessDeniedException"
        domain.admin.update_user_profile(**of, **domain.user, status="ACTIVATED")
        assert domain.sees()
        domain.admin.remove_entity_owner(**of, **unit, owner={"user": domain.user})
