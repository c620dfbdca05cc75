"""S3 Access Grants: who may read and write which part of a bucket, by credentials that are vended for it."""

import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane import sessions
from twinplane.data_plane.plane import Keys
from twinplane.data_plane.services.s3control import rules
from twinplane.data_plane.testing import RunningPlane

ACCOUNT = "111122223333"
BUCKET = "granted"
KEYS = ("bob/1", "bob/reports/1", "bobby/1", "alice/1")


def text(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Grants:
    """An instance with one location, and what tests need around it."""

    def __init__(self, plane: RunningPlane) -> None:
        self.plane, self.iam, self.s3 = plane, plane.client("iam"), plane.client("s3")
        self.control = plane.client("s3control")
        self.s3.create_bucket(Bucket=BUCKET)
        for key in KEYS:
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
        found = plane.client("sso-admin").list_instances()["Instances"][0]
        self.identity_center = found["InstanceArn"]
        self.directory = plane.client("identitystore")
        self.store_id = found["IdentityStoreId"]
        self.instance = self.control.create_access_grants_instance(
            AccountId=ACCOUNT, IdentityCenterArn=self.identity_center
        )
        self.role = self.new_role("Location", ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:SetContext"])
        self.location = self.control.create_access_grants_location(
            AccountId=ACCOUNT, LocationScope=f"s3://{BUCKET}", IAMRoleArn=self.role
        )["AccessGrantsLocationId"]

    def new_role(self, name: str, actions: list[str], principal: Any = None, **condition: Any) -> str:
        trusted = principal or {"Service": "access-grants.s3.amazonaws.com"}
        trust = {"Effect": "Allow", "Principal": trusted, "Action": actions, **condition}
        arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=text(trust))["Role"]["Arn"]
        policy = text({"Effect": "Allow", "Action": ["s3:*", "sts:*"], "Resource": "*"})
        self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
        return str(arn)

    def grant(self, grantee: tuple[str, str], permission: str, prefix: str, **more: Any) -> str:
        kind, name = grantee
        return str(self.control.create_access_grant(
            AccountId=ACCOUNT, AccessGrantsLocationId=self.location, Permission=permission,
            Grantee={"GranteeType": kind, "GranteeIdentifier": name},
            AccessGrantsLocationConfiguration={"S3SubPrefix": prefix}, **more,
        )["AccessGrantId"])  # fmt: skip

    def user(self, name: str) -> tuple[Any, str]:
        """A user who may ask for access to data and nothing else: its client of S3 Control, and its ARN."""
        arn = self.iam.create_user(UserName=name)["User"]["Arn"]
        asks = text({"Effect": "Allow", "Action": ["s3:GetDataAccess", "s3:ListCallerAccessGrants"], "Resource": "*"})
        self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=asks)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return self.plane.client("s3control", key), str(arn)

    def person(self, name: str) -> tuple[Any, str]:
        """A person of the directory: the client of a session that acts for her, and her id."""
        user_id = self.directory.create_user(
            IdentityStoreId=self.store_id, UserName=name, DisplayName=name,
            Name={"GivenName": name, "FamilyName": name},
        )["UserId"]  # fmt: skip
        if not hasattr(self, "person_role"):
            self.person_role = self.new_role("Person", ["sts:AssumeRole"], {"AWS": ACCOUNT})
        issuer: Any = SimpleNamespace(keys=Keys(self.plane.state / "plane.key"))
        session = sessions.issue(
            issuer, role_arn=self.person_role, session_name=name, duration_seconds=900, now=time.time(),
            on_behalf_of=user_id,
        )  # fmt: skip
        return self.plane.client("s3control", session), str(user_id)

    def data(self, control: Any, target: str, permission: str = "READ", **more: Any) -> Any:
        """S3 with the credentials that are vended for `target`."""
        answer = control.get_data_access(AccountId=ACCOUNT, Target=target, Permission=permission, **more)
        return self.plane.client("s3", answer["Credentials"])


@pytest.fixture(scope="module")
def grants(plane: RunningPlane) -> Grants:
    return Grants(plane)


