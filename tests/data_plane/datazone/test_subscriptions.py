"""Data sources, subscriptions and their fulfilment in Lake Formation and Glue."""

import dataclasses
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.catalog_for_tests import (
    COLUMNS,
    Producer,
    equal,
    form,
    glue_form,
    lake_administrator,
    producer,
    table_input,
    unique,
)
from tests.data_plane.datazone.domains_for_tests import Mesh, eventually
from twinplane.data_plane.testing import RunningPlane


@pytest.fixture(scope="module")
def lake(plane: RunningPlane) -> Any:
    """Lake Formation as an administrator of the data lake."""
    return lake_administrator(plane)


@pytest.fixture(scope="module")
def owner(mesh: Mesh) -> Producer:
    return producer(mesh, "owner")


def refused(code: str, text: str = "") -> Any:
    return pytest.raises(ClientError, match=f"{code}.*{text}")


def table_name() -> str:
    return f"orders_{uuid.uuid4().hex[:6]}"


def ask(mesh: Mesh, person: str, listing_id: str, principal: dict[str, Any] | None = None, **members: Any) -> str:
    """The id of a person's request for a listing, for herself unless another principal is given."""
    made = mesh.as_person(person).create_subscription_request(
        domainIdentifier=mesh.domain_id,
        subscribedPrincipals=[principal or {"user": {"identifier": mesh.person(person)}}],
        subscribedListings=[{"identifier": listing_id}],
        requestReason="quarterly forecast",
        **members,
    )
    return str(made["id"])


def accept(owner: Producer, request_id: str, *filter_ids: str, asset_id: str = "") -> dict[str, Any]:
    """The subscription that comes of accepting a request."""
    scopes = {"assetScopes": [{"assetId": asset_id, "filterIds": list(filter_ids)}]} if filter_ids else {}
    domain = {"domainIdentifier": owner.mesh.domain_id}
    accepted = owner.datazone.accept_subscription_request(
        **domain, identifier=request_id, decisionComment="fine", **scopes
    )
    assert accepted["status"] == "ACCEPTED"
    found = owner.datazone.list_subscriptions(**domain, subscriptionRequestIdentifier=request_id)["items"]
    answer: dict[str, Any] = found[0]
    return answer


def grant_of(owner: Producer, subscription_id: str) -> dict[str, Any]:
    """The one grant of a subscription, once nothing is under way."""

    def grants() -> list[dict[str, Any]]:
        listed = owner.datazone.list_subscription_grants(
            domainIdentifier=owner.mesh.domain_id, subscriptionId=subscription_id
        )
        found: list[dict[str, Any]] = listed["items"]
        return found

    found = eventually(grants, lambda g: bool(g) and all(x["status"] not in ("PENDING", "IN_PROGRESS") for x in g))
    assert len(found) == 1
    answer: dict[str, Any] = found[0]
    return answer


def permissions(lake: Any, principal: str) -> list[tuple[str, dict[str, Any], list[str]]]:
    """What a principal holds: kind of resource, the resource, the permissions."""
    listed = lake.list_permissions(Principal={"DataLakePrincipalIdentifier": principal})
    return [
        (*next(iter(p["Resource"].items())), sorted(p["Permissions"])) for p in listed["PrincipalResourcePermissions"]
    ]


def person_arn(mesh: Mesh, name: str) -> str:
    return f"arn:aws:identitystore:::user/{mesh.person(name)}"


# --- data sources ---


