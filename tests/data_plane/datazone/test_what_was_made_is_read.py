"""What was made of filters, glossaries, rules, units, groups and blueprints is read, changed and removed again."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.catalog_for_tests import Producer, producer, unique
from tests.data_plane.datazone.domains_for_tests import Mesh


@pytest.fixture(scope="module")
def owner(mesh: Mesh) -> Producer:
    mesh.grant("CREATE_GLOSSARY", {"project": {"projectDesignation": "OWNER", "projectGrantFilter": _anywhere(mesh)}}, {
        "includeChildDomainUnits": True
    })  # fmt: skip
    return producer(mesh, "owner")


def _anywhere(mesh: Mesh) -> dict[str, Any]:
    return {"domainUnitFilter": {"domainUnit": mesh.root_unit, "includeChildDomainUnits": True}}


def gone(ask: Any, **request: Any) -> bool:
    with pytest.raises(ClientError) as refused:
        ask(**request)
    return bool(refused.value.response["Error"]["Code"] == "ResourceNotFoundException")


def test_a_filter_is_read_listed_and_changed(mesh: Mesh, owner: Producer) -> None:
    asset_id = owner.asset()["id"]
    filter_id = owner.column_filter(asset_id, "region", "amount")
    named = {"domainIdentifier": mesh.domain_id, "assetIdentifier": asset_id}
    read = owner.datazone.get_asset_filter(**named, identifier=filter_id)
    assert (read["status"], read["effectiveColumnNames"]) == ("VALID", ["region", "amount"])
    changed = owner.datazone.update_asset_filter(
        **named, identifier=filter_id, description="by region",
        configuration={"columnConfiguration": {"includedColumnNames": ["region"]}},
    )  # fmt: skip
    assert (changed["description"], changed["effectiveColumnNames"]) == ("by region", ["region"])
    [summary] = owner.datazone.list_asset_filters(**named)["items"]
    assert (summary["id"], summary["effectiveColumnNames"]) == (filter_id, ["region"])
    owner.datazone.delete_asset_filter(**named, identifier=filter_id)
    assert gone(owner.datazone.get_asset_filter, **named, identifier=filter_id)


def test_a_glossary_and_its_term_are_read(mesh: Mesh, owner: Producer) -> None:
    domain = {"domainIdentifier": mesh.domain_id}
    glossary = owner.datazone.create_glossary(
        **domain, owningProjectIdentifier=owner.project_id, name=unique("Words"), status="ENABLED", description="ours"
    )
    term = owner.datazone.create_glossary_term(
        **domain, glossaryIdentifier=glossary["id"], name="Basket", shortDescription="what is bought at once"
    )
    read = owner.datazone.get_glossary(**domain, identifier=glossary["id"])
    assert (read["status"], read["description"], read["owningProjectId"]) == ("ENABLED", "ours", owner.project_id)
    read = owner.datazone.get_glossary_term(**domain, identifier=term["id"])
    assert (read["name"], read["glossaryId"]) == ("Basket", glossary["id"])
    assert read["shortDescription"] == "what is bought at once"
    assert gone(owner.datazone.get_glossary_term, **domain, identifier=glossary["id"])


def test_a_metadata_rule_is_read_and_changed(mesh: Mesh, owner: Producer) -> None:
    domain = {"domainIdentifier": mesh.domain_id}
    glossary = owner.datazone.create_glossary(
        **domain, owningProjectIdentifier=owner.project_id, name=unique("Words"), status="ENABLED"
    )
    term = owner.datazone.create_glossary_term(**domain, glossaryIdentifier=glossary["id"], name="Checked")["id"]
    rule = mesh.admin.create_rule(
        **domain, name=unique("Checked"), action="CREATE_LISTING_CHANGE_SET",
        target={"domainUnitTarget": {"domainUnitId": mesh.root_unit, "includeChildDomainUnits": False}},
        scope={"assetType": {"selectionMode": "ALL"}, "project": {"selectionMode": "ALL"}},
        detail={"glossaryTermEnforcementDetail": {"requiredGlossaryTermIds": [term]}},
    )["identifier"]  # fmt: skip
    read = mesh.admin.get_rule(**domain, identifier=rule)
    assert read["detail"]["glossaryTermEnforcementDetail"]["requiredGlossaryTermIds"] == [term]
    assert read["target"]["domainUnitTarget"]["domainUnitId"] == mesh.root_unit
    mesh.admin.update_rule(**domain, identifier=rule, description="before it is shown")
    changed = mesh.admin.get_rule(**domain, identifier=rule)
    assert changed["description"] == "before it is shown"
    assert int(changed["revision"]) == int(read["revision"]) + 1
    mesh.admin.delete_rule(**domain, identifier=rule)
    assert gone(mesh.admin.get_rule, **domain, identifier=rule)


def test_a_metadata_rule_is_about_projects_and_asset_types_that_there_are(mesh: Mesh, owner: Producer) -> None:
    domain = {"domainIdentifier": mesh.domain_id}
    form = {"typeIdentifier": "amazon.datazone.AssetCommonDetailsFormType", "typeRevision": "1"}

    def scope(project: str, asset_type: str) -> dict[str, Any]:
        return {
            "project": {"selectionMode": "SPECIFIC", "specificProjects": [project]},
            "assetType": {"selectionMode": "SPECIFIC", "specificAssetTypes": [asset_type]},
        }

    def create(project: str, asset_type: str) -> str:
        made = mesh.admin.create_rule(
            **domain, name=unique("Scoped"), action="CREATE_LISTING_CHANGE_SET", scope=scope(project, asset_type),
            target={"domainUnitTarget": {"domainUnitId": mesh.root_unit}},
            detail={"metadataFormEnforcementDetail": {"requiredMetadataForms": [form]}},
        )  # fmt: skip
        return str(made["identifier"])

    for missing in (("absent", "GlueTableAssetType"), (owner.project_id, "AbsentAssetType")):
        with pytest.raises(ClientError, match=r"ResourceNotFoundException.*[aA]bsent"):
            create(*missing)
    rule = create(owner.project_id, "GlueTableAssetType")
    with pytest.raises(ClientError, match=r"ResourceNotFoundException.*absent"):
        mesh.admin.update_rule(**domain, identifier=rule, scope=scope("absent", "GlueTableAssetType"))
    mesh.admin.update_rule(
        **domain, identifier=rule, scope=scope(owner.project_id, "amazon.datazone.GlueViewAssetType")
    )
    mesh.admin.delete_rule(**domain, identifier=rule)


def test_a_domain_unit_is_read_and_the_root_unit_gets_another_owner(mesh: Mesh) -> None:
    domain = {"domainIdentifier": mesh.domain_id}
    unit = mesh.admin.create_domain_unit(
        **domain, parentDomainUnitIdentifier=mesh.root_unit, name=unique("Unit"), description="for reading"
    )
    read = mesh.admin.get_domain_unit(**domain, identifier=unit["id"])
    assert (read["description"], read["parentDomainUnitId"]) == ("for reading", mesh.root_unit)
    asked = {**domain, "entityType": "DOMAIN_UNIT", "entityIdentifier": mesh.root_unit}
    mine = mesh.admin.list_entity_owners(**asked)["owners"][0]["user"]["userId"]
    mesh.person("rita")
    theirs = mesh.as_person("rita").get_user_profile(**domain, userIdentifier=mesh.person("rita"))["id"]
    for old, new in ((mine, theirs), (theirs, mine)):
        datazone = mesh.admin if old == mine else mesh.as_person("rita")
        datazone.update_root_domain_unit_owner(**domain, currentOwner=old, newOwner=new)
        assert [o["user"]["userId"] for o in mesh.admin.list_entity_owners(**asked)["owners"]] == [new]


def test_a_groups_profile_is_set_aside_and_taken_back(mesh: Mesh) -> None:
    domain = {"domainIdentifier": mesh.domain_id}
    group = mesh.group("packers", "paula")
    mesh.admin.create_group_profile(**domain, groupIdentifier=group)
    for status in ("NOT_ASSIGNED", "ASSIGNED"):
        mesh.admin.update_group_profile(**domain, groupIdentifier=group, status=status)
        assert mesh.admin.get_group_profile(**domain, groupIdentifier=group)["status"] == status


def test_the_configuration_of_a_blueprint_is_listed_and_removed(mesh: Mesh) -> None:
    domain = {"domainIdentifier": mesh.domain_id}

    def configured() -> set[str]:
        listed = mesh.admin.list_environment_blueprint_configurations(**domain)["items"]
        return {item["environmentBlueprintId"] for item in listed}

    found = mesh.admin.list_environment_blueprints(**domain, managed=True, name="MLExperiments")["items"][0]["id"]
    assert found in configured()
    mesh.admin.delete_environment_blueprint_configuration(**domain, environmentBlueprintIdentifier=found)
    assert found not in configured()


def test_whoever_signs_in_by_iam_gets_the_portals_address(mesh: Mesh) -> None:
    answer = mesh.admin.get_iam_portal_login_url(domainIdentifier=mesh.domain_id)
    assert mesh.domain_id in answer["authCodeUrl"]


def test_a_page_token_is_of_the_person_who_got_it(mesh: Mesh, owner: Producer) -> None:
    asked = {"domainIdentifier": mesh.domain_id, "managed": True, "maxResults": 1}
    token = mesh.as_person("rita").list_environment_blueprints(**asked)["nextToken"]
    assert mesh.as_person("rita").list_environment_blueprints(**asked, nextToken=token)["items"]
    with pytest.raises(ClientError, match="ValidationException"):  # though both come through one role
        mesh.as_person("paula").list_environment_blueprints(**asked, nextToken=token)
