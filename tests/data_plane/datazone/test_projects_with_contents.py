"""Projects that people have put something into: they go only when asked twice, and leave no access behind."""

import contextlib
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.catalog_for_tests import lake_administrator, producer
from tests.data_plane.datazone.domains_for_tests import Mesh, eventually


def gone(mesh: Mesh, project_id: str) -> None:
    def ids() -> list[str]:
        return [p["id"] for p in mesh.admin.list_projects(domainIdentifier=mesh.domain_id)["items"]]

    eventually(ids, lambda found: project_id not in found)


def rights(mesh: Mesh, person: str) -> list[Any]:
    """What a person holds in Lake Formation."""
    principal = {"DataLakePrincipalIdentifier": f"arn:aws:identitystore:::user/{mesh.person(person)}"}
    listed: list[Any] = lake_administrator(mesh.plane).list_permissions(Principal=principal)[
        "PrincipalResourcePermissions"
    ]
    return listed


def test_subscriptions_to_a_project_are_revoked_before_it_goes(mesh: Mesh) -> None:
    owner = producer(mesh, "olivia")
    domain = {"domainIdentifier": mesh.domain_id}
    _, listing_id = owner.published(f"orders_{uuid.uuid4().hex[:6]}")
    request = mesh.as_person("rita").create_subscription_request(
        **domain,
        subscribedPrincipals=[{"user": {"identifier": mesh.person("rita")}}],
        subscribedListings=[{"identifier": listing_id}],
        requestReason="forecast",
    )
    owner.datazone.accept_subscription_request(**domain, identifier=request["id"])
    eventually(lambda: rights(mesh, "rita"), bool)
    with pytest.raises(ClientError, match=r"ValidationException.*Assets, DataSources, Subscriptions found"):
        owner.datazone.delete_project(**domain, identifier=owner.project_id)
    owner.datazone.delete_project(**domain, identifier=owner.project_id, skipDeletionCheck=True)
    gone(mesh, owner.project_id)
    assert rights(mesh, "rita") == []
    assert mesh.as_person("rita").list_subscriptions(**domain)["items"] == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        mesh.as_person("rita").get_listing(**domain, identifier=listing_id)
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        mesh.plane.client("glue").get_database(Name=owner.database)


def test_a_project_with_form_types_names_them_when_it_is_to_go(mesh: Mesh) -> None:
    project = mesh.project(f"Forms {uuid.uuid4().hex[:6]}", client=mesh.as_person("fay"))
    where = {"domainIdentifier": mesh.domain_id, "identifier": project["id"]}
    mesh.grant(
        "CREATE_FORM_TYPE",
        {"project": {"projectDesignation": "OWNER", "projectIdentifier": project["id"]}},
        {"includeChildDomainUnits": True},
    )
    name = f"Form{uuid.uuid4().hex[:6]}"
    mesh.as_person("fay").create_form_type(
        domainIdentifier=mesh.domain_id,
        name=name,
        model={"smithy": f"structure {name} {{ level: String }}"},
        owningProjectIdentifier=project["id"],
        status="ENABLED",
    )
    with pytest.raises(ClientError, match="MetaDataForms found"):
        mesh.as_person("fay").delete_project(**where)
    mesh.as_person("fay").delete_project(**where, skipDeletionCheck=True)
    gone(mesh, project["id"])


def types_for(mesh: Mesh, person: str, project: str) -> tuple[str, str]:
    """A form type and an asset type that has it, of this project."""
    form, kind = f"Form{uuid.uuid4().hex[:6]}", f"Kind{uuid.uuid4().hex[:6]}"
    for policy in ("CREATE_FORM_TYPE", "CREATE_ASSET_TYPE"):
        owners = {"project": {"projectDesignation": "OWNER", "projectIdentifier": project}}
        mesh.grant(policy, owners, {"includeChildDomainUnits": True})
    owned: Any = {"domainIdentifier": mesh.domain_id, "owningProjectIdentifier": project}
    datazone = mesh.as_person(person)
    smithy = f"structure {form} {{ @amazon.datazone#searchable level: String }}"
    datazone.create_form_type(**owned, name=form, model={"smithy": smithy}, status="ENABLED")
    form_entry = {"typeIdentifier": form, "typeRevision": "1", "required": True}
    datazone.create_asset_type(**owned, name=kind, formsInput={"Level": form_entry})
    return form, kind


def test_types_go_with_their_project_and_nobodys_search_stumbles_over_them(mesh: Mesh) -> None:
    project = mesh.project(f"Types {uuid.uuid4().hex[:6]}", client=mesh.as_person("tia"))["id"]
    form, kind = types_for(mesh, "tia", project)
    domain = {"domainIdentifier": mesh.domain_id}
    mesh.as_person("tia").delete_project(**domain, identifier=project, skipDeletionCheck=True)
    gone(mesh, project)
    for scope, name in (("FORM_TYPE", form), ("ASSET_TYPE", kind)):
        found = mesh.as_person("stranger").search_types(**domain, searchScope=scope, managed=False, searchText=name)
        assert found["items"] == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        mesh.admin.get_form_type(**domain, formTypeIdentifier=form)


def test_types_that_others_use_outlive_their_project(mesh: Mesh) -> None:
    maker = mesh.project(f"Maker {uuid.uuid4().hex[:6]}", client=mesh.as_person("mia"))["id"]
    form, kind = types_for(mesh, "mia", maker)
    user, domain = producer(mesh, "uma"), {"domainIdentifier": mesh.domain_id}
    content = {"formName": "Level", "typeIdentifier": form, "content": '{"level": "toplevel"}'}
    asset = user.asset(typeIdentifier=kind, formsInput=[content])["id"]
    mesh.as_person("mia").delete_project(**domain, identifier=maker, skipDeletionCheck=True)
    gone(mesh, maker)
    user.datazone.create_asset_revision(**domain, identifier=asset, name="again", formsInput=[content])
    user.publish(asset)
    found = mesh.as_person("stranger").search_listings(
        **domain, searchText="toplevel", additionalAttributes=["FORMS", "TEXT_MATCH_RATIONALE"]
    )
    assert [item["assetListing"]["entityId"] for item in found["items"]] == [asset]


def test_a_project_that_is_going_may_be_asked_to_go_again(mesh: Mesh) -> None:
    owner = producer(mesh, "gwen")
    owner.asset()
    where = {"domainIdentifier": mesh.domain_id, "identifier": owner.project_id}
    owner.datazone.delete_project(**where, skipDeletionCheck=True)
    with contextlib.suppress(owner.datazone.exceptions.ResourceNotFoundException):  # gone already
        owner.datazone.delete_project(**where)
    gone(mesh, owner.project_id)
