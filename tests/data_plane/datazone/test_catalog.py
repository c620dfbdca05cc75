"""The catalog: types and forms, assets and their revisions, glossaries, rules, listings and search."""

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.catalog_for_tests import COLUMNS, Producer, form, glue_form, producer, unique
from tests.data_plane.datazone.domains_for_tests import Mesh
from tests.data_plane.wire.handmade import send, signed_headers
from twinplane.data_plane.services.datazone import search_index
from twinplane.data_plane.services.datazone.asset_filters import row_filter_text
from twinplane.data_plane.services.datazone.search_query import Search
from twinplane.data_plane.store import Kind, Store, Transaction
from twinplane.data_plane.upgrades import UPGRADES

CLASSIFICATION = """
$version: "2.0"
@amazon.datazone#displayname(defaultName: "Data classification")
structure %s {
    @required
    @amazon.datazone#searchable(modes: ["LEXICAL"])
    level: Level
    @required
    contains_personal_data: Boolean
    @range(min: 1, max: 3650)
    retention_days: Integer
    owners: Owners
}
enum Level { INTERNAL = "Internal" CONFIDENTIAL = "Confidential" }
list Owners { member: String }
"""


@pytest.fixture(scope="module")
def owner(mesh: Mesh) -> Producer:
    return producer(mesh, "owner")


def refused(code: str, text: str = "") -> Any:
    return pytest.raises(ClientError, match=f"{code}.*{text}")


def steward_project(mesh: Mesh) -> str:
    """A project of the administrator, who owns the root domain unit and so may make types there."""
    return str(mesh.project(unique("Governance"))["id"])


def form_type(mesh: Mesh, name: str, smithy: str) -> dict[str, Any]:
    answer: dict[str, Any] = mesh.admin.create_form_type(
        domainIdentifier=mesh.domain_id,
        name=name,
        model={"smithy": smithy},
        owningProjectIdentifier=steward_project(mesh),
        status="ENABLED",
    )
    return answer


def test_managed_types_are_there(mesh: Mesh) -> None:
    kind = mesh.admin.get_asset_type(domainIdentifier=mesh.domain_id, identifier="amazon.datazone.GlueTableAssetType")
    assert kind["formsOutput"]["GlueTableForm"]["required"]
    assert kind["owningProjectId"] == "dzd_amazon_datazone_domain_project"
    found = mesh.admin.search_types(
        domainIdentifier=mesh.domain_id, searchScope="FORM_TYPE", managed=True, searchText="subscriptionterms"
    )
    assert [i["formTypeItem"]["name"] for i in found["items"]] == ["amazon.datazone.SubscriptionTermsFormType"]
    assert found["totalMatchCount"] == 1


def test_a_form_type_made_again_is_its_next_revision(mesh: Mesh) -> None:
    project = steward_project(mesh)
    given = {"domainIdentifier": mesh.domain_id, "name": "Renewed", "owningProjectIdentifier": project}
    first = mesh.admin.create_form_type(**given, model={"smithy": "structure Renewed { a: String }"})
    second = mesh.admin.create_form_type(**given, model={"smithy": "structure Renewed { b: String }"})
    assert (first["revision"], second["revision"]) == ("1", "2")
    old = mesh.admin.get_form_type(domainIdentifier=mesh.domain_id, formTypeIdentifier="Renewed", revision="1")
    assert old["model"]["smithy"] == "structure Renewed { a: String }"
    with refused("ConflictException", "another project"):
        mesh.admin.create_form_type(
            **given | {"owningProjectIdentifier": steward_project(mesh)},
            model={"smithy": "structure Renewed { c: String }"},
        )


@pytest.mark.parametrize(
    ("smithy", "why"),
    [
        ("structure Other { a: String }", "must define a structure named Wrong"),
        ("structure Wrong { a: Strange }", "targets Strange"),
        ("structure Wrong { a String }", "is missing"),
        ("structure Wrong { a: String", "ends too early"),
        ("service Wrong { }", "cannot have the shape"),
        ("structure Wrong { a: String " + "@x(" + "[" * 500 + ")", "nested too deeply"),
        ("structure Wrong { @range(min: " + "9" * 9000 + ") a: Integer }", "too long"),
        ('structure Wrong { @length(min: "x") a: String }', "are not numbers"),
        ('structure Wrong { @enum(["x"]) a: String }', "does not list objects"),
    ],
)
def test_a_model_that_is_no_form_is_refused(mesh: Mesh, smithy: str, why: str) -> None:
    with refused("ValidationException", why):
        form_type(mesh, "Wrong", smithy)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"contains_personal_data": False}, "level: required member is missing"),
        ({"level": "Secret", "contains_personal_data": False}, "level: must be one of"),
        ({"level": "Internal", "contains_personal_data": "no"}, "must be true or false"),
        ({"level": "Internal", "contains_personal_data": False, "retention_days": 0}, "at least 1"),
        ({"level": "Internal", "contains_personal_data": False, "owners": [1]}, "must be a string"),
        ({"level": "Internal", "contains_personal_data": False, "colour": "red"}, "colour: unknown member"),
    ],
)
def test_a_forms_content_must_fit_its_type(mesh: Mesh, owner: Producer, content: dict[str, Any], why: str) -> None:
    name = unique("Checked").replace(" ", "")
    form_type(mesh, name, CLASSIFICATION % name)
    with refused("ValidationException", why):
        owner.asset(formsInput=[glue_form("t", COLUMNS), form(name, content, name)])