def test_a_run_imports_the_selected_tables(mesh: Mesh, owner: Producer) -> None:
    first, second, hidden = table_name(), table_name(), f"scratch_{table_name()}"
    for name in (first, second, hidden):
        owner.table(name, Description="From the shop")
    expressions = [{"type": "INCLUDE", "expression": "*orders*"}, {"type": "EXCLUDE", "expression": "scratch*"}]
    source = owner.source(relational={"filterExpressions": expressions})
    run = owner.run(source)
    assert run["status"] == "SUCCESS"
    assert {first, second} <= set(run["activities"])
    assert hidden not in run["activities"]
    assert run["activities"][first]["dataAssetStatus"] == "SUCCEEDED_CREATED"
    domain = {"domainIdentifier": mesh.domain_id}
    asset = owner.datazone.get_asset(**domain, identifier=run["activities"][first]["dataAssetId"])
    assert asset["name"] == first
    assert asset["externalIdentifier"].endswith(f":table/{owner.database}/{first}")
    assert {f["formName"] for f in asset["formsOutput"]} >= {"GlueTableForm", "DataSourceReferenceForm"}
    assert "listing" not in asset
    assert owner.datazone.get_data_source(**domain, identifier=source)["lastRunStatus"] == "SUCCESS"


def test_a_changed_table_becomes_a_revision_that_keeps_what_people_wrote(mesh: Mesh, owner: Producer) -> None:
    name = owner.table(table_name())
    source = owner.source(relational={"filterExpressions": [{"type": "INCLUDE", "expression": name}]})
    asset_id = owner.run(source)["activities"][name]["dataAssetId"]
    again = owner.run(source)
    assert again["activities"][name]["dataAssetStatus"] == "UNCHANGED"
    assert again["runStatisticsForAssets"]["unchanged"] == 1
    domain = {"domainIdentifier": mesh.domain_id}
    known = owner.datazone.get_asset(**domain, identifier=asset_id)
    kept = [
        {"formName": f["formName"], "content": f["content"], "typeIdentifier": f["typeName"]}
        for f in known["formsOutput"]
    ]
    readme = form("AssetCommonDetailsForm", {"readMe": "Ask the shop."}, "amazon.datazone.AssetCommonDetailsFormType")
    kept = [f for f in kept if f["formName"] != readme["formName"]]
    owner.datazone.create_asset_revision(
        **domain, identifier=asset_id, name="Orders of the shop", formsInput=[*kept, readme]
    )
    owner.client("glue").update_table(
        DatabaseName=owner.database, TableInput=table_input(name, COLUMNS | {"discount": "double"})
    )
    changed = owner.run(source)
    assert (
        changed["activities"][name] | {"dataAssetStatus": "SUCCEEDED_UPDATED", "dataAssetId": asset_id}
        == (changed["activities"][name])
    )
    asset = owner.datazone.get_asset(**domain, identifier=asset_id)
    forms = {f["formName"]: f["content"] for f in asset["formsOutput"]}
    assert asset["name"] == "Orders of the shop"
    assert "Ask the shop." in forms["AssetCommonDetailsForm"]
    assert "discount" in forms["GlueTableForm"]


def test_publish_on_import_publishes(mesh: Mesh, owner: Producer) -> None:
    name = owner.table(table_name())
    source = owner.source(
        relational={"filterExpressions": [{"type": "INCLUDE", "expression": name}]}, publishOnImport=True
    )
    owner.run(source)
    found = mesh.as_person("stranger").search_listings(domainIdentifier=mesh.domain_id, searchText=name)["items"]
    assert [i["assetListing"]["name"] for i in found] == [name]


def test_a_run_imports_nothing_that_the_projects_role_cannot_read(mesh: Mesh, owner: Producer) -> None:
    theirs = producer(mesh, "planner")
    name = theirs.table(table_name())
    made = owner.datazone.create_data_source(
        domainIdentifier=mesh.domain_id,
        projectIdentifier=owner.project_id,
        name=unique("greedy"),
        type="GLUE",
        configuration={"glueRunConfiguration": {"relationalFilterConfigurations": [{"databaseName": theirs.database}]}},
    )
    run = owner.run(made["id"])
    assert run["status"] == "FAILED"
    assert "sees no database" in run["errorMessage"]["errorDetail"]
    assert name not in run["activities"]


# --- subscriptions ---


