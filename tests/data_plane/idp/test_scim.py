"""A company's directory keeps people and groups up to date, as it does with Identity Center's endpoint."""

from __future__ import annotations

import json
import stat
from itertools import count
from typing import Any

import httpx
import pytest

from tests.data_plane.sso.signing_in import Browser, refusal

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
NOBODY = "00000000-0000-4000-8000-000000000000"
_numbers = count()


class Directory:
    """The company's side: a client with the token, and the identity store to look at."""

    def __init__(self, plane: Any, http: httpx.Client) -> None:
        self.plane, self.http = plane, http
        self.token = (plane.state / "scim-token").read_text().strip()
        self.url = plane.endpoint + "/_idp/scim/v2"
        self.store = plane.client("identitystore")
        self.store_id = plane.client("sso-admin").list_instances()["Instances"][0]["IdentityStoreId"]

    def call(self, verb: str, at: str, body: Any = None, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.http.request(verb, self.url + at, json=body, headers=headers, **options)

    def user(self, name: str | None = None, **members: Any) -> dict[str, Any]:
        name = name or f"scim{next(_numbers)}"
        body = {
            "schemas": [USER], "userName": name, "displayName": f"Ada {name}", "externalId": f"ext-{name}",
            "name": {"givenName": "Ada", "familyName": "Lovelace"}, "active": True,
            "emails": [{"value": f"{name}@example.org", "type": "work", "primary": True}], **members,
        }  # fmt: skip
        answer = self.call("POST", "/Users", body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def group(self, *members: str) -> str:
        body = {"displayName": f"scim group {next(_numbers)}", "members": [{"value": m} for m in members]}
        answer = self.call("POST", "/Groups", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def patch(self, at: str, *operations: dict[str, Any]) -> httpx.Response:
        return self.call("PATCH", at, {"schemas": PATCH, "Operations": list(operations)})

    def find(self, kind: str, text: str) -> list[str]:
        found = self.call("GET", f"/{kind}", params={"filter": text}).json()
        assert found["totalResults"] == len(found["Resources"])
        return [each["id"] for each in found["Resources"]]

    def members(self, group_id: str) -> set[str]:
        found = self.store.list_group_memberships(IdentityStoreId=self.store_id, GroupId=group_id)["GroupMemberships"]
        return {each["MemberId"]["UserId"] for each in found}

    def described(self, user_id: str) -> dict[str, Any]:
        asked = ["aws:identitystore:enterprise"]
        return dict(self.store.describe_user(IdentityStoreId=self.store_id, UserId=user_id, Extensions=asked))


@pytest.fixture(scope="module")
def directory(plane: Any) -> Any:
    with httpx.Client(trust_env=False) as http:
        yield Directory(plane, http)


def test_only_the_directory_with_the_token_is_heard(directory: Directory) -> None:
    assert stat.S_IMODE((directory.plane.state / "scim-token").stat().st_mode) == 0o600
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {directory.token}"}):
        for at in ("/Users", "/Groups", "/ServiceProviderConfig", "/nothing"):
            answer = directory.http.get(directory.url + at, headers=headers)
            assert answer.status_code == 401
            assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    foreign = {"Authorization": f"Bearer {directory.token}", "Host": "evil.example.org"}
    assert directory.http.get(directory.url + "/Users", headers=foreign).status_code == 421


def test_the_endpoint_says_what_it_can(directory: Directory) -> None:
    found = directory.call("GET", "/ServiceProviderConfig").json()
    assert found["patch"]["supported"]
    assert found["filter"] == {"supported": True, "maxResults": 50}
    assert [kind["id"] for kind in directory.call("GET", "/ResourceTypes").json()["Resources"]] == ["User", "Group"]
    for schema in directory.call("GET", "/Schemas").json()["Resources"]:
        assert directory.call("GET", f"/Schemas/{schema['id']}").json()["attributes"]
    for verb, at in (("GET", "/Me"), ("POST", "/Bulk"), ("PUT", f"/Groups/{NOBODY}")):
        assert directory.call(verb, at, {}).status_code == 404


def test_a_person_of_the_directory_is_one_of_the_identity_store(directory: Directory) -> None:
    enterprise = {"department": "Finance", "manager": {"value": "m-1", "displayName": "ignored"}}
    made = directory.user("ada", title="Analyst", password="never-kept", **{ENTERPRISE: enterprise})
    assert (made["userName"], made["externalId"], made["active"]) == ("ada", "ext-ada", True)
    assert "password" not in made
    assert made["meta"]["resourceType"] == "User"
    found = directory.described(made["id"])
    assert (found["Title"], found["UserStatus"]) == ("Analyst", "ENABLED")
    assert found["Name"] == {"GivenName": "Ada", "FamilyName": "Lovelace"}
    assert found["Extensions"]["aws:identitystore:enterprise"] == {"department": "Finance", "manager": {"value": "m-1"}}
    [external] = found["ExternalIds"]
    by_external_id = directory.store.get_user_id(
        IdentityStoreId=directory.store_id, AlternateIdentifier={"ExternalId": external}
    )
    assert by_external_id["UserId"] == made["id"]
    assert directory.call("GET", f"/Users/{made['id']}").json() == made
    state = b"".join(file.read_bytes() for file in directory.plane.state.glob("plane.db*"))
    assert b"never-kept" not in state
    assert directory.token.encode() not in state


def test_people_and_groups_are_found_by_what_the_directory_knows(directory: Directory) -> None:
    made, group = directory.user("Found", externalId='x"y'), directory.group()
    assert directory.find("Users", 'userName eq "FOUND"') == [made["id"]]
    assert directory.find("Users", 'externalId eq "x\\"y"') == [made["id"]]
    assert directory.find("Users", 'userName eq "nobody"') == []
    name = directory.call("GET", f"/Groups/{group}").json()["displayName"]
    assert directory.find("Groups", f'displayName eq "{name}"') == [group]
    assert directory.find("Groups", f'id eq "{group}" and members eq "{made["id"]}"') == []
    directory.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": made["id"]}]})
    assert directory.find("Groups", f'members eq "{made["id"]}" and id eq "{group}"') == [group]
    assert directory.call("GET", f"/Groups/{group}").json()["members"] == []  # as in AWS: asked for one by one
    unknown = directory.call("GET", "/Groups", params={"filter": f'id eq "{group}" and members eq "{NOBODY}"'})
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    "text",
    ['userName sw "a"', 'userName eq "a" or userName eq "b"', "userName", 'emails eq "a"', 'title eq "x"', "eq", "("],
)
def test_other_filters_are_refused(directory: Directory, text: str) -> None:
    assert directory.call("GET", "/Users", params={"filter": text}).status_code == 400


def test_at_most_fifty_are_listed(directory: Directory) -> None:
    directory.user()
    listed = directory.call("GET", "/Users", params={"count": "1"}).json()
    assert len(listed["Resources"]) == listed["itemsPerPage"] == 1
    assert listed["totalResults"] >= 1
    assert directory.call("GET", "/Users", params={"count": "many"}).status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"displayName": None},
        {"name": {"givenName": "x"}},
        {"userName": "Administrator"},
        {"emails": [{"value": "a@example.org", "primary": True}, {"value": "b@example.org", "primary": True}]},
        {"emails": [{"value": "a@example.org"}]},
        {"emails": "a@example.org"},
        {"groups": [{"value": "x"}]},
        {"active": "perhaps"},
        {"title": ["x"]},
        {"name": "Ada"},
    ],
)
def test_a_person_must_be_one(directory: Directory, changes: dict[str, Any]) -> None:
    body = {
        "userName": f"bad{next(_numbers)}", "displayName": "x", "name": {"givenName": "x", "familyName": "x"},
        **changes,
    }  # fmt: skip
    answer = directory.call("POST", "/Users", body)
    assert (answer.status_code, answer.json()["status"]) == (400, "400")