def test_a_number_of_any_size_is_kept_as_it_is(mesh: Mesh) -> None:
    far, governance = 10**400, steward_project(mesh)
    mesh.admin.create_form_type(
        domainIdentifier=mesh.domain_id, name="Vast", owningProjectIdentifier=governance, status="ENABLED",
        model={"smithy": "structure Vast { size: BigInteger }"},
    )  # fmt: skip
    made = mesh.admin.create_asset(
        domainIdentifier=mesh.domain_id, owningProjectIdentifier=governance, name=unique("vast"),
        typeIdentifier="amazon.datazone.GlueTableAssetType",
        formsInput=[glue_form("t", COLUMNS), form("VastForm", {"size": far}, "Vast")],
    )  # fmt: skip
    [kept] = [f for f in made["formsOutput"] if f["formName"] == "VastForm"]
    assert json.loads(kept["content"]) == {"size": far}


def test_an_asset_needs_the_forms_of_its_type(owner: Producer) -> None:
    with refused("ValidationException", "need the form GlueTableForm"):
        owner.asset(formsInput=[])
    with refused("ValidationException", "description: unknown member"):
        columns = [{"columnName": "c", "description": "d"}]
        owner.asset(formsInput=[form("GlueTableForm", {"tableName": "t", "columns": columns})])


def test_a_revision_replaces_what_the_asset_says(mesh: Mesh, owner: Producer) -> None:
    made = owner.asset(description="first", externalIdentifier=unique("external"))
    domain = {"domainIdentifier": mesh.domain_id}
    second = owner.datazone.create_asset_revision(
        **domain, identifier=made["id"], name="renamed", formsInput=[glue_form("t", {"only": "string"})]
    )
    assert (made["revision"], second["revision"]) == ("1", "2")
    assert "description" not in second
    assert owner.datazone.get_asset(**domain, identifier=made["id"], revision="1")["description"] == "first"
    listed = owner.datazone.list_asset_revisions(**domain, identifier=made["id"])["items"]
    assert [r["revision"] for r in listed] == ["2", "1"]
    with refused("ConflictException"):
        owner.asset(externalIdentifier=made["externalIdentifier"])


def test_the_same_client_token_makes_one_asset(owner: Producer) -> None:
    given = {"name": unique("once"), "clientToken": "token-1"}
    assert owner.asset(**given)["id"] == owner.asset(**given)["id"]
    with refused("ConflictException"):
        owner.asset(**given | {"name": "another"})


def test_strangers_neither_see_nor_change_a_projects_assets(mesh: Mesh, owner: Producer) -> None:
    made = owner.asset()
    stranger = mesh.as_person("stranger")
    domain = {"domainIdentifier": mesh.domain_id}
    with refused("ResourceNotFoundException"):
        stranger.get_asset(**domain, identifier=made["id"])
    with refused("ResourceNotFoundException"):
        stranger.create_listing_change_set(**domain, entityIdentifier=made["id"], entityType="ASSET", action="PUBLISH")
    with refused("AccessDeniedException"):
        stranger.search(**domain, searchScope="ASSET", owningProjectIdentifier=owner.project_id)
    assert stranger.search(**domain, searchScope="ASSET")["items"] == []


def test_a_listing_stays_as_published_until_it_is_published_again(mesh: Mesh, owner: Producer) -> None:
    made = owner.asset(description="as published")
    domain = {"domainIdentifier": mesh.domain_id}
    listing = owner.publish(made["id"])
    assert listing["status"] == "ACTIVE"
    owner.datazone.create_asset_revision(
        **domain, identifier=made["id"], name=made["name"], description="changed", formsInput=[glue_form("t", COLUMNS)]
    )
    stranger = mesh.as_person("stranger")
    assert stranger.get_listing(**domain, identifier=listing["listingId"])["description"] == "as published"
    again = owner.publish(made["id"])
    assert (again["listingId"], again["listingRevision"]) == (listing["listingId"], "2")
    shown = stranger.get_listing(**domain, identifier=listing["listingId"])
    assert shown["description"] == "changed"
    forms = json.loads(shown["item"]["assetListing"]["forms"])
    assert [c["columnName"] for c in forms["GlueTableForm"]["columns"]] == list(COLUMNS)
    old = stranger.get_listing(**domain, identifier=listing["listingId"], listingRevision="1")
    assert old["description"] == "as published"


