"""Glue's Iceberg REST endpoint with the clients that people use: pyiceberg's RestCatalog beside its GlueCatalog."""

from typing import Any

import pytest

from twinplane.data_plane.testing import RunningPlane

pa = pytest.importorskip("pyarrow")
rest = pytest.importorskip("pyiceberg.catalog.rest")
exceptions = pytest.importorskip("pyiceberg.exceptions")

SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string())])


def rows(*ids: int) -> Any:
    return pa.table({"id": list(ids), "name": [f"n{i}" for i in ids]}, schema=SCHEMA)


def rest_catalog(plane: RunningPlane, credentials: dict[str, Any] | None = None, **more: str) -> Any:
    """pyiceberg's REST client, as AWS's documentation configures it, at this plane."""
    given = plane.administrator() if credentials is None else credentials
    if "AccessKeyId" in given:
        given = {
            "aws_access_key_id": given["AccessKeyId"], "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }  # fmt: skip
    properties = {
        "type": "rest", "uri": f"{plane.endpoint}/iceberg", "warehouse": plane.account_id,
        "rest.sigv4-enabled": "true", "rest.signing-name": "glue", "rest.signing-region": plane.region,
        "client.region": plane.region, "client.access-key-id": given["aws_access_key_id"],
        "client.secret-access-key": given["aws_secret_access_key"],
        **({"client.session-token": given["aws_session_token"]} if given.get("aws_session_token") else {}),
        "s3.endpoint": plane.endpoint, **more,
    }  # fmt: skip
    return rest.RestCatalog("rest", **properties)


@pytest.fixture(scope="module")
def catalog(plane: RunningPlane) -> Any:
    plane.client("s3").create_bucket(Bucket="lake")
    found = rest_catalog(plane)
    found.create_namespace("bronze", {"location": "s3://lake/bronze", "comment": "raw", "team": "a"})
    return found


def test_namespaces_are_glues_databases(plane: RunningPlane, catalog: Any) -> None:
    assert ("bronze",) in catalog.list_namespaces()
    assert catalog.load_namespace_properties("bronze") == {
        "location": "s3://lake/bronze",
        "comment": "raw",
        "team": "a",
    }
    summary = catalog.update_namespace_properties("bronze", removals={"team", "nobody"}, updates={"owner": "b"})
    assert (summary.removed, summary.updated, summary.missing) == (["team"], ["owner"], ["nobody"])
    database = plane.client("glue").get_database(Name="bronze")["Database"]
    assert (database["LocationUri"], database["Description"], database["Parameters"]) == (
        "s3://lake/bronze", "raw", {"owner": "b"},
    )  # fmt: skip
    with pytest.raises(exceptions.NamespaceAlreadyExistsError):
        catalog.create_namespace("bronze")
    with pytest.raises(exceptions.NoSuchNamespaceError):
        catalog.load_namespace_properties("nowhere")
    catalog.create_namespace("passing")
    catalog.drop_namespace("passing")
    assert ("passing",) not in catalog.list_namespaces()


def test_a_table_is_made_written_evolved_read_and_dropped(plane: RunningPlane, catalog: Any) -> None:
    table = catalog.create_table("bronze.events", SCHEMA, location="s3://lake/bronze/events")
    table.append(rows(1, 2))
    table.append(rows(3))
    with table.update_schema() as update:
        update.rename_column("name", "title")
    found = catalog.load_table("bronze.events").scan("id > 1").to_arrow()
    assert sorted(found["title"].to_pylist()) == ["n2", "n3"]
    assert catalog.list_tables("bronze") == [("bronze", "events")]
    assert catalog.table_exists("bronze.events")
    assert not catalog.table_exists("bronze.others")
    glue = plane.client("glue").get_table(DatabaseName="bronze", Name="events")["Table"]
    assert [(c["Name"], c["Parameters"]["iceberg.field.current"]) for c in glue["StorageDescriptor"]["Columns"]] == [
        ("id", "true"), ("title", "true"), ("name", "false"),
    ]  # fmt: skip
    assert glue["Parameters"]["table_type"] == "ICEBERG"
    assert glue["Parameters"]["metadata_location"] == catalog.load_table("bronze.events").metadata_location
    with pytest.raises(exceptions.TableAlreadyExistsError):
        catalog.create_table("bronze.events", SCHEMA, location="s3://lake/bronze/events")
    with pytest.raises(exceptions.NamespaceNotEmptyError):
        catalog.drop_namespace("bronze")
    catalog.drop_table("bronze.events")
    with pytest.raises(exceptions.NoSuchTableError):
        catalog.load_table("bronze.events")


def test_what_aws_does_not_do_is_refused_in_its_words(catalog: Any) -> None:
    with pytest.raises(exceptions.BadRequestError, match="Cannot parse missing string: location"):
        catalog.create_table("bronze.nowhere", SCHEMA)
    with pytest.raises(exceptions.BadRequestError, match="Stage create is not supported"):
        catalog.create_table_transaction("bronze.staged", SCHEMA, location="s3://lake/bronze/staged")


def test_a_commit_on_an_old_state_is_refused_and_changes_nothing(catalog: Any) -> None:
    table = catalog.create_table("bronze.contested", SCHEMA, location="s3://lake/bronze/contested")
    table.append(rows(1))
    stale = catalog.load_table("bronze.contested")
    table.append(rows(2))
    from pyiceberg.table.update import AssertRefSnapshotId, SetPropertiesUpdate

    requirement = AssertRefSnapshotId(ref="main", snapshot_id=stale.metadata.current_snapshot_id)
    with pytest.raises(exceptions.CommitFailedException):
        catalog.commit_table(stale, (requirement,), (SetPropertiesUpdate(updates={"lost": "yes"}),))
    found = catalog.load_table("bronze.contested")
    assert "lost" not in found.properties
    assert found.scan().to_arrow().num_rows == 2


def test_glues_own_clients_and_athena_see_the_same_table(plane: RunningPlane, catalog: Any) -> None:
    glue = pytest.importorskip("pyiceberg.catalog.glue")
    given = plane.administrator()
    other = glue.GlueCatalog(
        "glue", **{
            "glue.endpoint": plane.endpoint, "glue.region": plane.region, "glue.skip-archive": "true",
            "glue.access-key-id": given["aws_access_key_id"], "glue.secret-access-key": given["aws_secret_access_key"],
            "s3.endpoint": plane.endpoint, "s3.region": plane.region, "s3.access-key-id": given["aws_access_key_id"],
            "s3.secret-access-key": given["aws_secret_access_key"],
        }
    )  # fmt: skip
    made = catalog.create_table("bronze.shared", SCHEMA, location="s3://lake/bronze/shared")
    made.append(rows(1))
    other.load_table("bronze.shared").append(rows(2))
    catalog.load_table("bronze.shared").append(rows(3))
    assert sorted(other.load_table("bronze.shared").scan().to_arrow()["id"].to_pylist()) == [1, 2, 3]
    assert len(plane.client("glue").get_table_versions(DatabaseName="bronze", TableName="shared")["TableVersions"]) == 1


def test_a_body_that_is_nested_without_end_or_no_commit_is_refused(catalog: Any) -> None:
    catalog.create_table("bronze.nested", SCHEMA, location="s3://lake/bronze/nested")
    url = catalog.url("namespaces/bronze/tables/nested")
    deep = '{"requirements": [], "updates": ' + "[" * 3000 + "]" * 3000 + "}"
    for body in (deep, "[]", "{", '{"requirements": [], "updates": [{"action": "no-such-action"}]}',
                 '{"requirements": [{"type": "assert-moon"}], "updates": []}', '{"updates": []}'):  # fmt: skip
        answer = catalog._session.post(url, data=body.encode())
        assert answer.status_code == 400, (body[:60], answer.text)
        assert answer.json()["error"]["code"] == 400
    assert catalog.load_table("bronze.nested").metadata.last_sequence_number == 0