def test_a_person_gets_exactly_the_rows_and_columns_that_were_approved(mesh: Mesh, owner: Producer, lake: Any) -> None:
    name = table_name()
    asset_id, listing_id = owner.published(name)
    rows = owner.row_filter(asset_id, equal("region", "EU"))
    columns = owner.column_filter(asset_id, *[c for c in COLUMNS if c != "customer_email"])
    found = mesh.as_person("analyst").search_listings(domainIdentifier=mesh.domain_id, searchText="customer_email")
    assert listing_id in [i["assetListing"]["listingId"] for i in found["items"]]
    subscription = accept(owner, ask(mesh, "analyst", listing_id), rows, columns, asset_id=asset_id)
    assert subscription["status"] == "APPROVED"
    assert subscription["subscribedPrincipal"]["user"]["details"]["sso"]["username"] == "analyst"
    grant = grant_of(owner, subscription["id"])
    assert (grant["status"], grant["assets"][0]["status"]) == ("COMPLETED", "GRANTED")
    cells = lake.list_data_cells_filter(Table={"DatabaseName": owner.database, "Name": name})["DataCellsFilters"]
    assert [c["RowFilter"]["FilterExpression"] for c in cells] == ["\"region\" = 'EU'"]
    assert cells[0]["ColumnNames"] == ["order_id", "region", "amount", "placed_on"]
    held = permissions(lake, person_arn(mesh, "analyst"))
    assert [(kind, r["Name"], p) for kind, r, p in held] == [("DataCellsFilter", cells[0]["Name"], ["SELECT"])]
    owner.datazone.revoke_subscription(domainIdentifier=mesh.domain_id, identifier=subscription["id"])
    ended = grant_of(owner, subscription["id"])
    assert ended["assets"][0]["status"] == "REVOKED"
    assert permissions(lake, person_arn(mesh, "analyst")) == []
    table = {"DatabaseName": owner.database, "Name": name}
    assert lake.list_data_cells_filter(Table=table)["DataCellsFilters"] == []


def test_row_filters_add_up_and_column_filters_add_up(mesh: Mesh, owner: Producer, lake: Any) -> None:
    name = table_name()
    asset_id, listing_id = owner.published(name)
    chosen = [
        owner.row_filter(asset_id, equal("region", "EU")),
        owner.row_filter(asset_id, equal("region", "US")),
        owner.column_filter(asset_id, "region"),
        owner.column_filter(asset_id, "amount"),
    ]
    subscription = accept(owner, ask(mesh, "analyst", listing_id), *chosen, asset_id=asset_id)
    grant_of(owner, subscription["id"])
    (cells,) = lake.list_data_cells_filter(Table={"DatabaseName": owner.database, "Name": name})["DataCellsFilters"]
    assert cells["RowFilter"]["FilterExpression"] == "(\"region\" = 'EU') OR (\"region\" = 'US')"
    assert cells["ColumnNames"] == ["region", "amount"]
    with refused("ConflictException", "is used by 1 subscriptions"):
        owner.datazone.delete_asset_filter(
            domainIdentifier=mesh.domain_id, assetIdentifier=asset_id, identifier=chosen[0]
        )


def test_a_filter_of_every_column_shows_none_that_the_table_gets_later(mesh: Mesh, owner: Producer, lake: Any) -> None:
    name = table_name()
    asset_id, listing_id = owner.published(name)
    everything = owner.column_filter(asset_id, *COLUMNS)
    subscription = accept(owner, ask(mesh, "planner", listing_id), everything, asset_id=asset_id)
    grant_of(owner, subscription["id"])
    owner.client("glue").update_table(
        DatabaseName=owner.database, TableInput=table_input(name, {**COLUMNS, "salary": "double"})
    )
    (cells,) = lake.list_data_cells_filter(Table={"DatabaseName": owner.database, "Name": name})["DataCellsFilters"]
    assert cells["ColumnNames"] == list(COLUMNS)