def test_an_unpublished_listing_is_for_its_project_only(mesh: Mesh, owner: Producer) -> None:
    made = owner.asset()
    domain = {"domainIdentifier": mesh.domain_id}
    listing_id = owner.publish(made["id"])["listingId"]
    assert owner.publish(made["id"], "UNPUBLISH")["status"] == "INACTIVE"
    with refused("ResourceNotFoundException"):
        mesh.as_person("stranger").get_listing(**domain, identifier=listing_id)
    found = mesh.as_person("stranger").search_listings(**domain, searchText=made["name"].split()[1])
    assert found["items"] == []
    with refused("ConflictException", "listing"):
        owner.datazone.delete_asset(**domain, identifier=made["id"])
    owner.datazone.delete_listing(**domain, identifier=listing_id)
    owner.datazone.delete_asset(**domain, identifier=made["id"])
    with refused("ResourceNotFoundException"):
        owner.datazone.get_asset(**domain, identifier=made["id"])


def test_a_revision_of_any_number_that_is_not_there_is_not_found(mesh: Mesh, owner: Producer) -> None:
    domain, asset_id, far = {"domainIdentifier": mesh.domain_id}, owner.asset()["id"], "9" * 60
    listing_id = owner.publish(asset_id)["listingId"]
    for ask in (
        lambda: owner.datazone.get_asset(**domain, identifier=asset_id, revision=far),
        lambda: owner.datazone.get_listing(**domain, identifier=listing_id, listingRevision=far),
        lambda: owner.asset(typeRevision=far),
    ):
        with refused("ResourceNotFoundException", far):
            ask()


def test_more_conditions_than_can_be_asked_at_once_are_refused(mesh: Mesh) -> None:
    names = [{"or": [{"filter": {"attribute": "kind", "value": f"{i} {j}"}} for j in range(100)]} for i in range(5)]
    domain = {"domainIdentifier": mesh.domain_id}
    assert mesh.admin.search_listings(**domain, filters={"or": names[:4]})["totalMatchCount"] == 0
    search_types = partial(mesh.admin.search_types, **domain, searchScope="FORM_TYPE", managed=True)
    for search in (partial(mesh.admin.search_listings, **domain), search_types):
        with refused("ValidationException", "400 conditions"):
            search(filters={"or": names})
        deep: dict[str, Any] = names[0]
        for _ in range(9):
            deep = {"and": [deep]}
        with refused("ValidationException", "8 levels"):
            search(filters=deep)


@pytest.mark.parametrize("levels", [150, 250, 350, 2_000, 200_000])
def test_a_request_of_any_depth_is_refused_and_the_plane_goes_on(mesh: Mesh, levels: int) -> None:
    leaf = '{"filter": {"attribute": "name", "value": "x"}}'
    body = f'{{"filters": {"{" and ":[" * levels}{leaf}{"]}" * levels}}}'.encode()
    path = f"/v2/domains/{mesh.domain_id}/listings/search"
    answered = send(mesh.plane, "POST", path, body, signed_headers(mesh.plane, "POST", path, body, service="datazone"))
    assert (answered.status, b"levels deep" in answered.body or b"cannot be read" in answered.body) == (400, True)


@pytest.mark.parametrize("name", ["GlueTableAssetType", "amazon.datazone.GlueTableAssetType"])
def test_listings_are_filtered_by_either_name_of_their_type(mesh: Mesh, owner: Producer, name: str) -> None:
    owner.publish(owner.asset()["id"])
    domain = {"domainIdentifier": mesh.domain_id}
    for attribute in ("typeName", "entityType"):
        kind = {"filter": {"attribute": attribute, "value": name}}
        assert owner.datazone.search_listings(**domain, filters=kind)["totalMatchCount"] > 0
        assert owner.datazone.search_listings(**domain, filters={"and": [kind]})["items"]


def test_search_tells_which_field_matched(mesh: Mesh, owner: Producer) -> None:
    word = unique("turnover").replace(" ", "")
    made = owner.asset(name="sales", formsInput=[glue_form("sales", {f"net_{word}": "double", "other": "int"})])
    owner.publish(made["id"])
    found = mesh.as_person("stranger").search_listings(
        domainIdentifier=mesh.domain_id,
        searchText=word.upper(),
        additionalAttributes=["FORMS", "TEXT_MATCH_RATIONALE"],
    )
    assert found["totalMatchCount"] == 1
    listing = found["items"][0]["assetListing"]
    assert (listing["entityId"], listing["owningProjectId"]) == (made["id"], owner.project_id)
    match = listing["additionalAttributes"]["matchRationale"][0]["textMatches"][0]
    assert match["attribute"] == "GlueTableForm.columns.columnName"
    offset = match["matchOffsets"][0]
    assert match["text"][offset["startOffset"] : offset["endOffset"]] == word
    assert "GlueTableForm" in json.loads(listing["additionalAttributes"]["forms"])


