"""Domains, domain units, policies and the people in them."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.domains_for_tests import ALL_USERS, EVERYTHING, Mesh, eventually


def refused(code: str) -> Any:
    return pytest.raises(ClientError, match=code)


def new_name() -> str:
    return f"Unit {uuid.uuid4().hex[:8]}"


def test_a_domain_tells_what_it_was_made_with(mesh: Mesh) -> None:
    domain = mesh.admin.get_domain(identifier=mesh.domain_id)
    assert domain["status"] == "AVAILABLE"
    assert domain["domainVersion"] == "V2"
    assert domain["rootDomainUnitId"] == mesh.root_unit
    assert domain["singleSignOn"] == {"type": "IAM_IDC", "userAssignment": "AUTOMATIC"}
    assert domain["portalUrl"] == f"https://{mesh.domain_id}.sagemaker.{mesh.plane.region}.on.aws"
    assert mesh.domain_id in [d["id"] for d in mesh.admin.list_domains()["items"]]


def test_a_version_one_domain_is_refused(mesh: Mesh) -> None:
    with refused("ValidationException.*V2"):
        mesh.admin.create_domain(name="old", domainExecutionRole=f"arn:aws:iam::{mesh.plane.account_id}:role/Execution")


def test_repeating_a_client_token_makes_one_domain_and_changing_the_request_is_refused(mesh: Mesh) -> None:
    role = f"arn:aws:iam::{mesh.plane.account_id}:role/Execution"
    name = f"twice-{uuid.uuid4().hex[:6]}"
    wanted = {"domainVersion": "V2", "domainExecutionRole": role, "serviceRole": role, "clientToken": uuid.uuid4().hex}
    first = mesh.admin.create_domain(name=name, **wanted)
    assert mesh.admin.create_domain(name=name, **wanted)["id"] == first["id"]
    with refused("ConflictException"):
        mesh.admin.create_domain(name=f"{name}-other", **wanted)
    with refused("ConflictException.*already exists"):
        mesh.admin.create_domain(name=name, **{**wanted, "clientToken": uuid.uuid4().hex})
    mesh.admin.delete_domain(identifier=first["id"])
    eventually(lambda: [d["id"] for d in mesh.admin.list_domains()["items"]], lambda ids: first["id"] not in ids)


def test_tags_of_a_domain(mesh: Mesh) -> None:
    arn = mesh.admin.get_domain(identifier=mesh.domain_id)["arn"]
    mesh.admin.tag_resource(resourceArn=arn, tags={"mesh": "retail", "team": "data"})
    mesh.admin.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert mesh.admin.list_tags_for_resource(resourceArn=arn)["tags"] == {"mesh": "retail"}


def test_a_domain_with_projects_stays(mesh: Mesh) -> None:
    mesh.project(f"Stays {uuid.uuid4().hex[:6]}")
    with refused("ConflictException"):
        mesh.admin.delete_domain(identifier=mesh.domain_id)


def test_units_form_a_tree_of_five_levels(mesh: Mesh) -> None:
    parent = mesh.root_unit
    for level in range(4):
        made = mesh.admin.create_domain_unit(
            domainIdentifier=mesh.domain_id, name=new_name(), parentDomainUnitIdentifier=parent
        )
        assert len(made["ancestorDomainUnitIds"]) == level + 1
        parent = made["id"]
    with refused("ServiceQuotaExceededException"):
        mesh.admin.create_domain_unit(
            domainIdentifier=mesh.domain_id, name=new_name(), parentDomainUnitIdentifier=parent
        )


def test_a_unit_is_named_once_under_its_parent_and_goes_when_it_is_empty(mesh: Mesh) -> None:
    name = new_name()
    unit = {"domainIdentifier": mesh.domain_id, "name": name, "parentDomainUnitIdentifier": mesh.root_unit}
    made = mesh.admin.create_domain_unit(**unit)
    with refused("ConflictException"):
        mesh.admin.create_domain_unit(**unit)
    child = mesh.admin.create_domain_unit(**{**unit, "parentDomainUnitIdentifier": made["id"]})
    with refused("ConflictException"):
        mesh.admin.delete_domain_unit(domainIdentifier=mesh.domain_id, identifier=made["id"])
    mesh.admin.delete_domain_unit(domainIdentifier=mesh.domain_id, identifier=child["id"])
    mesh.admin.delete_domain_unit(domainIdentifier=mesh.domain_id, identifier=made["id"])
    children = mesh.admin.get_paginator("list_domain_units_for_parent").paginate(
        domainIdentifier=mesh.domain_id, parentDomainUnitIdentifier=mesh.root_unit
    )
    assert name not in [u["name"] for answer in children for u in answer["items"]]


def test_owners_of_a_unit_manage_it_and_others_do_not(mesh: Mesh) -> None:
    unit = mesh.admin.create_domain_unit(
        domainIdentifier=mesh.domain_id, name=new_name(), parentDomainUnitIdentifier=mesh.root_unit
    )["id"]
    get = {"domainIdentifier": mesh.domain_id, "identifier": unit}
    with refused("AccessDeniedException"):
        mesh.as_person("uma").update_domain_unit(**get, description="hers")
    entity = {"domainIdentifier": mesh.domain_id, "entityType": "DOMAIN_UNIT", "entityIdentifier": unit}
    mesh.admin.add_entity_owner(**entity, owner={"user": {"userIdentifier": "uma"}})
    assert mesh.as_person("uma").update_domain_unit(**get, description="hers")["description"] == "hers"
    owners = mesh.admin.list_entity_owners(**entity)["owners"]
    assert {"user": {"userId": mesh.person("uma")}} in owners
    assert len(owners) == 2
    mesh.admin.remove_entity_owner(**entity, owner={"user": {"userIdentifier": "uma"}})
    with refused("AccessDeniedException"):
        mesh.as_person("uma").update_domain_unit(**get, description="hers again")


def test_a_group_owns_a_unit(mesh: Mesh) -> None:
    unit = mesh.admin.create_domain_unit(
        domainIdentifier=mesh.domain_id, name=new_name(), parentDomainUnitIdentifier=mesh.root_unit
    )["id"]
    group = mesh.group(f"stewards-{uuid.uuid4().hex[:6]}", "gina")
    mesh.admin.add_entity_owner(
        domainIdentifier=mesh.domain_id,
        entityType="DOMAIN_UNIT",
        entityIdentifier=unit,
        owner={"group": {"groupIdentifier": group}},
    )
    mesh.as_person("gina").update_domain_unit(domainIdentifier=mesh.domain_id, identifier=unit, description="ours")


def test_the_root_unit_keeps_an_owner(mesh: Mesh) -> None:
    with refused("ValidationException"):
        mesh.admin.remove_entity_owner(
            domainIdentifier=mesh.domain_id,
            entityType="DOMAIN_UNIT",
            entityIdentifier=mesh.root_unit,
            owner={"user": {"userIdentifier": f"arn:aws:iam::{mesh.plane.account_id}:user/administrator"}},
        )


def test_creating_units_takes_a_grant_that_reaches_the_parent(mesh: Mesh) -> None:
    parent = mesh.admin.create_domain_unit(
        domainIdentifier=mesh.domain_id, name=new_name(), parentDomainUnitIdentifier=mesh.root_unit
    )["id"]

    def create() -> None:
        mesh.as_person("vera").create_domain_unit(
            domainIdentifier=mesh.domain_id, name=new_name(), parentDomainUnitIdentifier=parent
        )

    vera = {"user": {"userIdentifier": mesh.person("vera")}}
    with refused("AccessDeniedException"):
        create()
    grant_id = mesh.grant("CREATE_DOMAIN_UNIT", vera, {"includeChildDomainUnits": False})
    with refused("AccessDeniedException"):
        create()
    mesh.grant("CREATE_DOMAIN_UNIT", vera, {"includeChildDomainUnits": True})
    create()
    where = {
        "domainIdentifier": mesh.domain_id,
        "entityType": "DOMAIN_UNIT",
        "entityIdentifier": mesh.root_unit,
        "policyType": "CREATE_DOMAIN_UNIT",
    }
    mesh.admin.remove_policy_grant(**where, principal=vera, grantIdentifier=grant_id)
    assert [g["detail"] for g in mesh.admin.list_policy_grants(**where)["grantList"]] == [
        {"createDomainUnit": {"includeChildDomainUnits": True}}
    ]
    mesh.admin.remove_policy_grant(**where, principal=vera)
    with refused("AccessDeniedException"):
        create()


def test_a_grants_detail_must_be_its_policys(mesh: Mesh) -> None:
    with refused("ValidationException.*createDomainUnit"):
        mesh.admin.add_policy_grant(
            domainIdentifier=mesh.domain_id,
            entityType="DOMAIN_UNIT",
            entityIdentifier=mesh.root_unit,
            policyType="CREATE_DOMAIN_UNIT",
            principal=ALL_USERS,
            detail={"createProject": {}},
        )


def test_people_cannot_change_the_domain(mesh: Mesh) -> None:
    with refused("AccessDeniedException"):
        mesh.as_person("walter").update_domain(identifier=mesh.domain_id, name="walters")
    with refused("AccessDeniedException"):
        mesh.as_person("walter").add_policy_grant(
            domainIdentifier=mesh.domain_id,
            entityType="DOMAIN_UNIT",
            entityIdentifier=mesh.root_unit,
            policyType="CREATE_DOMAIN_UNIT",
            principal=ALL_USERS,
            detail={"createDomainUnit": {}},
        )


def test_a_person_is_activated_by_her_first_call(mesh: Mesh) -> None:
    nora = mesh.person("nora")

    def profile() -> Any:
        return mesh.admin.get_user_profile(domainIdentifier=mesh.domain_id, userIdentifier="nora")

    assert profile()["status"] == "ASSIGNED"
    mesh.as_person("nora").list_projects(domainIdentifier=mesh.domain_id)
    active = eventually(profile, lambda p: p["status"] == "ACTIVATED")
    assert active["id"] == nora
    assert active["details"] == {"sso": {"username": "nora", "firstName": "Nora", "lastName": "Person"}}


def test_a_person_who_is_shut_out_may_do_nothing(mesh: Mesh) -> None:
    mesh.person("oscar")
    mesh.as_person("oscar").create_project(
        domainIdentifier=mesh.domain_id, name=f"Oscars {uuid.uuid4().hex[:6]}", projectProfileId=mesh.profile_id
    )
    mesh.admin.update_user_profile(domainIdentifier=mesh.domain_id, userIdentifier="oscar", status="DEACTIVATED")
    with refused("AccessDeniedException.*not permitted"):
        mesh.as_person("oscar").list_projects(domainIdentifier=mesh.domain_id)
    mesh.admin.update_user_profile(domainIdentifier=mesh.domain_id, userIdentifier="oscar", status="ACTIVATED")
    mesh.as_person("oscar").list_projects(domainIdentifier=mesh.domain_id)


def test_a_profile_is_found_by_id_name_and_arn(mesh: Mesh) -> None:
    def get(identifier: str) -> Any:
        return mesh.admin.get_user_profile(domainIdentifier=mesh.domain_id, userIdentifier=identifier)

    paul = mesh.person("paul")
    assert get("paul")["id"] == get(paul)["id"]
    arn = f"arn:aws:iam::{mesh.plane.account_id}:role/Manage"
    with refused("ResourceNotFoundException"):
        get(arn)
    mesh.admin.create_user_profile(domainIdentifier=mesh.domain_id, userIdentifier=arn, userType="IAM_ROLE")
    role = get(arn)
    assert role["type"] == "IAM"
    assert role["details"]["iam"]["arn"] == arn
    assert get(str(uuid.UUID(role["id"])))["id"] == role["id"]
    with refused("ResourceNotFoundException"):
        get("nobody")


def test_searching_people_and_groups(mesh: Mesh) -> None:
    suffix = uuid.uuid4().hex[:6]
    for number in range(3):
        mesh.person(f"search{number}-{suffix}")
    group = f"group-{suffix}"
    mesh.group(group, f"search0-{suffix}")
    pages = mesh.admin.get_paginator("search_user_profiles").paginate(
        domainIdentifier=mesh.domain_id, userType="SSO_USER", searchText=suffix, PaginationConfig={"PageSize": 2}
    )
    names = [profile["details"]["sso"]["username"] for answer in pages for profile in answer["items"]]
    assert names == [f"search{n}-{suffix}" for n in range(3)]
    store = mesh.plane.client("identitystore")
    directory = mesh.plane.client("sso-admin").list_instances()["Instances"][0]["IdentityStoreId"]
    renamed = [{"AttributePath": "name.familyName", "AttributeValue": f"Renamed{suffix}"}]
    store.update_user(IdentityStoreId=directory, UserId=mesh.person(f"search1-{suffix}"), Operations=renamed)
    found = mesh.admin.search_user_profiles(
        domainIdentifier=mesh.domain_id, userType="SSO_USER", searchText=f"RENAMED{suffix}"
    )["items"]
    assert [profile["details"]["sso"]["username"] for profile in found] == [f"search1-{suffix}"]
    wanted = {"domainIdentifier": mesh.domain_id, "searchText": suffix}
    assert mesh.admin.search_group_profiles(**wanted, groupType="DATAZONE_SSO_GROUP")["items"] == []
    made = mesh.admin.create_group_profile(domainIdentifier=mesh.domain_id, groupIdentifier=group)
    found = mesh.admin.search_group_profiles(**wanted, groupType="DATAZONE_SSO_GROUP")["items"]
    assert [g["groupName"] for g in found] == [group]
    assert mesh.admin.get_group_profile(domainIdentifier=mesh.domain_id, groupIdentifier=group)["id"] == made["id"]


def test_the_sessions_of_a_role_are_a_group_that_may_be_a_member(mesh: Mesh) -> None:
    name = f"Loader-{uuid.uuid4().hex[:6]}"
    iam, here = mesh.plane.client("iam"), {"domainIdentifier": mesh.domain_id}
    trust = {"Effect": "Allow", "Principal": {"AWS": mesh.plane.account_id}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="datazone", PolicyDocument=EVERYTHING)
    issued = mesh.plane.client("sts").assume_role(RoleArn=arn, RoleSessionName="nightly")["Credentials"]
    loader = mesh.plane.client("datazone", issued)
    project = mesh.project(f"For roles {name}")["id"]
    with refused("ResourceNotFoundException"):
        loader.get_project(**here, identifier=project)
    with refused("ValidationException.*IdP"):
        mesh.admin.create_group_profile(**here, groupIdentifier=f"{arn}-absent")
    group = mesh.admin.create_group_profile(**here, rolePrincipalArn=arn)
    assert (group["status"], group["groupName"], group["rolePrincipalArn"]) == ("ASSIGNED", name, arn)
    assert mesh.admin.create_group_profile(**here, groupIdentifier=arn)["id"] == group["id"]
    for identifier in (group["id"], name, arn):
        assert mesh.admin.get_group_profile(**here, groupIdentifier=identifier)["rolePrincipalArn"] == arn
    wanted = here | {"searchText": name}
    found = mesh.admin.search_group_profiles(**wanted, groupType="IAM_ROLE_SESSION_GROUP")["items"]
    assert [g["id"] for g in found] == [group["id"]]
    assert mesh.admin.search_group_profiles(**wanted, groupType="DATAZONE_SSO_GROUP")["items"] == []
    mesh.grant("ADD_TO_PROJECT_MEMBER_POOL", {"group": {"groupIdentifier": group["id"]}}, {})
    mesh.admin.create_project_membership(
        **here, projectIdentifier=project, member={"groupIdentifier": group["id"]}, designation="PROJECT_CONTRIBUTOR"
    )
    assert loader.get_project(**here, identifier=project)["id"] == project
    loader.create_notebook(**here, owningProjectIdentifier=project, name="by a session")
    with refused(f"ValidationException.*another group named {name}"):
        mesh.admin.create_group_profile(**here, groupIdentifier=mesh.group(name))
    people = mesh.admin.create_group_profile(**here, rolePrincipalArn=arn.replace(name, "Person"))["id"]
    mesh.grant("ADD_TO_PROJECT_MEMBER_POOL", {"group": {"groupIdentifier": people}}, {})
    mesh.admin.create_project_membership(
        **here, projectIdentifier=project, member={"groupIdentifier": people}, designation="PROJECT_CONTRIBUTOR"
    )
    with refused("ResourceNotFoundException"):  # a person who comes through a role is not one of its sessions
        mesh.as_person("passerby").get_project(**here, identifier=project)
    mesh.admin.update_group_profile(**here, groupIdentifier=group["id"], status="NOT_ASSIGNED")
    with refused("ResourceNotFoundException"):
        loader.get_project(**here, identifier=project)


def test_managed_blueprints_are_listed_with_their_parameters(mesh: Mesh) -> None:
    listed = mesh.admin.list_environment_blueprints(domainIdentifier=mesh.domain_id, managed=True)["items"]
    assert {"Tooling", "DataLake", "LakehouseCatalog", "RedshiftServerless", "Workflows", "MLExperiments"} <= {
        b["name"] for b in listed
    }
    (tooling,) = (b for b in listed if b["name"] == "Tooling")
    assert tooling["provider"] == "Amazon SageMaker"
    got = mesh.admin.get_environment_blueprint(domainIdentifier=mesh.domain_id, identifier=tooling["id"])
    assert "enableSpaces" in [p["keyName"] for p in got["userParameters"]]
    configured = mesh.admin.get_environment_blueprint_configuration(
        domainIdentifier=mesh.domain_id, environmentBlueprintIdentifier="Tooling"
    )
    assert configured["environmentBlueprintId"] == tooling["id"]
    assert configured["enabledRegions"] == [mesh.plane.region]


def test_a_profile_is_checked_and_in_use_it_stays(mesh: Mesh) -> None:
    tooling = mesh.admin.list_environment_blueprints(domainIdentifier=mesh.domain_id, managed=True, name="Tooling")
    configuration = {
        "name": "Tooling",
        "environmentBlueprintId": tooling["items"][0]["id"],
        "configurationParameters": {"parameterOverrides": [{"name": "enableTime", "value": "1"}]},
    }
    with refused("ValidationException.*enableTime"):
        mesh.admin.create_project_profile(
            domainIdentifier=mesh.domain_id, name=new_name(), environmentConfigurations=[configuration]
        )
    mesh.project(f"Uses {uuid.uuid4().hex[:6]}")
    with refused("ValidationException.*in use"):
        mesh.admin.delete_project_profile(domainIdentifier=mesh.domain_id, identifier=mesh.profile_id)
    listed = mesh.admin.list_project_profiles(domainIdentifier=mesh.domain_id, name="development")["items"]
    assert [p["id"] for p in listed] == [mesh.profile_id]