def test_a_project_gets_a_link_in_its_database_and_its_role_the_table(mesh: Mesh, owner: Producer, lake: Any) -> None:
    name = table_name()
    _, listing_id = owner.published(name)
    consumer = producer(mesh, "analyst")
    request_id = ask(mesh, "analyst", listing_id, {"project": {"identifier": consumer.project_id}})
    subscription = accept(owner, request_id)
    grant = grant_of(owner, subscription["id"])
    assert grant["status"] == "COMPLETED"
    assert grant["assets"][0]["targetName"] == name
    link = consumer.client("glue").get_table(DatabaseName=consumer.database, Name=name)
    assert link["Table"]["TargetTable"]["DatabaseName"] == owner.database
    role = mesh.resources(consumer.project_id, consumer.datazone)["userRoleArn"]
    held = [(kind, r.get("DatabaseName"), r.get("Name"), p) for kind, r, p in permissions(lake, role)]
    assert ("Table", owner.database, name, ["DESCRIBE", "SELECT"]) in held
    targets = consumer.datazone.list_subscription_targets(
        domainIdentifier=mesh.domain_id, environmentIdentifier=grant["environmentId"]
    )["items"]
    assert [t["id"] for t in targets] == [grant["subscriptionTargetId"]]
    consumer.datazone.cancel_subscription(domainIdentifier=mesh.domain_id, identifier=subscription["id"])
    assert grant_of(owner, subscription["id"])["assets"][0]["status"] == "REVOKED"
    held = [(kind, r.get("DatabaseName")) for kind, r, _ in permissions(lake, role)]
    assert ("Table", owner.database) not in held
    with refused("EntityNotFoundException"):
        consumer.client("glue").get_table(DatabaseName=consumer.database, Name=name)


def test_a_group_subscription_is_for_the_group(mesh: Mesh, owner: Producer, lake: Any) -> None:
    _, listing_id = owner.published(table_name())
    group_id = mesh.group(unique("Forecasters"), "colleague")
    with refused("AccessDeniedException"):
        ask(mesh, "stranger", listing_id, {"group": {"identifier": group_id}})
    subscription = accept(owner, ask(mesh, "colleague", listing_id, {"group": {"identifier": group_id}}))
    grant_of(owner, subscription["id"])
    held = permissions(lake, f"arn:aws:identitystore:::group/{group_id}")
    assert [(kind, p) for kind, _, p in held] == [("Table", ["DESCRIBE", "SELECT"])]


def test_retained_permissions_stay(mesh: Mesh, owner: Producer, lake: Any) -> None:
    name = table_name()
    _, listing_id = owner.published(name)
    subscription = accept(owner, ask(mesh, "keeper", listing_id))
    grant_of(owner, subscription["id"])
    ended = owner.datazone.revoke_subscription(
        domainIdentifier=mesh.domain_id, identifier=subscription["id"], retainPermissions=True
    )
    assert (ended["status"], ended["retainPermissions"]) == ("REVOKED", True)
    assert grant_of(owner, subscription["id"])["assets"][0]["status"] == "GRANTED"
    assert [r["Name"] for _, r, _ in permissions(lake, person_arn(mesh, "keeper"))] == [name]


def test_ending_a_subscription_takes_away_only_what_it_gave(mesh: Mesh, owner: Producer, lake: Any) -> None:
    name = table_name()
    _, listing_id = owner.published(name)
    lake.grant_permissions(
        Principal={"DataLakePrincipalIdentifier": person_arn(mesh, "veteran")},
        Resource={"Table": {"DatabaseName": owner.database, "Name": name}},
        Permissions=["DESCRIBE"],
    )
    subscription = accept(owner, ask(mesh, "veteran", listing_id))
    grant_of(owner, subscription["id"])
    assert permissions(lake, person_arn(mesh, "veteran"))[0][2] == ["DESCRIBE", "SELECT"]
    owner.datazone.revoke_subscription(domainIdentifier=mesh.domain_id, identifier=subscription["id"])
    grant_of(owner, subscription["id"])
    assert permissions(lake, person_arn(mesh, "veteran"))[0][2] == ["DESCRIBE"]