def test_a_name_ranks_above_a_column_and_a_column_above_a_description(mesh: Mesh, owner: Producer) -> None:
    word = unique("rank").replace(" ", "")
    plain = [glue_form("t", COLUMNS)]
    made = {
        "description": owner.asset(name="zzz", description=f"about {word} and {word} and {word}", formsInput=plain),
        "column": owner.asset(name="yyy", formsInput=[glue_form("t", {word: "int"})]),
        "name": owner.asset(name=f"xxx {word}", formsInput=plain),
    }
    for asset in made.values():
        owner.publish(asset["id"])
    found = owner.datazone.search_listings(domainIdentifier=mesh.domain_id, searchText=word)["items"]
    order = [i["assetListing"]["entityId"] for i in found]
    assert order == [made["name"]["id"], made["column"]["id"], made["description"]["id"]]
    narrowed = owner.datazone.search_listings(
        domainIdentifier=mesh.domain_id, searchText=word, searchIn=[{"attribute": "GlueTableForm.columns.columnName"}]
    )["items"]
    assert [i["assetListing"]["entityId"] for i in narrowed] == [made["column"]["id"]]


def test_every_word_must_match_and_any_word_when_none_has_all(mesh: Mesh, owner: Producer) -> None:
    first, second = unique("alpha").replace(" ", ""), unique("beta").replace(" ", "")
    for words in (f"{first} {second}", first, second):
        owner.publish(owner.asset(name=words)["id"])

    def names(text: str) -> list[str]:
        found = owner.datazone.search_listings(domainIdentifier=mesh.domain_id, searchText=text)["items"]
        return sorted(i["assetListing"]["name"] for i in found)

    assert names(f"{first} {second}") == [f"{first} {second}"]
    assert names(f"{first} unheard") == sorted([first, f"{first} {second}"])
    assert names(f'"{first} unheard"') == []


def test_a_search_text_is_never_a_query_language(mesh: Mesh, owner: Producer) -> None:
    for text in (
        '"',
        "name:(",
        "* OR *",
        "a NEAR b",
        "'; DROP TABLE datazone_search_entry;--",
        "{name} : x",
        "^x",
        "-",
    ):
        owner.datazone.search_listings(domainIdentifier=mesh.domain_id, searchText=text)
    assert owner.datazone.search_listings(domainIdentifier=mesh.domain_id)["totalMatchCount"] > 0


def test_filters_sorting_counts_and_pages(mesh: Mesh, owner: Producer) -> None:
    other = producer(mesh, "planner")
    word = unique("page").replace(" ", "")
    for number in range(5):
        owner.publish(owner.asset(name=f"{word} {number}")["id"])
    other.publish(other.asset(name=f"{word} 9")["id"])
    domain = {"domainIdentifier": mesh.domain_id, "searchText": word}
    by_owner = {"filter": {"attribute": "owningProjectId", "value": owner.project_id}}
    paged = owner.datazone.get_paginator("search_listings").paginate(
        **domain, filters=by_owner, sort={"attribute": "name", "order": "DESCENDING"}, PaginationConfig={"PageSize": 2}
    )
    names = [i["assetListing"]["name"] for answer in paged for i in answer["items"]]
    assert names == [f"{word} {n}" for n in (4, 3, 2, 1, 0)]
    counted = owner.datazone.search_listings(**domain, aggregations=[{"attribute": "owningProjectId"}])["aggregates"]
    assert {i["value"]: i["count"] for i in counted[0]["items"]} == {owner.project_id: 5, other.project_id: 1}
    either = {"or": [by_owner, {"filter": {"attribute": "owningProjectId", "value": other.project_id}}]}
    both = {"and": [by_owner, {"filter": {"attribute": "owningProjectId", "value": other.project_id}}]}
    assert owner.datazone.search_listings(**domain, filters=either)["totalMatchCount"] == 6
    assert owner.datazone.search_listings(**domain, filters=both)["totalMatchCount"] == 0
    first = owner.datazone.search_listings(**domain, maxResults=2)
    with refused("ValidationException"):
        owner.datazone.search_listings(
            domainIdentifier=mesh.domain_id, searchText="another", maxResults=2, nextToken=first["nextToken"]
        )