def test_names_and_external_ids_are_taken_once(directory: Directory) -> None:
    made = directory.user()
    body = {"displayName": "x", "name": {"givenName": "x", "familyName": "x"}}
    for twice in ({"userName": made["userName"].upper()}, {"userName": "other", "externalId": made["externalId"]}):
        answer = directory.call("POST", "/Users", body | twice)
        assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")


def test_what_is_no_scim_is_refused(directory: Directory) -> None:
    headers = {"Authorization": f"Bearer {directory.token}"}
    for body in (b"{", b"[]", b'"x"', b"[" * 100_000, b" " * 1_000_001):
        answer = directory.http.post(directory.url + "/Users", content=body, headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (400, "400")
    assert directory.call("GET", f"/Users/{NOBODY}").status_code == 404
    assert directory.call("DELETE", f"/Groups/{NOBODY}").status_code == 404


def test_a_person_is_patched_the_ways_directories_do_it(directory: Directory) -> None:
    user_id = directory.user()["id"]
    answer = directory.patch(
        f"/Users/{user_id}",
        {"op": "Replace", "path": "name.familyName", "value": "Byron"},
        {"op": "add", "path": 'emails[type eq "work"].value', "value": "new@example.org"},
        {"op": "add", "path": f"{ENTERPRISE}:costCenter", "value": "42"},
        {"op": "replace", "value": {"title": "Countess", f"{ENTERPRISE}:department": "Poetry"}},
        {"op": "remove", "path": "externalId"},
    )
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["name"]["familyName"], shown["title"]) == ("Byron", "Countess")
    assert shown["emails"] == [{"value": "new@example.org", "type": "work", "primary": True}]
    assert shown[ENTERPRISE] == {"costCenter": "42", "department": "Poetry"}
    assert "externalId" not in shown
    assert directory.described(user_id)["Name"]["FamilyName"] == "Byron"


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "userName"},
        {"op": "remove", "path": "active"},
        {"op": "remove"},
        {"op": "replace", "path": "title"},
        {"op": "copy", "path": "title", "value": "x"},
        {"op": "replace", "path": "id", "value": "x"},
        {"op": "replace", "path": "password", "value": "x"},
        {"op": "replace", "path": 'emails[type eq "home"].value', "value": "x@example.org"},
        {
            "op": "add",
            "path": "emails",
            "value": [{"value": "a@b", "primary": True}, {"value": "c@d", "primary": True}],
        },
        {"op": "replace", "path": "title[", "value": "x"},
        {"op": "replace", "path": "active", "value": 1},
        {"op": "remove", "path": "displayName"},
    ],
)
def test_a_patch_that_cannot_be_changes_nothing(directory: Directory, operation: dict[str, Any]) -> None:
    made = directory.user()
    first = {"op": "replace", "path": "nickName", "value": "kept back"}
    assert directory.patch(f"/Users/{made['id']}", first, operation).status_code == 400
    assert directory.call("GET", f"/Users/{made['id']}").json() == made


