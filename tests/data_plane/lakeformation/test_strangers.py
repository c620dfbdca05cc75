"""Whom IAM allows everything and Lake Formation nothing: not a name, a count or a hint, from any operation."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane.services.lakeformation.operations import OPERATIONS

from .catalog import Catalog, Someone, code, columns, conditions, database, policy, table, tag, who

SECRET = "s3cr3t"
ANN = who("arn:aws:identitystore:::user/ann")
FILTER = {"DatabaseName": SECRET, "TableName": SECRET, "Name": SECRET}
TABLE = table(SECRET, SECRET)
TABLE_ARN = f"arn:aws:glue:us-east-1:111122223333:table/{SECRET}/{SECRET}"
PAIRS = [{"TagKey": SECRET, "TagValues": [SECRET]}]
TAGGED = {"Resource": TABLE, "LFTags": PAIRS}
GRANT = {"Principal": ANN, "Resource": TABLE, "Permissions": ["SELECT"]}
CELLS = {**FILTER, "TableCatalogId": "111122223333", "ColumnWildcard": {}, "RowFilter": {"AllRowsWildcard": {}}}
PLACE = f"arn:aws:s3:::{SECRET}"
ROLE = "arn:aws:iam::111122223333:role/x"

# Lists, which must be empty for a stranger.
LISTS: dict[str, list[dict[str, Any]]] = {
    "ListPermissions": [
        {}, {"Principal": ANN}, {"Resource": TABLE}, {"Resource": database(SECRET)}, {"ResourceType": "TABLE"},
        {"ResourceType": "LF_TAG_POLICY"}, {"Principal": ANN, "Resource": TABLE},
        {"Principal": ANN, "Resource": columns("id")}, {"Resource": TABLE, "IncludeRelated": "TRUE"},
    ],
    "GetEffectivePermissionsForPath": [{"ResourceArn": f"{PLACE}/x"}, {"ResourceArn": PLACE}],
    "ListDataCellsFilter": [{}, {"Table": TABLE["Table"]}],
    "ListLFTags": [{}, {"ResourceShareType": "ALL"}],
    "ListLFTagExpressions": [{}],
    "BatchGrantPermissions": [], "BatchRevokePermissions": [], "AddLFTagsToResource": [],
}  # fmt: skip
# What is refused alike, whether the thing is there or not.
REFUSED: dict[str, dict[str, Any]] = {
    "GrantPermissions": GRANT,
    "RevokePermissions": GRANT,
    "CreateDataCellsFilter": {"TableData": CELLS | {"Name": "mine"}},
    "UpdateDataCellsFilter": {"TableData": CELLS},
    "GetDataCellsFilter": {**FILTER, "TableCatalogId": "111122223333"},
    "DeleteDataCellsFilter": {**FILTER, "TableCatalogId": "111122223333"},
    "RegisterResource": {"ResourceArn": PLACE, "RoleArn": ROLE},
    "UpdateResource": {"ResourceArn": PLACE, "RoleArn": ROLE},
    "DeregisterResource": {"ResourceArn": PLACE},
    "CreateLFTag": {"TagKey": SECRET, "TagValues": ["x"]},
    "GetLFTag": {"TagKey": SECRET},
    "UpdateLFTag": {"TagKey": SECRET, "TagValuesToAdd": ["x"]},
    "DeleteLFTag": {"TagKey": SECRET},
    "CreateLFTagExpression": {"Name": SECRET, "Expression": PAIRS},
    "UpdateLFTagExpression": {"Name": SECRET, "Expression": PAIRS},
    "GetLFTagExpression": {"Name": SECRET},
    "DeleteLFTagExpression": {"Name": SECRET},
    "AddLFTagsToResource": TAGGED,
    "RemoveLFTagsFromResource": TAGGED,
    "GetResourceLFTags": {"Resource": TABLE},
    "SearchDatabasesByLFTags": {"Expression": PAIRS},
    "SearchTablesByLFTags": {"Expression": PAIRS},
    "CreateLakeFormationOptIn": {"Principal": ANN, "Resource": TABLE},
    "DeleteLakeFormationOptIn": {"Principal": ANN, "Resource": TABLE},
    "ListLakeFormationOptIns": {},
    "GetTemporaryGlueTableCredentials": {"TableArn": TABLE_ARN},
    "GetTemporaryGluePartitionCredentials": {"TableArn": TABLE_ARN, "Partition": {"Values": ["1"]}},
    "GetTemporaryDataLocationCredentials": {"DataLocations": [f"s3://{SECRET}/x"]},
    "CreateLakeFormationIdentityCenterConfiguration": {"InstanceArn": "arn:aws:sso:::instance/ssoins-0000000000000000"},
    "UpdateLakeFormationIdentityCenterConfiguration": {"ApplicationStatus": "DISABLED"},
    "DeleteLakeFormationIdentityCenterConfiguration": {},
}
# What IAM alone decides, as on AWS: who administers, which locations are registered, which instance is connected.
IAMS = {
    "GetDataLakeSettings", "PutDataLakeSettings", "DescribeResource", "ListResources", "GetDataLakePrincipal",
    "DescribeLakeFormationIdentityCenterConfiguration",
}  # fmt: skip


@pytest.fixture(scope="module")
def stranger(catalog: Catalog) -> Someone:
    """Before what is secret is there."""
    return catalog.someone("stranger")


@pytest.fixture(scope="module")
def secret(catalog: Catalog, stranger: Someone) -> Catalog:
    lake = catalog.lake
    catalog.glue.create_database(DatabaseInput={"Name": SECRET})
    storage = {"Columns": [{"Name": "id", "Type": "string"}], "Location": f"s3://{SECRET}/x"}
    catalog.glue.create_table(DatabaseName=SECRET, TableInput={"Name": SECRET, "StorageDescriptor": storage})
    lake.register_resource(ResourceArn=PLACE, RoleArn=ROLE)
    lake.create_lf_tag(TagKey=SECRET, TagValues=[SECRET])
    catalog.tag(TABLE, **{SECRET: SECRET})
    lake.create_lf_tag_expression(Name=SECRET, Expression=conditions(**{SECRET: SECRET}))
    lake.create_data_cells_filter(TableData=CELLS)
    for resource, permission in (
        (TABLE, "SELECT"), (database(SECRET), "DESCRIBE"), (policy(**{SECRET: SECRET}), "SELECT"),
        (tag(SECRET), "ASSOCIATE"), ({"DataLocation": {"ResourceArn": PLACE}}, "DATA_LOCATION_ACCESS"),
        ({"DataCellsFilter": {**FILTER, "TableCatalogId": catalog.plane.account_id}}, "SELECT"),
    ):  # fmt: skip
        lake.grant_permissions(Principal=ANN, Resource=resource, Permissions=[permission])
    lake.create_lake_formation_opt_in(Principal=ANN, Resource=TABLE)
    return catalog


def test_every_operation_is_asked() -> None:
    assert {*LISTS, *REFUSED, *IAMS} == set(OPERATIONS)


def ask(someone: Someone, operation: str, request: dict[str, Any]) -> Any:
    client = someone.lake
    [method] = [m for m, name in client.meta.method_to_api_mapping.items() if name == operation]
    return getattr(client, method)(**request)


@pytest.mark.parametrize(("operation", "request_"), [(name, r) for name, requests in LISTS.items() for r in requests])
def test_lists_are_empty(secret: Catalog, stranger: Someone, operation: str, request_: dict[str, Any]) -> None:
    answer = ask(stranger, operation, request_)
    answer.pop("ResponseMetadata")
    assert all(value == [] for value in answer.values()), answer


@pytest.mark.parametrize("operation", REFUSED)
def test_what_is_there_and_what_is_not_are_refused_in_the_same_words(
    secret: Catalog, stranger: Someone, operation: str
) -> None:
    found = []
    for name in (SECRET, "n0thing"):
        request = _renamed(REFUSED[operation], name)
        with pytest.raises(ClientError) as error:
            ask(stranger, operation, request)
        message = error.value.response["Error"]["Message"].replace(name, "it")
        found.append((code(error.value), message))
    assert found[0] == found[1]
    assert found[0][0] == "AccessDeniedException"


def _renamed(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {k: _renamed(v, name) for k, v in value.items()}
    if isinstance(value, list):
        return [_renamed(v, name) for v in value]
    return value.replace(SECRET, name)


def test_batches_fail_entry_by_entry_in_the_same_words(secret: Catalog, stranger: Someone) -> None:
    for batch in (stranger.lake.batch_grant_permissions, stranger.lake.batch_revoke_permissions):
        entries = [{"Id": name, **_renamed(GRANT, name)} for name in (SECRET, "n0thing")]
        failures = batch(Entries=entries)["Failures"]
        told = {
            (f["Error"]["ErrorCode"], f["Error"]["ErrorMessage"].replace(f["RequestEntry"]["Id"], "it"))
            for f in failures
        }
        assert (len(failures), len(told)) == (2, 1)
        assert next(iter(told))[0] == "AccessDeniedException"


def test_the_catalog_shows_nothing_either(secret: Catalog, stranger: Someone) -> None:
    assert stranger.databases() == []
    assert stranger.columns(SECRET, SECRET) is None