def test_a_glossary_term_finds_assets_and_stays_while_it_is_attached(mesh: Mesh, owner: Producer) -> None:
    domain = {"domainIdentifier": mesh.domain_id}
    project = steward_project(mesh)
    glossary = mesh.admin.create_glossary(**domain, name=unique("Levels"), owningProjectIdentifier=project)
    word = unique("Confidential").replace(" ", "")
    term = mesh.admin.create_glossary_term(**domain, glossaryIdentifier=glossary["id"], name=word)
    made = owner.asset(glossaryTerms=[term["id"]])
    owner.publish(made["id"])
    stranger = mesh.as_person("stranger")
    by_term = {"filter": {"attribute": "__DataZoneGlossaryTerms", "value": term["id"]}}
    for found in (
        stranger.search_listings(**domain, searchText=word),
        stranger.search_listings(**domain, filters=by_term),
    ):
        assert [i["assetListing"]["entityId"] for i in found["items"]] == [made["id"]]
        assert found["items"][0]["assetListing"]["glossaryTerms"][0]["name"] == word
    with refused("ConflictException", "attached"):
        mesh.admin.delete_glossary_term(**domain, identifier=term["id"])
    with refused("ConflictException", "is enabled"):
        mesh.admin.delete_glossary(**domain, identifier=glossary["id"])
    with refused("ValidationException", "does not exist"):
        owner.asset(glossaryTerms=["unknown"])


def test_governed_terms_are_attached_apart(mesh: Mesh, owner: Producer) -> None:
    domain = {"domainIdentifier": mesh.domain_id}
    glossary = mesh.admin.create_glossary(
        **domain,
        name=unique("Governed"),
        owningProjectIdentifier=steward_project(mesh),
        usageRestrictions=["ASSET_GOVERNED_TERMS"],
    )
    term = mesh.admin.create_glossary_term(**domain, glossaryIdentifier=glossary["id"], name="Restricted")
    with refused("ValidationException", "governed"):
        owner.asset(glossaryTerms=[term["id"]])
    made = owner.asset()
    attach = {"entityType": "ASSET", "entityIdentifier": made["id"], "governedGlossaryTerms": [term["id"]]}
    owner.datazone.associate_governed_terms(**domain, **attach)
    assert owner.datazone.get_asset(**domain, identifier=made["id"])["governedGlossaryTerms"] == [term["id"]]
    owner.datazone.disassociate_governed_terms(**domain, **attach)
    assert "governedGlossaryTerms" not in owner.datazone.get_asset(**domain, identifier=made["id"])


def test_a_metadata_rule_is_enforced_on_publishing(mesh: Mesh, owner: Producer) -> None:
    domain = {"domainIdentifier": mesh.domain_id}
    name = unique("Classified").replace(" ", "")
    revision = form_type(mesh, name, CLASSIFICATION % name)["revision"]
    rule = mesh.admin.create_rule(
        **domain,
        name=unique("Classify"),
        action="CREATE_LISTING_CHANGE_SET",
        target={"domainUnitTarget": {"domainUnitId": mesh.root_unit, "includeChildDomainUnits": True}},
        scope={
            "assetType": {"selectionMode": "ALL"},
            "project": {"selectionMode": "SPECIFIC", "specificProjects": [owner.project_id]},
        },
        detail={
            "metadataFormEnforcementDetail": {
                "requiredMetadataForms": [{"typeIdentifier": name, "typeRevision": revision}]
            }
        },
    )
    made = owner.asset()
    with refused("ValidationException", f"requires the form {name}"):
        owner.publish(made["id"])
    content = {"level": "Confidential", "contains_personal_data": True}
    forms = [glue_form("t", COLUMNS), form(name, content, name)]
    owner.datazone.create_asset_revision(**domain, identifier=made["id"], name=made["name"], formsInput=forms)
    owner.publish(made["id"])
    by_level = {"filter": {"attribute": f"{name}.level", "value": "Confidential"}}
    found = owner.datazone.search_listings(**domain, filters=by_level)["items"]
    assert [i["assetListing"]["entityId"] for i in found] == [made["id"]]
    with refused("AccessDeniedException"):
        owner.datazone.delete_rule(**domain, identifier=rule["identifier"])
    listed = mesh.admin.list_rules(**domain, targetType="DOMAIN_UNIT", targetIdentifier=mesh.root_unit)["items"]
    assert rule["identifier"] in [r["identifier"] for r in listed]
    mesh.admin.delete_rule(**domain, identifier=rule["identifier"])
    owner.publish(owner.asset()["id"])