def refused(call: Callable[..., Any], *arguments: Any, **named: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(*arguments, **named)
    return str(error.value.response["Error"]["Code"])


def readable(s3: Any) -> list[str]:
    """The keys that a client can read."""
    found = []
    for key in KEYS:
        try:
            body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
        else:
            assert body == key.encode()
            found.append(key)
    return found


def test_a_user_reads_what_was_granted_and_nothing_beside_it(grants: Grants) -> None:
    control, arn = grants.user("reader")
    assert refused(grants.data, control, f"s3://{BUCKET}/bob/*") == "AccessDenied"
    grants.grant(("IAM", arn), "READ", "bob/*")
    s3 = grants.data(control, f"s3://{BUCKET}/bob/*")
    assert readable(s3) == ["bob/1", "bob/reports/1"]
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=BUCKET, Prefix="bob/")["Contents"]] == KEYS_OF_BOB
    assert refused(s3.list_objects_v2, Bucket=BUCKET) == "AccessDenied"
    assert refused(s3.list_objects_v2, Bucket=BUCKET, Prefix="bob") == "AccessDenied"
    assert refused(s3.put_object, Bucket=BUCKET, Key="bob/new", Body=b"") == "AccessDenied"
    assert refused(s3.delete_object, Bucket=BUCKET, Key="bob/1") == "AccessDenied"
    for target in (f"s3://{BUCKET}/*", f"s3://{BUCKET}/bob*", f"s3://{BUCKET}/alice/*", "s3://other/bob/*"):
        assert refused(grants.data, control, target) == "AccessDenied"
    assert refused(grants.data, control, f"s3://{BUCKET}/bob/*", "WRITE") == "AccessDenied"
    assert refused(grants.data, control, f"s3://{BUCKET}/bob/*", "READWRITE") == "AccessDenied"


KEYS_OF_BOB = ["bob/1", "bob/reports/1"]


def test_privilege_narrows_what_is_vended_and_the_narrowest_grant_is_taken(grants: Grants) -> None:
    control, arn = grants.user("narrow")
    grants.grant(("IAM", arn), "READ", "bob/*")
    ask = {"AccountId": ACCOUNT, "Target": f"s3://{BUCKET}/bob/reports/*", "Permission": "READ"}
    assert control.get_data_access(**ask)["MatchedGrantTarget"] == f"s3://{BUCKET}/bob/*"
    minimal = control.get_data_access(**ask, Privilege="Minimal")
    assert minimal["MatchedGrantTarget"] == f"s3://{BUCKET}/bob/reports/*"
    assert readable(grants.plane.client("s3", minimal["Credentials"])) == ["bob/reports/1"]
    grants.grant(("IAM", arn), "READWRITE", "bob/reports/*")
    assert control.get_data_access(**ask)["MatchedGrantTarget"] == f"s3://{BUCKET}/bob/reports/*"
    assert control.get_data_access(**ask)["Grantee"] == {"GranteeType": "IAM", "GranteeIdentifier": arn}


def test_writers_write_and_do_not_read(grants: Grants) -> None:
    control, arn = grants.user("writer")
    grants.grant(("IAM", arn), "WRITE", "drop/*")
    s3 = grants.data(control, f"s3://{BUCKET}/drop/*", "WRITE")
    s3.put_object(Bucket=BUCKET, Key="drop/1", Body=b"1")
    assert refused(s3.get_object, Bucket=BUCKET, Key="drop/1") == "AccessDenied"
    assert refused(s3.put_object, Bucket=BUCKET, Key="dropped", Body=b"") == "AccessDenied"
    s3.delete_object(Bucket=BUCKET, Key="drop/1")


def test_one_object_may_be_granted(grants: Grants) -> None:
    control, arn = grants.user("one-object")
    grants.grant(("IAM", arn), "READ", "bob/1", S3PrefixType="Object")
    assert readable(grants.data(control, f"s3://{BUCKET}/bob/1", TargetType="Object")) == ["bob/1"]
    assert refused(grants.data, control, f"s3://{BUCKET}/bob/1") == "AccessDenied"  # a prefix of more than that
    assert refused(grants.data, control, f"s3://{BUCKET}/bob/1x", TargetType="Object") == "AccessDenied"