def test_a_publisher_without_the_right_to_grant_cannot_pass_the_table_on(
    mesh: Mesh, owner: Producer, lake: Any
) -> None:
    _, listing_id = owner.published(table_name())
    role = mesh.resources(owner.project_id, owner.datazone)["userRoleArn"]
    manage = role.rpartition("/")[0] + "/Manage"
    with without_grant_option(lake, owner.database, role, manage):
        subscription = accept(owner, ask(mesh, "unlucky", listing_id))
        grant = grant_of(owner, subscription["id"])
    assert (grant["status"], grant["assets"][0]["status"]) == ("GRANT_FAILED", "GRANT_FAILED")
    assert "SELECT with grant option" in grant["assets"][0]["failureCause"]["message"]
    assert permissions(lake, person_arn(mesh, "unlucky")) == []
    owner.datazone.update_subscription_grant_status(
        domainIdentifier=mesh.domain_id,
        identifier=grant["id"],
        assetIdentifier=grant["assets"][0]["assetId"],
        status="GRANT_PENDING",
    )
    assert grant_of(owner, subscription["id"])["status"] == "COMPLETED"


def test_a_subscriber_cannot_publish_and_share_what_it_may_only_read(mesh: Mesh, owner: Producer, lake: Any) -> None:
    name = table_name()
    _, listing_id = owner.published(name)
    consumer = producer(mesh, "analyst")
    request_id = ask(mesh, "analyst", listing_id, {"project": {"identifier": consumer.project_id}})
    assert grant_of(owner, accept(owner, request_id)["id"])["status"] == "COMPLETED"
    thief = dataclasses.replace(consumer, database=owner.database)
    run = thief.run(thief.source(relational={"filterExpressions": [{"type": "INCLUDE", "expression": name}]}))
    again = thief.publish(run["activities"][name]["dataAssetId"])["listingId"]
    grant = grant_of(consumer, accept(consumer, ask(mesh, "outsider", again))["id"])
    assert grant["status"] == "GRANT_FAILED"
    assert permissions(lake, person_arn(mesh, "outsider")) == []


@contextmanager
def without_grant_option(lake: Any, database: str, *principals: str) -> Iterator[None]:
    """None of the principals may pass on tables of the database."""
    taken = []
    for principal in principals:
        who = {"Principal": {"DataLakePrincipalIdentifier": principal}}
        for known in lake.list_permissions(**who)["PrincipalResourcePermissions"]:
            if known["Resource"].get("Table", {}).get("DatabaseName") == database:
                taken.append({**who, "Resource": known["Resource"]})
    for grant in taken:
        lake.revoke_permissions(**grant, Permissions=["SELECT"])
    yield
    for grant in taken:
        lake.grant_permissions(**grant, Permissions=["SELECT"], PermissionsWithGrantOption=["SELECT"])


def test_an_asset_made_by_hand_is_granted_by_hand(mesh: Mesh, owner: Producer, lake: Any) -> None:
    real = owner.table(table_name())
    reference = form("DataSourceReferenceForm", {"filterableDataSourceId": owner.source()})
    columns = [{"columnName": "region", "dataType": "string"}]
    table = form("GlueTableForm", {"tableName": real, "databaseName": owner.database, "columns": columns})
    asset = owner.asset(formsInput=[table, reference])
    listing_id = owner.publish(asset["id"])["listingId"]
    subscription = accept(owner, ask(mesh, "patient", listing_id))
    domain = {"domainIdentifier": mesh.domain_id}

    def grant() -> dict[str, Any]:
        answer: dict[str, Any] = owner.datazone.list_subscription_grants(**domain, subscriptionId=subscription["id"])[
            "items"
        ][0]
        return answer

    assert grant()["assets"][0]["status"] == "GRANT_PENDING"
    owner.datazone.update_subscription_grant_status(
        **domain, identifier=grant()["id"], assetIdentifier=asset["id"], status="GRANTED"
    )
    assert grant()["status"] == "COMPLETED"
    assert permissions(lake, person_arn(mesh, "patient")) == []
    owner.datazone.revoke_subscription(**domain, identifier=subscription["id"])
    assert grant()["assets"][0]["status"] == "REVOKE_PENDING"