def test_asset_filters_become_sql_and_column_names(mesh: Mesh, owner: Producer) -> None:
    made = owner.asset()
    row_filter = {
        "and": [
            {"expression": {"in": {"columnName": "region", "values": ["EU", "O'Neil"]}}},
            {
                "or": [
                    {"expression": {"greaterThan": {"columnName": "amount", "value": "10.5"}}},
                    {"expression": {"isNull": {"columnName": "placed_on"}}},
                    {"expression": {"lessThan": {"columnName": "placed_on", "value": "2024-01-31"}}},
                ]
            },
        ]
    }
    given = {"domainIdentifier": mesh.domain_id, "assetIdentifier": made["id"]}
    rows = owner.datazone.create_asset_filter(
        **given, name="rows", configuration={"rowConfiguration": {"rowFilter": row_filter}}
    )
    assert rows["status"] == "VALID"
    assert rows["effectiveRowFilter"] == (
        "(\"region\" IN ('EU', 'O''Neil') AND (\"amount\" > 10.5 OR \"placed_on\" IS NULL OR "
        "\"placed_on\" < DATE '2024-01-31'))"
    )
    columns = owner.datazone.create_asset_filter(
        **given, name="columns", configuration={"columnConfiguration": {"includedColumnNames": ["region", "order_id"]}}
    )
    assert columns["effectiveColumnNames"] == ["order_id", "region"]
    with refused("ConflictException"):
        owner.datazone.create_asset_filter(
            **given, name="columns", configuration={"columnConfiguration": {"includedColumnNames": ["region"]}}
        )


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ({"equalTo": {"columnName": "absent", "value": "1"}}, "no column absent"),
        ({"equalTo": {"columnName": "amount", "value": "1 OR 1=1"}}, "is not one"),
        ({"equalTo": {"columnName": "order_id", "value": "1.5"}}, "is not one"),
        ({"lessThan": {"columnName": "placed_on", "value": "2024-01-01' OR '1"}}, "is not one"),
        ({"like": {"columnName": "amount", "value": "1%"}}, "compares text only"),
    ],
)
def test_a_filter_that_does_not_fit_the_columns_is_invalid(
    mesh: Mesh, owner: Producer, expression: dict[str, Any], why: str
) -> None:
    made = owner.datazone.create_asset_filter(
        domainIdentifier=mesh.domain_id,
        assetIdentifier=owner.asset()["id"],
        name="rows",
        configuration={"rowConfiguration": {"rowFilter": {"expression": expression}}},
    )
    assert made["status"] == "INVALID"
    assert why in made["errorMessage"]


def test_pages_in_every_order_show_each_listing_once(mesh: Mesh, owner: Producer) -> None:
    word = unique("order").replace(" ", "")
    name = unique("Weight").replace(" ", "")
    form_type(mesh, name, f"structure {name} {{ @amazon.datazone#sortable weight: Integer note: String }}")
    weights = [3, None, 1, 2, None]
    for number, weight in enumerate(weights):
        forms = [glue_form("t", COLUMNS)]
        if weight is not None:
            forms.append(form(name, {"weight": weight}, name))
        owner.publish(owner.asset(name=f"{word} {number}", formsInput=forms)["id"])
    domain = {"domainIdentifier": mesh.domain_id}
    by_project = {"filter": {"attribute": "owningProjectId", "value": owner.project_id}}

    def shown(client: Any, given: dict[str, Any], **sort: Any) -> list[str]:
        pages = client.paginate(**domain, **given, **({"sort": sort} if sort else {}), PaginationConfig={"PageSize": 2})
        items = [next(iter(i.values())) for answer in pages for i in answer["items"]]
        return [i["name"].split()[1] for i in items if i["name"].startswith(word)]

    listings = owner.datazone.get_paginator("search_listings")
    for given in ({"searchText": word}, {"filters": by_project}, {}):
        assert shown(listings, given, attribute="name", order="ASCENDING") == ["0", "1", "2", "3", "4"]
        assert shown(listings, given, attribute="UPDATED_AT", order="DESCENDING") == ["4", "3", "2", "1", "0"]
        by_weight = shown(listings, given, attribute=f"{name}.weight", order="ASCENDING")
        assert (by_weight[:3], sorted(by_weight[3:])) == (["2", "3", "0"], ["1", "4"])
        assert shown(listings, given, attribute=f"{name}.weight", order="DESCENDING")[:3] == ["0", "3", "2"]
    assert sorted(shown(listings, {"searchText": word})) == ["0", "1", "2", "3", "4"]
    inventory = owner.datazone.get_paginator("search")
    mine = {"searchScope": "ASSET", "owningProjectIdentifier": owner.project_id}
    assert shown(inventory, mine, attribute="name", order="DESCENDING") == ["4", "3", "2", "1", "0"]
    at_least = {"filter": {"attribute": f"{name}.weight", "intValue": 2, "operator": "GE"}}
    assert sorted(shown(inventory, mine | {"filters": at_least})) == ["0", "3"]


