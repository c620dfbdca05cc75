"""Designations of the domain's own: Cedar says what their holders may do in a project."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.catalog_for_tests import unique
from tests.data_plane.datazone.domains_for_tests import Mesh

ANYTHING = "permit(principal, action, resource);"


def refused(code: str, text: str = "") -> Any:
    return pytest.raises(ClientError, match=f"{code}.*{text}")


def permits(*actions: str) -> str:
    named = ", ".join(f'DataZone::Action::"{action}"' for action in actions)
    return f"permit(principal, action in [{named}], resource);"


def new(mesh: Mesh, policy: str = ANYTHING, **members: Any) -> dict[str, Any]:
    given = {"name": unique("designation"), "policy": policy, **members}
    made: dict[str, Any] = mesh.admin.create_designation(domainIdentifier=mesh.domain_id, **given)
    return made


def empty_project(mesh: Mesh) -> str:
    """A project of the administrator, without environments."""
    mesh.grant("CREATE_PROJECT", {"user": {"userIdentifier": administrator(mesh)}}, {}, unit := child_unit(mesh))
    made = mesh.admin.create_project(domainIdentifier=mesh.domain_id, name=unique("project"), domainUnitId=unit)
    return str(made["id"])


def child_unit(mesh: Mesh) -> str:
    made = mesh.admin.create_domain_unit(
        domainIdentifier=mesh.domain_id, name=unique("unit"), parentDomainUnitIdentifier=mesh.root_unit
    )
    return str(made["id"])


def administrator(mesh: Mesh) -> str:
    return f"arn:aws:iam::{mesh.plane.account_id}:user/administrator"


def join(mesh: Mesh, project: str, person: str, designation: str) -> None:
    mesh.admin.create_project_membership(
        domainIdentifier=mesh.domain_id, projectIdentifier=project, designation="USER_CREATED_DESIGNATION",
        userCreatedDesignationId=designation, member={"userIdentifier": mesh.person(person)},
    )  # fmt: skip


def test_a_designation_is_made_read_changed_and_removed(mesh: Mesh) -> None:
    made = new(mesh, description="reads")
    where = {"domainIdentifier": mesh.domain_id, "identifier": made["id"]}
    assert (made["designationType"], made["deletionProtection"]) == ("USER_CREATED", True)
    found = mesh.admin.get_designation(**where)
    assert (found["policy"], found["description"]) == (ANYTHING, "reads")
    with refused("ConflictException", "protected"):
        mesh.admin.delete_designation(**where)
    changed = mesh.admin.update_designation(**where, deletionProtection=False, policy=permits("CreateAsset"))
    assert (changed["name"], changed["policy"]) == (made["name"], permits("CreateAsset"))
    mesh.admin.delete_designation(**where)
    mesh.admin.delete_designation(**where)
    with refused("ResourceNotFoundException"):
        mesh.admin.get_designation(**where)


def test_managed_designations_come_first_and_stay(mesh: Mesh) -> None:
    for name in ("zebra", "ape"):
        new(mesh, name=unique(name))
    pages = mesh.admin.get_paginator("list_designations").paginate(
        domainIdentifier=mesh.domain_id, PaginationConfig={"PageSize": 10}
    )
    listed = [d for page in pages for d in page["items"]]
    assert [(d["name"], d["designationType"]) for d in listed[:2]] == [
        ("Owner", "MANAGED"), ("Contributor", "MANAGED"),
    ]  # fmt: skip
    assert [d["name"] for d in listed[2:]] == sorted(d["name"] for d in listed[2:])
    owner = mesh.admin.get_designation(domainIdentifier=mesh.domain_id, identifier=listed[0]["id"])
    assert 'DataZone::Action::"DeleteProject"' in owner["policy"]
    contributor = mesh.admin.get_designation(domainIdentifier=mesh.domain_id, identifier=listed[1]["id"])
    assert 'DataZone::Action::"DeleteProject"' not in contributor["policy"]
    where = {"domainIdentifier": mesh.domain_id, "identifier": listed[0]["id"]}
    with refused("ValidationException", "managed"):
        mesh.admin.update_designation(**where, policy=ANYTHING)
    with refused("ValidationException", "managed"):
        mesh.admin.delete_designation(**where)


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ("permit(", "not valid Cedar"),
        ("forbid(principal, action, resource);", "cannot forbid"),
        ('permit(principal, action == Glue::Action::"GetTable", resource);', "DataZone::Action"),
        ("// nothing", "must permit something"),
    ],
)
def test_a_policy_that_is_no_permit_is_refused(mesh: Mesh, policy: str, why: str) -> None:
    with refused("ValidationException", why):
        new(mesh, policy)


@pytest.mark.parametrize(
    "condition",
    ["(" * 4000 + "true" + ")" * 4000, " && ".join(["true"] * 1200), "principal has " + ".".join("a" * 4000)],
)
def test_a_policy_too_deep_to_be_read_is_refused_and_the_plane_goes_on(mesh: Mesh, condition: str) -> None:
    with refused("ValidationException", "brackets|nested too deeply|dots"):
        new(mesh, f"permit(principal, action, resource) when {{{condition}}};")
    assert new(mesh, "permit(principal, action in [], resource);")["id"]  # of no action: it permits nothing


def test_a_name_is_taken_once(mesh: Mesh) -> None:
    made = new(mesh)
    for name in (made["name"], "Owner"):
        with refused("ConflictException", "exists"):
            new(mesh, name=name)


def test_who_holds_a_designation_may_what_its_policy_says_at_once(mesh: Mesh) -> None:
    project, made = empty_project(mesh), new(mesh, permits("CreateDataSource"), deletionProtection=False)
    join(mesh, project, "maker", made["id"])
    maker, domain = mesh.as_person("maker"), {"domainIdentifier": mesh.domain_id}
    assert maker.get_project(**domain, identifier=project)["id"] == project
    with refused("AccessDeniedException"):
        maker.update_project(**domain, identifier=project, description="mine")
    mesh.admin.update_designation(**domain, identifier=made["id"], policy=permits("UpdateProject"))
    assert maker.update_project(**domain, identifier=project, description="mine")["description"] == "mine"
    listed = mesh.admin.list_project_memberships(**domain, projectIdentifier=project)["members"]
    held = {m["memberDetails"]["user"]["userId"]: m for m in listed}[mesh.person("maker")]
    assert (held["designation"], held["userCreatedDesignationId"]) == ("USER_CREATED_DESIGNATION", made["id"])
    with refused("ConflictException", "held"):
        mesh.admin.delete_designation(**domain, identifier=made["id"])
    mesh.admin.delete_project_membership(
        **domain, projectIdentifier=project, member={"userIdentifier": mesh.person("maker")}
    )
    mesh.admin.delete_designation(**domain, identifier=made["id"])


def test_a_policy_may_be_for_one_project(mesh: Mesh) -> None:
    one, other = empty_project(mesh), empty_project(mesh)
    policy = f'permit(principal, action == DataZone::Action::"UpdateProject", resource == DataZone::Project::"{one}");'
    made = new(mesh, policy)
    for project in (one, other):
        join(mesh, project, "single", made["id"])
    single, domain = mesh.as_person("single"), {"domainIdentifier": mesh.domain_id}
    single.update_project(**domain, identifier=one, description="changed")
    with refused("AccessDeniedException"):
        single.update_project(**domain, identifier=other, description="changed")


def test_a_designation_permits_nothing_beyond_projects(mesh: Mesh) -> None:
    project, made = empty_project(mesh), new(mesh)
    join(mesh, project, "ambitious", made["id"])
    ambitious, domain = mesh.as_person("ambitious"), {"domainIdentifier": mesh.domain_id}
    with refused("AccessDeniedException"):
        ambitious.update_domain(identifier=mesh.domain_id, description="mine")
    with refused("AccessDeniedException"):
        ambitious.create_domain_unit(**domain, name="mine", parentDomainUnitIdentifier=mesh.root_unit)


def test_the_id_comes_with_its_designation_only(mesh: Mesh) -> None:
    project, made = empty_project(mesh), new(mesh)
    member = {
        "domainIdentifier": mesh.domain_id,
        "projectIdentifier": project,
        "member": {"userIdentifier": mesh.person("somebody")},
    }
    for given in (
        {"designation": "USER_CREATED_DESIGNATION"},
        {"designation": "PROJECT_OWNER", "userCreatedDesignationId": made["id"]},
    ):
        with refused("ValidationException", "userCreatedDesignationId"):
            mesh.admin.create_project_membership(**member, **given)
    with refused("ResourceNotFoundException"):
        mesh.admin.create_project_membership(
            **member, designation="USER_CREATED_DESIGNATION", userCreatedDesignationId="nothing"
        )


def test_a_membership_in_the_words_of_sagemaker_studio_is_understood(mesh: Mesh) -> None:
    project, made = empty_project(mesh), new(mesh)

    def in_other_words(params: dict[str, Any], **_: Any) -> None:
        body = json.loads(params["body"])
        body["designationId"] = body.pop("userCreatedDesignationId")
        params["body"] = json.dumps(body).encode()

    client = mesh.plane.client("datazone")
    client.meta.events.register("before-call.datazone.CreateProjectMembership", in_other_words)
    client.create_project_membership(
        domainIdentifier=mesh.domain_id, projectIdentifier=project, designation="USER_CREATED_DESIGNATION",
        userCreatedDesignationId=made["id"], member={"userIdentifier": mesh.person("worded")},
    )  # fmt: skip
    assert mesh.as_person("worded").get_project(domainIdentifier=mesh.domain_id, identifier=project)["id"] == project
