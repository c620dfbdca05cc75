"""Domains, their units and their people: what changes when, what is told of it, and where the limits are."""

import uuid
from typing import Any

import pysqlite3
import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.catalog_for_tests import unique
from tests.data_plane.datazone.domains_for_tests import Mesh, eventually
from tests.data_plane.events.test_rules import Queue, rule
from twinplane.data_plane.services.datazone import quotas
from twinplane.data_plane.testing import RunningPlane

Json = dict[str, Any]


def refused(code: str, text: str = "") -> Any:
    return pytest.raises(ClientError, match=f"{code}.*{text}")


def word(text: str) -> str:
    return unique(text).replace(" ", "_")


def new_domain(plane: RunningPlane, **members: Any) -> str:
    role = f"arn:aws:iam::{plane.account_id}:role/"
    made = plane.client("datazone").create_domain(
        name=word("domain"), domainVersion="V2", domainExecutionRole=f"{role}Execution", serviceRole=f"{role}Service",
        **members,
    )  # fmt: skip
    assert made["status"] == "CREATING"
    return str(made["id"])


def available(plane: RunningPlane, domain_id: str) -> str:
    datazone = plane.client("datazone")
    eventually(lambda: datazone.get_domain(identifier=domain_id)["status"], lambda status: status == "AVAILABLE")
    return domain_id


def new_unit(mesh: Mesh, parent: str | None = None) -> str:
    made = mesh.admin.create_domain_unit(
        domainIdentifier=mesh.domain_id, name=word("unit"), parentDomainUnitIdentifier=parent or mesh.root_unit
    )
    return str(made["id"])


def test_a_domain_is_made_changed_and_removed_step_by_step(plane: RunningPlane, mesh: Mesh) -> None:
    datazone = plane.client("datazone")
    domain_id = available(plane, new_domain(plane))
    changed = datazone.update_domain(
        identifier=domain_id, description="changed", singleSignOn={"type": "IAM_IDC", "userAssignment": "MANUAL"}
    )
    assert (changed["description"], changed["singleSignOn"]["userAssignment"]) == ("changed", "MANUAL")
    assert datazone.delete_domain(identifier=domain_id)["status"] == "DELETING"

    def is_gone() -> bool:
        try:
            assert datazone.get_domain(identifier=domain_id)["status"] == "DELETING"
        except ClientError as error:
            return error.response["Error"]["Code"] == "ResourceNotFoundException"
        return False

    eventually(is_gone, bool)
    assert domain_id not in [d["id"] for d in datazone.list_domains()["items"]]


def test_a_domain_with_projects_goes_with_them_only_when_told_so(plane: RunningPlane, mesh: Mesh) -> None:
    datazone = plane.client("datazone")
    domain_id = available(plane, new_domain(plane))
    domain = {"domainIdentifier": domain_id}
    root = datazone.get_domain(identifier=domain_id)["rootDomainUnitId"]
    me = {"user": {"userIdentifier": f"arn:aws:iam::{plane.account_id}:user/administrator"}}
    datazone.add_policy_grant(
        **domain, entityType="DOMAIN_UNIT", entityIdentifier=root, policyType="CREATE_PROJECT", principal=me,
        detail={"createProject": {}},
    )  # fmt: skip
    datazone.create_project(**domain, name="stays")
    with refused("ConflictException", "1 projects"):
        datazone.delete_domain(identifier=domain_id)
    datazone.delete_domain(identifier=domain_id, skipDeletionCheck=True)
    eventually(lambda: [d["id"] for d in datazone.list_domains()["items"]], lambda ids: domain_id not in ids)