def test_totals_and_facets_follow_every_change(mesh: Mesh, owner: Producer) -> None:
    other = producer(mesh, "counter")
    domain = {"domainIdentifier": mesh.domain_id}

    def total(**given: Any) -> int:
        return int(other.datazone.search(**domain, searchScope="ASSET", **given)["totalMatchCount"])

    def published() -> int:
        answer = owner.datazone.search_listings(
            **domain,
            aggregations=[{"attribute": "owningProjectId"}, {"attribute": "typeName"}],
            filters={"filter": {"attribute": "owningProjectId", "value": other.project_id}},
        )
        values = {i["value"]: i["count"] for i in answer["aggregates"][0]["items"]}
        assert values.get(other.project_id, 0) == answer["totalMatchCount"]
        return int(answer["totalMatchCount"])

    made = [other.asset()["id"] for _ in range(3)]
    assert (total(), published()) == (3, 0)
    listing, *_ = (other.publish(asset_id) for asset_id in made)
    other.publish(made[0])
    assert (total(), published()) == (3, 3)
    other.publish(made[0], "UNPUBLISH")
    assert published() == 2
    other.datazone.delete_listing(**domain, identifier=listing["listingId"])
    other.datazone.delete_asset(**domain, identifier=made[0])
    assert (total(), published()) == (2, 2)
    everything = owner.datazone.search_listings(**domain, aggregations=[{"attribute": "typeName"}])
    counts = {i["value"]: i["count"] for i in everything["aggregates"][0]["items"]}
    assert sum(counts.values()) == everything["totalMatchCount"]


def test_terms_are_counted_under_either_name_and_shown_by_their_own(mesh: Mesh, owner: Producer) -> None:
    owned: Any = {"domainIdentifier": mesh.domain_id, "owningProjectIdentifier": owner.project_id}
    mesh.grant(
        "CREATE_GLOSSARY", {"project": {"projectDesignation": "OWNER", "projectIdentifier": owner.project_id}}, {}
    )
    domain = {"domainIdentifier": mesh.domain_id}
    glossary = owner.datazone.create_glossary(**owned, name=unique("words"), status="ENABLED")["id"]
    term = owner.datazone.create_glossary_term(**domain, glossaryIdentifier=glossary, name="Tea", status="ENABLED")[
        "id"
    ]
    owner.publish(owner.asset(glossaryTerms=[term])["id"])
    wanted = [{"attribute": "glossaryTerms"}, {"attribute": "__DataZoneGlossaryTerms"}]
    for aggregate in owner.datazone.search_listings(**domain, aggregations=wanted)["aggregates"]:
        assert {"value": term, "count": 1, "displayValue": "Tea"} in aggregate["items"]


def test_an_index_of_an_earlier_state_answers_as_before(tmp_path: Path) -> None:
    before = [s for s in search_index.ENTRIES.extra if s not in search_index.VALUE_TABLES]
    before.append("CREATE TABLE datazone_search_attribute (number INTEGER NOT NULL, attribute TEXT NOT NULL, value)")
    old = Store(
        tmp_path / "plane.db",
        [Kind("datazone_search", key=("domain", "scope", "id"), extra=tuple(before))],
        UPGRADES[:3],
    )

    def fill(tx: Transaction) -> None:
        for number, (weight, kind) in enumerate([(1, "a"), (3, "b"), (2, "b")]):
            sql = "INSERT INTO datazone_search_entry VALUES (?, 'dzd-1', 'LISTING', ?, 'p1', ?, 1, 1)"
            tx.run(sql, (number, f"id{number}", f"name {number}"))
            for attribute, value in (("kind", kind), ("weight", weight), ("weight", weight + 5)):
                tx.run("INSERT INTO datazone_search_attribute VALUES (?, ?, ?)", (number, attribute, value))

    asyncio.run(old.write(fill))
    old.close()
    now = Store(tmp_path / "plane.db", [search_index.ENTRIES], UPGRADES[:4])

    def ask(**request: Any) -> list[str]:
        return now.read(lambda tx: Search(tx, "dzd-1", "LISTING", request, None).page(None, 9).ids)

    assert ask(sort={"attribute": "weight", "order": "DESCENDING"}) == ["id1", "id2", "id0"]
    assert ask(filters={"filter": {"attribute": "kind", "value": "b"}}) == ["id1", "id2"]
    assert now.read(lambda tx: Search(tx, "dzd-1", "LISTING", {}, ["p1"]).total()) == 3
    assert now.read(lambda tx: Search(tx, "dzd-1", "LISTING", {}, None).values("kind")) == [("b", 2), ("a", 1)]
    now.close()