def test_people_and_their_groups_are_granted_and_act_in_their_own_name(grants: Grants) -> None:
    maria, maria_id = grants.person("maria")
    tom, tom_id = grants.person("tom")
    grants.grant(("DIRECTORY_USER", maria_id), "READ", "alice/*")
    group = grants.directory.create_group(IdentityStoreId=grants.store_id, DisplayName="Readers")["GroupId"]
    grants.grant(("DIRECTORY_GROUP", group), "READ", "bob/*")
    membership = grants.directory.create_group_membership(
        IdentityStoreId=grants.store_id, GroupId=group, MemberId={"UserId": tom_id}
    )["MembershipId"]
    s3 = grants.data(maria, f"s3://{BUCKET}/alice/*")
    assert readable(s3) == ["alice/1"]
    assert refused(grants.data, tom, f"s3://{BUCKET}/alice/*") == "AccessDenied"
    assert readable(grants.data(tom, f"s3://{BUCKET}/bob/*")) == KEYS_OF_BOB
    found = tom.list_caller_access_grants(AccountId=ACCOUNT)["CallerAccessGrantsList"]
    assert [(g["Permission"], g["GrantScope"]) for g in found] == [("READ", f"s3://{BUCKET}/bob/*")]
    grants.directory.delete_group_membership(IdentityStoreId=grants.store_id, MembershipId=membership)
    assert refused(grants.data, tom, f"s3://{BUCKET}/bob/*") == "AccessDenied"
    assert tom.list_caller_access_grants(AccountId=ACCOUNT)["CallerAccessGrantsList"] == []
    lookup = [{"AttributeKey": "EventName", "AttributeValue": "GetDataAccess"}]
    events = grants.plane.client("cloudtrail").lookup_events(LookupAttributes=lookup)["Events"]
    seen = [json.loads(e["CloudTrailEvent"]) for e in events]
    assert maria_id in {e["userIdentity"].get("onBehalfOf", {}).get("userId") for e in seen}
    assert not [e for e in seen if "sessionToken" in json.dumps(e.get("responseElements") or {})]


def test_a_revoked_grant_vends_nothing_more(grants: Grants) -> None:
    control, arn = grants.user("revoked")
    grant = grants.grant(("IAM", arn), "READ", "bob/*")
    grants.data(control, f"s3://{BUCKET}/bob/*")
    grants.control.delete_access_grant(AccountId=ACCOUNT, AccessGrantId=grant)
    assert refused(grants.data, control, f"s3://{BUCKET}/bob/*") == "AccessDenied"
    assert refused(grants.control.get_access_grant, AccountId=ACCOUNT, AccessGrantId=grant) == "NoSuchAccessGrantError"


def test_without_its_directory_the_instance_grants_nobody_of_it_anything(grants: Grants) -> None:
    person, person_id = grants.person("lena")
    grants.grant(("DIRECTORY_USER", person_id), "READ", "bob/*")
    grants.control.dissociate_access_grants_identity_center(AccountId=ACCOUNT)
    assert refused(grants.data, person, f"s3://{BUCKET}/bob/*") == "AccessDenied"
    code = refused(grants.grant, ("DIRECTORY_USER", person_id), "READ", "alice/*")
    assert code == "InvalidAccessGrant"
    grants.control.associate_access_grants_identity_center(AccountId=ACCOUNT, IdentityCenterArn=grants.identity_center)
    grants.data(person, f"s3://{BUCKET}/bob/*")