def test_an_assets_own_words_do_not_redirect_its_grants(mesh: Mesh, owner: Producer, lake: Any) -> None:
    name, secret = table_name(), owner.table(table_name())
    asset_id, listing_id = owner.published(name)
    known = owner.datazone.get_asset(domainIdentifier=mesh.domain_id, identifier=asset_id)
    others = [
        {"formName": f["formName"], "content": f["content"]}
        for f in known["formsOutput"]
        if f["formName"] == "DataSourceReferenceForm"
    ]
    owner.datazone.create_asset_revision(
        domainIdentifier=mesh.domain_id,
        identifier=asset_id,
        name=name,
        formsInput=[glue_form(secret, COLUMNS), *others],
    )
    owner.publish(asset_id)
    subscription = accept(owner, ask(mesh, "curious", listing_id))
    grant_of(owner, subscription["id"])
    assert [r["Name"] for _, r, _ in permissions(lake, person_arn(mesh, "curious"))] == [name]


def test_who_may_ask_decide_and_see(mesh: Mesh, owner: Producer) -> None:
    _, listing_id = owner.published(table_name())
    domain = {"domainIdentifier": mesh.domain_id}
    with refused("AccessDeniedException"):
        ask(mesh, "stranger", listing_id, {"user": {"identifier": mesh.person("analyst")}})
    with refused("ValidationException", "own listing"):
        ask(mesh, "owner", listing_id, {"project": {"identifier": owner.project_id}})
    with refused("ResourceNotFoundException"):
        ask(mesh, "stranger", listing_id, {"project": {"identifier": owner.project_id}})
    request_id = ask(mesh, "colleague", listing_id)
    with refused("ConflictException", request_id):
        ask(mesh, "colleague", listing_id)
    with refused("ResourceNotFoundException"):
        mesh.as_person("stranger").accept_subscription_request(**domain, identifier=request_id)
    with refused("AccessDeniedException"):
        mesh.as_person("colleague").accept_subscription_request(**domain, identifier=request_id)
    inbox = owner.datazone.list_subscription_requests(**domain, approverProjectId=owner.project_id, status="PENDING")
    assert request_id in [r["id"] for r in inbox["items"]]
    mine = mesh.as_person("colleague").list_subscription_requests(**domain, owningUserId=mesh.person("colleague"))
    assert request_id in [r["id"] for r in mine["items"]]
    assert mesh.as_person("stranger").list_subscription_requests(**domain)["items"] == []
    owner.datazone.reject_subscription_request(**domain, identifier=request_id, decisionComment="no purpose")
    seen = mesh.as_person("colleague").get_subscription_request_details(**domain, identifier=request_id)
    assert (seen["status"], seen["decisionComment"]) == ("REJECTED", "no purpose")
    with refused("ConflictException", "REJECTED already"):
        owner.datazone.accept_subscription_request(**domain, identifier=request_id)


def test_what_is_not_published_cannot_be_subscribed_to(mesh: Mesh, owner: Producer) -> None:
    asset = owner.asset()
    listing_id = owner.publish(asset["id"])["listingId"]
    owner.publish(asset["id"], "UNPUBLISH")
    with refused("ValidationException", "not published"):
        ask(mesh, "analyst", listing_id)
    with refused("ResourceNotFoundException"):
        ask(mesh, "analyst", "nothing")