def test_glossaries_and_terms_are_found_and_named_once(mesh: Mesh) -> None:
    domain, word = {"domainIdentifier": mesh.domain_id}, unique("Lexicon").replace(" ", "")
    given = {"name": word, "owningProjectIdentifier": steward_project(mesh), "description": "of sales"}
    glossary = mesh.admin.create_glossary(**domain, **given)
    with refused("ConflictException", "already"):
        mesh.admin.create_glossary(**domain, **given | {"owningProjectIdentifier": steward_project(mesh)})
    in_glossary = {**domain, "glossaryIdentifier": glossary["id"]}
    general = mesh.admin.create_glossary_term(**in_glossary, name="Turnover")["id"]
    special = mesh.admin.create_glossary_term(
        **in_glossary, name=f"{word} net", longDescription="without tax", termRelations={"isA": [general]}
    )["id"]
    with refused("ConflictException", "related"):
        mesh.admin.delete_glossary_term(**domain, identifier=general)
    with refused("ConflictException", "taken|already"):
        mesh.admin.create_glossary_term(**in_glossary, name="Turnover")
    asked = {**domain, "searchText": f"{word[:-2]}", "additionalAttributes": ["TEXT_MATCH_RATIONALE"]}
    [found] = mesh.as_person("stranger").search(**asked, searchScope="GLOSSARY")["items"]
    assert found["glossaryItem"]["id"] == glossary["id"]
    [match] = found["glossaryItem"]["additionalAttributes"]["matchRationale"][0]["textMatches"]
    assert (match["attribute"], match["text"]) == ("name", word)
    of_glossary = {"filter": {"attribute": "glossaryId", "value": glossary["id"]}}
    terms = mesh.admin.search(**domain, searchScope="GLOSSARY_TERM", filters=of_glossary)
    assert sorted(t["glossaryTermItem"]["id"] for t in terms["items"]) == sorted([general, special])
    mesh.admin.update_glossary_term(**domain, identifier=special, termRelations={"classifies": [special]})
    mesh.admin.delete_glossary_term(**domain, identifier=general)


def test_rules_come_down_to_child_units_and_keep_their_revisions(mesh: Mesh) -> None:
    domain = {"domainIdentifier": mesh.domain_id}
    unit = mesh.admin.create_domain_unit(**domain, name=unique("unit"), parentDomainUnitIdentifier=mesh.root_unit)["id"]
    name = unique("Ruled").replace(" ", "")
    form_type(mesh, name, f"structure {name} {{ note: String }}")
    detail = {
        "metadataFormEnforcementDetail": {"requiredMetadataForms": [{"typeIdentifier": name, "typeRevision": "1"}]}
    }

    def make(label: str, *, children: bool, **scope: Any) -> str:
        made = mesh.admin.create_rule(
            **domain,
            name=unique(label),
            action="CREATE_SUBSCRIPTION_REQUEST",
            target={"domainUnitTarget": {"domainUnitId": mesh.root_unit, "includeChildDomainUnits": children}},
            scope=scope,
            detail=detail,
        )
        return str(made["identifier"])

    alone = make("alone", children=False, project={"selectionMode": "ALL"})
    cascading = make("cascading", children=True, dataProduct=True)

    def listed(target: str, **given: Any) -> set[str]:
        pages = mesh.admin.get_paginator("list_rules").paginate(
            **domain, targetType="DOMAIN_UNIT", targetIdentifier=target, **given
        )
        return {r["identifier"] for answer in pages for r in answer["items"]} & {alone, cascading}

    assert listed(mesh.root_unit) == {alone, cascading}
    assert listed(mesh.root_unit, dataProduct=True) == {cascading}
    assert (listed(unit), listed(unit, includeCascaded=True)) == (set(), {cascading})
    mesh.admin.update_rule(**domain, identifier=alone, name="changed", includeChildDomainUnits=True)
    assert listed(unit, includeCascaded=True) == {alone, cascading}
    assert mesh.admin.get_rule(**domain, identifier=alone)["revision"] == "2"
    assert mesh.admin.get_rule(**domain, identifier=alone, revision="1")["name"] != "changed"
    with refused("ResourceNotFoundException", "revision 3"):
        mesh.admin.get_rule(**domain, identifier=alone, revision="3")
    with refused("ValidationException", "SPECIFIC"):
        make("vague", children=True, project={"selectionMode": "SPECIFIC"})
    for identifier in (alone, cascading):
        mesh.admin.delete_rule(**domain, identifier=identifier)


@pytest.mark.parametrize(
    ("expression", "sql"),
    [
        ({"equalTo": {"columnName": "region", "value": "EU"}}, "\"region\" = 'EU'"),
        ({"notEqualTo": {"columnName": "region", "value": "EU"}}, "\"region\" <> 'EU'"),
        ({"greaterThanOrEqualTo": {"columnName": "amount", "value": "1e3"}}, '"amount" >= 1e3'),
        ({"lessThanOrEqualTo": {"columnName": "order_id", "value": "-7"}}, '"order_id" <= -7'),
        ({"notIn": {"columnName": "order_id", "values": ["1", "2"]}}, '"order_id" NOT IN (1, 2)'),
        ({"isNotNull": {"columnName": "amount"}}, '"amount" IS NOT NULL'),
        ({"like": {"columnName": "region", "value": "E%"}}, "\"region\" LIKE 'E%'"),
        ({"notLike": {"columnName": "region", "value": "%'; --"}}, "\"region\" NOT LIKE '%''; --'"),
    ],
)
def test_every_expression_of_a_row_filter_becomes_sql(expression: dict[str, Any], sql: str) -> None:
    assert row_filter_text({"expression": expression}, COLUMNS) == sql