def test_the_role_must_trust_the_service_and_the_session_lasts_no_longer_than_it_may(grants: Grants) -> None:
    control, arn = grants.user("trusting")
    grants.grant(("IAM", arn), "READ", "bob/*")
    target = f"s3://{BUCKET}/bob/*"
    assert refused(grants.data, control, target, DurationSeconds=7200) == "StsValidationError"
    only_people = {"Service": "access-grants.s3.amazonaws.com"}
    trust = {"Effect": "Allow", "Principal": only_people, "Action": ["sts:AssumeRole", "sts:SetContext"]}
    grants.iam.update_assume_role_policy(RoleName="Location", PolicyDocument=text(trust))
    assert refused(grants.data, control, target) == "StsNotAuthorizedError"
    trust["Action"] = ["sts:AssumeRole", "sts:SetContext", "sts:SetSourceIdentity"]
    other = {"Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}}
    grants.iam.update_assume_role_policy(RoleName="Location", PolicyDocument=text(trust | other))
    assert refused(grants.data, control, target) == "StsNotAuthorizedError"
    mine = {"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}
    grants.iam.update_assume_role_policy(RoleName="Location", PolicyDocument=text(trust | mine))
    grants.data(control, target)
    stranger = grants.new_role("Stranger", ["sts:AssumeRole"], {"AWS": ACCOUNT})
    new = {"AccountId": ACCOUNT, "LocationScope": f"s3://{BUCKET}/x/", "IAMRoleArn": stranger}
    assert refused(grants.control.create_access_grants_location, **new) == "InvalidIamRole"


def test_every_operation_needs_its_own_permission_and_shows_nothing_without(grants: Grants) -> None:
    grants.iam.create_user(UserName="nobody")
    key = grants.iam.create_access_key(UserName="nobody")["AccessKey"]
    nobody = grants.plane.client("s3control", key)
    grant = {"AccessGrantId": "x"}
    location = {"AccessGrantsLocationId": grants.location}
    role = {"IAMRoleArn": grants.role}
    grantee = {"Grantee": {"GranteeType": "IAM", "GranteeIdentifier": "x"}, "Permission": "READ"}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("create_access_grants_instance", {}), ("get_access_grants_instance", {}),
        ("list_access_grants_instances", {}), ("delete_access_grants_instance", {}),
        ("get_access_grants_instance_for_prefix", {"S3Prefix": f"s3://{BUCKET}/"}),
        ("associate_access_grants_identity_center", {"IdentityCenterArn": grants.identity_center}),
        ("dissociate_access_grants_identity_center", {}),
        ("create_access_grants_location", {"LocationScope": f"s3://{BUCKET}/y/"} | role),
        ("get_access_grants_location", location), ("list_access_grants_locations", {}),
        ("update_access_grants_location", location | role), ("delete_access_grants_location", location),
        ("create_access_grant", location | grantee), ("get_access_grant", grant), ("list_access_grants", {}),
        ("delete_access_grant", grant), ("list_caller_access_grants", {}),
        ("get_data_access", {"Target": f"s3://{BUCKET}/bob/*", "Permission": "READ"}),
    ]  # fmt: skip
    for name, arguments in calls:
        assert refused(getattr(nobody, name), AccountId=ACCOUNT, **arguments) == "AccessDenied", name
        other = {"AccountId": "999999999999", **arguments}
        assert refused(getattr(grants.control, name), **other) == "AccessDenied", name
    pass_role = text({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    grants.iam.put_user_policy(UserName="nobody", PolicyName="p", PolicyDocument=pass_role)
    new = {"AccountId": ACCOUNT, "LocationScope": f"s3://{BUCKET}/y/"} | role
    assert refused(nobody.create_access_grants_location, **new) == "AccessDenied"  # may not pass the role


def test_what_is_not_served_says_so(grants: Grants) -> None:
    assert refused(grants.control.get_access_grants_instance_resource_policy, AccountId=ACCOUNT) == "NotImplemented"
    assert refused(grants.control.list_access_points, AccountId=ACCOUNT) == "NotImplemented"


def test_grants_and_locations_are_listed_and_go_in_order(grants: Grants) -> None:
    _, arn = grants.user("listed")
    made = {grants.grant(("IAM", arn), "READ", f"many/{n}/*") for n in range(5)}
    assert refused(grants.grant, ("IAM", arn), "READ", "many/0/*") == "AccessGrantAlreadyExists"
    pages = list(_pages(grants.control.list_access_grants, GranteeType="IAM", GranteeIdentifier=arn, MaxResults=2))
    assert [len(page["AccessGrantsList"]) for page in pages] == [2, 2, 1]
    assert {grant["AccessGrantId"] for page in pages for grant in page["AccessGrantsList"]} == made
    found = grants.control.list_access_grants_locations(AccountId=ACCOUNT)["AccessGrantsLocationsList"]
    assert [each["LocationScope"] for each in found] == [f"s3://{BUCKET}/"]
    where = {"AccountId": ACCOUNT, "AccessGrantsLocationId": grants.location}
    assert refused(grants.control.delete_access_grants_location, **where) == "AccessGrantsLocationNotEmptyError"
    code = refused(grants.control.delete_access_grants_instance, AccountId=ACCOUNT)
    assert code == "AccessGrantsInstanceNotEmptyError"


def _pages(call: Callable[..., Any], **arguments: Any) -> Any:
    token: dict[str, str] = {}
    while True:
        page = call(AccountId=ACCOUNT, **arguments, **token)
        yield page
        if "NextToken" not in page:
            return
        token = {"NextToken": page["NextToken"]}


@pytest.mark.parametrize(
    ("target", "scope", "within"),
    [
        ("s3://b-1/bob/*", "s3://b-1/bob/*", True), ("s3://b-1/bob/x*", "s3://b-1/bob/*", True),
        ("s3://b-1/bob*", "s3://b-1/bob/*", False), ("s3://b-1/*", "s3://b-1/bob/*", False),
        ("s3://b-12/*", "s3://b-1/*", False), ("s3://b-1/k", "s3://b-1/k", True), ("s3://b-1/k*", "s3://b-1/k", False),
        ("s3://b-1/kk", "s3://b-1/k", False),
    ],
)  # fmt: skip
def test_what_lies_within_a_scope(target: str, scope: str, within: bool) -> None:
    assert rules.is_within(target, scope) == within


def test_scopes_end_at_the_bucket_s_name() -> None:
    assert rules.grant_scope("s3://", "bucket*", to_object=False) == "s3://bucket/*"
    assert rules.grant_scope("s3://", "bucket/a*", to_object=False) == "s3://bucket/a*"
    assert rules.target_scope("s3://bucket", to_object=False) == "s3://bucket/*"
    assert rules.target_scope("s3://bucket/a/", to_object=False) == "s3://bucket/a/*"
    assert rules.location_scope("s3://bucket") == "s3://bucket/"
    for location, sub_prefix, to_object in (
        ("s3://", None, False), ("s3://", "*", False), ("s3://bucket/", "a", False), ("s3://bucket/", "a*b*", False),
        ("s3://bucket/", "a*", True), ("s3://bucket/", "", True),
    ):  # fmt: skip
        assert _code(rules.grant_scope, location, sub_prefix, to_object=to_object) == "InvalidAccessGrant"
    for target in ("bucket/a", "s3://", "s3://b/*", "s3://Bucket/a", "s3://buck*/a"):
        assert _code(rules.target_scope, target, to_object=False) == "InvalidRequest"


def _code(call: Callable[..., Any], *arguments: Any, **named: Any) -> str:
    from twinplane.data_plane.call import ServiceError

    with pytest.raises(ServiceError) as error:
        call(*arguments, **named)
    return error.value.code


def test_a_key_s_own_stars_mean_nothing_in_the_vended_policy(grants: Grants) -> None:
    control, arn = grants.user("literal")
    for key in ("odd/${aws:userid}/k?y", "odd/x/k1y"):
        grants.s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    grants.grant(("IAM", arn), "READ", "odd/${aws:userid}/k?y", S3PrefixType="Object")
    s3 = grants.data(control, f"s3://{BUCKET}/odd/${{aws:userid}}/k?y", TargetType="Object")
    s3.get_object(Bucket=BUCKET, Key="odd/${aws:userid}/k?y")
    assert refused(s3.get_object, Bucket=BUCKET, Key="odd/x/k1y") == "AccessDenied"