def test_no_asset_approves_its_own_subscribers_by_its_terms(mesh: Mesh, owner: Producer) -> None:
    terms = form("SubscriptionTermsForm", {"approvalRequired": "NO"})
    listing_id = owner.publish(owner.asset(formsInput=[glue_form("t", COLUMNS), terms])["id"])["listingId"]
    request_id = ask(mesh, "analyst", listing_id)
    details = owner.datazone.get_subscription_request_details(domainIdentifier=mesh.domain_id, identifier=request_id)
    assert details["status"] == "PENDING"


def test_a_filter_must_be_the_assets_own_and_valid(mesh: Mesh, owner: Producer) -> None:
    asset_id, listing_id = owner.published(table_name())
    other_id, _ = owner.published(table_name())
    invalid = owner.row_filter(asset_id, equal("absent", "x"))
    request_id = ask(mesh, "colleague", listing_id)
    with refused("ValidationException", "not valid"):
        accept(owner, request_id, invalid, asset_id=asset_id)
    with refused("ResourceNotFoundException"):
        accept(owner, request_id, owner.row_filter(other_id, equal("region", "EU")), asset_id=asset_id)
    with refused("ServiceQuotaExceededException", "at most 5"):
        accept(owner, request_id, *[f"f{n}" for n in range(6)], asset_id=asset_id)


def test_a_target_is_for_the_projects_own_role_only(mesh: Mesh, owner: Producer) -> None:
    environments = owner.datazone.list_environments(
        domainIdentifier=mesh.domain_id, projectIdentifier=owner.project_id
    )["items"]
    with refused("ValidationException", "its role only"):
        owner.datazone.create_subscription_target(
            domainIdentifier=mesh.domain_id,
            environmentIdentifier=environments[1]["id"],
            name="mine",
            type="GlueSubscriptionTargetType",
            authorizedPrincipals=["IAM_ALLOWED_PRINCIPALS"],
            manageAccessRole=f"arn:aws:iam::{mesh.plane.account_id}:role/Manage",
            applicableAssetTypes=["GlueTableAssetType"],
            subscriptionTargetConfig=[],
        )


def test_a_metadata_rule_is_enforced_on_requests(mesh: Mesh, owner: Producer) -> None:
    domain = {"domainIdentifier": mesh.domain_id}
    project = mesh.project(unique("Governance"))["id"]
    name = unique("Purpose").replace(" ", "")
    mesh.admin.create_form_type(
        **domain,
        name=name,
        owningProjectIdentifier=project,
        model={"smithy": f"structure {name} {{ @required purpose: String }}"},
    )
    _, listing_id = owner.published(table_name())
    rule = mesh.admin.create_rule(
        **domain,
        name=unique("Purpose"),
        action="CREATE_SUBSCRIPTION_REQUEST",
        target={"domainUnitTarget": {"domainUnitId": mesh.root_unit}},
        scope={
            "assetType": {"selectionMode": "SPECIFIC", "specificAssetTypes": ["amazon.datazone.GlueTableAssetType"]}
        },
        detail={
            "metadataFormEnforcementDetail": {"requiredMetadataForms": [{"typeIdentifier": name, "typeRevision": "1"}]}
        },
    )
    try:
        with refused("ValidationException", f"requires the form {name}"):
            ask(mesh, "analyst", listing_id)
        with refused("ValidationException", "purpose: required"):
            ask(mesh, "analyst", listing_id, metadataForms=[form(name, {}, name)])
        request_id = ask(mesh, "analyst", listing_id, metadataForms=[form(name, {"purpose": "forecast"}, name)])
        listed = owner.datazone.list_subscription_requests(**domain, subscribedListingId=listing_id)["items"]
        assert [r["id"] for r in listed] == [request_id]
        assert listed[0]["metadataFormsSummary"][0]["typeName"] == name
    finally:
        mesh.admin.delete_rule(**domain, identifier=rule["identifier"])