def test_putting_a_person_leaves_nothing_of_before(directory: Directory) -> None:
    made = directory.user(title="Analyst")
    body = {"userName": made["userName"], "displayName": "New", "name": {"givenName": "N", "familyName": "E"}}
    answer = directory.call("PUT", f"/Users/{made['id']}", body)
    assert answer.status_code == 200
    found = directory.described(made["id"])
    assert (found["DisplayName"], "Title" in found, "ExternalIds" in found) == ("New", False, False)
    assert found["CreatedBy"] == "SCIM"


def test_members_come_and_go_one_by_one(directory: Directory) -> None:
    ada, bob, eve = (directory.user()["id"] for _ in range(3))
    group = directory.group(ada)
    at = f"/Groups/{group}"
    joining = {"op": "add", "path": "members", "value": [{"value": ada}, {"value": bob}]}
    assert directory.patch(at, joining, {"op": "add", "value": {"members": [{"value": eve}]}}).status_code == 204
    assert directory.members(group) == {ada, bob, eve}
    assert directory.patch(at, {"op": "remove", "path": f'members[value eq "{bob}"]'}).status_code == 204
    assert directory.patch(at, {"op": "remove", "path": "members", "value": [{"value": eve}]}).status_code == 204
    assert directory.members(group) == {ada}
    renamed = {"op": "replace", "value": {"displayName": "Renamed by SCIM", "externalId": "g-1"}}
    assert directory.patch(at, renamed).status_code == 204
    assert directory.find("Groups", 'externalId eq "g-1"') == [group]
    for operation in (
        {"op": "replace", "path": "members", "value": [{"value": bob}]},
        {"op": "remove", "path": "members"},
        {"op": "add", "path": "members", "value": [{"value": f"{n}"} for n in range(101)]},
        {"op": "add", "path": "members", "value": ["x"]},
        {"op": "remove", "path": "displayName"},
        {"op": "replace", "path": "description", "value": "x"},
    ):
        assert directory.patch(at, operation).status_code == 400
    unknown = {"op": "add", "path": "members", "value": [{"value": bob}, {"value": NOBODY}]}
    assert directory.patch(at, unknown).status_code == 404
    assert directory.members(group) == {ada}


def test_who_is_disabled_or_deleted_signs_in_no_more(directory: Directory) -> None:
    made = directory.user()
    browser = Browser(directory.plane, directory.http)
    page = directory.http.get(directory.plane.endpoint + "/_idp/device")

    def sign_in() -> int:
        answer = browser.fill(page, user_code="BBBB-BBBB", name=made["userName"], password=browser.password)
        return answer.status_code

    assert sign_in() == 404  # she is in, the code is not
    at = f"/Users/{made['id']}"
    assert directory.patch(at, {"op": "replace", "path": "active", "value": "False"}).json()["active"] is False
    assert directory.described(made["id"])["UserStatus"] == "DISABLED"
    assert sign_in() == 401
    directory.patch(at, {"op": "replace", "value": {"active": True}})
    assert sign_in() == 404
    assert directory.call("DELETE", at).status_code == 204
    assert sign_in() == 401
    store = directory.store
    assert refusal(store.describe_user, IdentityStoreId=directory.store_id, UserId=made["id"]) == (
        "ResourceNotFoundException"
    )


def test_changes_of_the_directory_are_recorded(directory: Directory) -> None:
    made = directory.user("recorded")
    found = directory.plane.client("cloudtrail").lookup_events(
        LookupAttributes=[
            {"AttributeKey": "ResourceName", "AttributeValue": f"arn:aws:identitystore:::user/{made['id']}"}
        ]
    )["Events"]
    record = json.loads(found[0]["CloudTrailEvent"])
    assert (record["eventSource"], record["eventName"]) == ("identitystore-scim.amazonaws.com", "CreateUser")
    assert directory.token not in found[0]["CloudTrailEvent"]
    assert "recorded@example.org" not in found[0]["CloudTrailEvent"]