def test_nothing_is_kept_of_a_domain_that_was_removed(plane: RunningPlane, mesh: Mesh) -> None:
    datazone, domain_id = plane.client("datazone"), available(plane, new_domain(plane))
    domain: dict[str, Any] = {"domainIdentifier": domain_id}
    unit = datazone.get_domain(identifier=domain_id)["rootDomainUnitId"]
    me = {"user": {"userIdentifier": f"arn:aws:iam::{plane.account_id}:user/administrator"}}
    root = {"entityType": "DOMAIN_UNIT", "entityIdentifier": unit}
    datazone.add_policy_grant(**domain, **root, policyType="CREATE_PROJECT", principal=me, detail={"createProject": {}})
    project = datazone.create_project(**domain, name="short")["id"]
    datazone.create_glossary(**domain, name="words", owningProjectIdentifier=project)
    datazone.create_form_type(
        **domain, name="Form", owningProjectIdentifier=project, model={"smithy": "structure Form { a: String }"}
    )
    form = {"typeIdentifier": "Form", "typeRevision": "1"}
    target = {"domainUnitTarget": {"domainUnitId": unit}}
    datazone.create_rule(
        **domain, name="needed", action="CREATE_LISTING_CHANGE_SET", target=target, scope={},
        detail={"metadataFormEnforcementDetail": {"requiredMetadataForms": [form]}},
    )  # fmt: skip
    datazone.delete_domain(identifier=domain_id, skipDeletionCheck=True)
    eventually(datazone.list_domains, lambda answer: domain_id not in [domain["id"] for domain in answer["items"]])
    with pysqlite3.connect(f"file:{plane.state / 'plane.db'}?mode=ro", uri=True) as kept:
        tables = [name for (name,) in kept.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        documents = [name for name in tables if name.startswith("datazone_") and "_text" not in name]
        assert "datazone_rule" in documents
        holding = [name for name in documents if domain_id in str(kept.execute(f"SELECT * FROM {name}").fetchall())]
    assert holding == []


def test_tags_are_limited_and_found_by_encoded_arn(plane: RunningPlane, mesh: Mesh) -> None:
    datazone = plane.client("datazone")
    arn = datazone.get_domain(identifier=mesh.domain_id)["arn"]
    datazone.tag_resource(resourceArn=arn, tags={"team": "sales", "cost centre": "4711"})
    assert datazone.list_tags_for_resource(resourceArn=arn)["tags"]["cost centre"] == "4711"
    with refused("ValidationException", "aws:"):
        datazone.tag_resource(resourceArn=arn, tags={"aws:mine": "no"})
    with refused("ValidationException", "at most 50"):
        datazone.tag_resource(resourceArn=arn, tags={f"tag{n}": "x" for n in range(49)})
    datazone.untag_resource(resourceArn=arn, tagKeys=["team", "cost centre"])
    assert datazone.list_tags_for_resource(resourceArn=arn)["tags"] == {}
    with refused("ResourceNotFoundException"):
        datazone.list_tags_for_resource(resourceArn=arn.rpartition("/")[0] + "/dzd-nothing")


def test_a_unit_has_twenty_owners_at_most(mesh: Mesh) -> None:
    where = {
        "domainIdentifier": mesh.domain_id,
        "entityType": "DOMAIN_UNIT",
        "entityIdentifier": new_unit(mesh),
    }
    for number in range(quotas.QUOTAS[quotas.UNIT_OWNERS] - 1):
        owner = {"user": {"userIdentifier": mesh.person(word(f"owner{number}"))}}
        mesh.admin.add_entity_owner(**where, owner=owner)
    with pytest.raises(ClientError, match="ServiceQuotaExceededException") as error:
        mesh.admin.add_entity_owner(**where, owner={"user": {"userIdentifier": mesh.person(word("one-more"))}})
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 402
    pages = mesh.admin.get_paginator("list_entity_owners").paginate(**where, PaginationConfig={"PageSize": 9})
    assert [len(page["owners"]) for page in pages] == [9, 9, 2]


def test_a_unit_stays_while_something_is_in_it(mesh: Mesh) -> None:
    unit, domain = new_unit(mesh), {"domainIdentifier": mesh.domain_id}
    child = new_unit(mesh, unit)
    profile = mesh.admin.create_project_profile(**domain, name=word("profile"), domainUnitIdentifier=unit)["id"]
    with refused("ConflictException", "child units"):
        mesh.admin.delete_domain_unit(**domain, identifier=unit)
    mesh.admin.delete_domain_unit(**domain, identifier=child)
    with refused("ConflictException", "project profiles"):
        mesh.admin.delete_domain_unit(**domain, identifier=unit)
    mesh.admin.delete_project_profile(**domain, identifier=profile)
    mesh.admin.delete_domain_unit(**domain, identifier=unit)


def test_who_is_shut_out_cannot_tell_what_units_there_are(mesh: Mesh) -> None:
    person, unit, domain = word("gone"), new_unit(mesh), {"domainIdentifier": mesh.domain_id}
    mesh.admin.update_user_profile(**domain, userIdentifier=mesh.person(person), status="DEACTIVATED")
    for identifier in (unit, "nothing"):
        with refused("AccessDeniedException"):
            mesh.as_person(person).update_domain_unit(**domain, identifier=identifier, description="mine")


def test_what_happens_to_units_and_policies_is_told(plane: RunningPlane, mesh: Mesh) -> None:
    name = f"told-{uuid.uuid4().hex[:6]}"
    queue = Queue(plane, name)
    pattern = {"source": ["aws.datazone"], "detail-type": [{"prefix": "Domain Unit"}, {"prefix": "Policy"}]}
    rule(plane.client("events"), name, pattern, {"Arn": queue.arn})
    unit, domain = new_unit(mesh), {"domainIdentifier": mesh.domain_id}
    entity = {**domain, "entityType": "DOMAIN_UNIT", "entityIdentifier": unit}
    person = {"user": {"userIdentifier": mesh.person(word("person"))}}
    mesh.admin.update_domain_unit(**domain, identifier=unit, description="changed")
    mesh.admin.add_entity_owner(**entity, owner=person)
    mesh.admin.remove_entity_owner(**entity, owner=person)
    policy = {**entity, "policyType": "CREATE_PROJECT", "principal": person}
    mesh.admin.add_policy_grant(**policy, detail={"createProject": {}})
    mesh.admin.remove_policy_grant(**policy)
    mesh.admin.delete_domain_unit(**domain, identifier=unit)
    heard: list[Json] = []
    eventually(lambda: heard.extend(queue.events(wait=1)) or len(heard), lambda count: count >= 7)
    assert sorted(event["detail-type"] for event in heard) == [
        "Domain Unit Created", "Domain Unit Deleted", "Domain Unit Owner Added", "Domain Unit Owner Removed",
        "Domain Unit Updated", "Policy Grant Added", "Policy Grant Removed",
    ]  # fmt: skip
    units = [e["detail"]["metadata"]["id"] for e in heard if e["detail-type"].startswith("Domain Unit")]
    assert set(units) == {unit}


@pytest.mark.parametrize(
    ("moves", "allowed"),
    [
        (["ASSIGNED"], True),
        (["NOT_ASSIGNED", "ASSIGNED"], True),
        (["ACTIVATED"], False),
        (["DEACTIVATED", "ACTIVATED", "DEACTIVATED"], True),
        (["DEACTIVATED", "ASSIGNED"], False),
        (["NOT_ASSIGNED", "DEACTIVATED"], False),
    ],
)
def test_a_profile_moves_between_its_statuses_as_it_may(mesh: Mesh, moves: list[str], allowed: bool) -> None:
    who = {"domainIdentifier": mesh.domain_id, "userIdentifier": mesh.person(word("moved"))}
    assert mesh.admin.create_user_profile(**who)["status"] == "ASSIGNED"
    for status in moves[:-1]:
        assert mesh.admin.update_user_profile(**who, status=status)["status"] == status
    if allowed:
        assert mesh.admin.update_user_profile(**who, status=moves[-1])["status"] == moves[-1]
        return
    with refused("ValidationException", "cannot become"):
        mesh.admin.update_user_profile(**who, status=moves[-1])


def test_an_assigned_group_lets_its_people_in_for_as_long_as_it_is_assigned(plane: RunningPlane, mesh: Mesh) -> None:
    by_hand = {"type": "IAM_IDC", "userAssignment": "MANUAL"}
    domain = {"domainIdentifier": available(plane, new_domain(plane, singleSignOn=by_hand))}
    member, other = word("member"), word("other")
    group = mesh.group(word("group"), member)
    with refused("AccessDeniedException"):
        mesh.as_person(member).list_projects(**domain)
    mesh.admin.create_group_profile(**domain, groupIdentifier=group)
    assert mesh.as_person(member).list_projects(**domain)["items"] == []
    with refused("AccessDeniedException"):
        mesh.as_person(other).list_projects(**domain)
    mesh.admin.update_group_profile(**domain, groupIdentifier=group, status="NOT_ASSIGNED")
    with refused("AccessDeniedException"):
        mesh.as_person(member).list_projects(**domain)
    mesh.admin.create_user_profile(**domain, userIdentifier=mesh.person(member))
    assert mesh.as_person(member).list_projects(**domain)["items"] == []


def test_who_owns_no_unit_is_named_by_id_when_the_ownership_is_to_end(mesh: Mesh) -> None:
    person = mesh.person(word("bystander"))
    with refused("ResourceNotFoundException", f"Owner {person} does not exist"):
        mesh.admin.remove_entity_owner(
            domainIdentifier=mesh.domain_id,
            entityType="DOMAIN_UNIT",
            entityIdentifier=new_unit(mesh),
            owner={"user": {"userIdentifier": person}},
        )
