"""Producers with tables, for the tests of DataZone's catalog and subscriptions."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

from tests.data_plane.datazone.domains_for_tests import Mesh, eventually
from twinplane.data_plane.testing import RunningPlane

COLUMNS = {
    "order_id": "bigint",
    "region": "string",
    "amount": "double",
    "customer_email": "string",
    "placed_on": "date",
}


def unique(word: str) -> str:
    return f"{word} {uuid.uuid4().hex[:6]}"


@dataclass
class Producer:
    """A project of a person that has a database with tables."""

    mesh: Mesh
    person: str
    project_id: str
    database: str

    @property
    def datazone(self) -> Any:
        return self.mesh.as_person(self.person)

    def client(self, service: str) -> Any:
        """A client with the credentials the project vends its members."""
        return vended(self.mesh, self.datazone, self.project_id, service)

    def table(self, name: str, columns: dict[str, str] = COLUMNS, **members: Any) -> str:
        """Makes a table in the project's database."""
        self.client("glue").create_table(DatabaseName=self.database, TableInput=table_input(name, columns, **members))
        return name

    def source(self, **members: Any) -> str:
        """The id of a new data source of the whole database."""
        wanted = members.pop("relational", {})
        configuration = {"relationalFilterConfigurations": [{"databaseName": self.database, **wanted}]}
        made = self.datazone.create_data_source(
            domainIdentifier=self.mesh.domain_id,
            projectIdentifier=self.project_id,
            name=unique("source"),
            type="GLUE",
            configuration={"glueRunConfiguration": configuration},
            **members,
        )
        return str(made["id"])

    def run(self, source_id: str) -> dict[str, Any]:
        """A finished run of a data source, with its activities by table name."""
        domain = {"domainIdentifier": self.mesh.domain_id}
        started = self.datazone.start_data_source_run(**domain, dataSourceIdentifier=source_id)
        run: dict[str, Any] = eventually(
            lambda: self.datazone.get_data_source_run(**domain, identifier=started["id"]),
            lambda r: r["status"] not in ("REQUESTED", "RUNNING"),
        )
        listed = self.datazone.list_data_source_run_activities(**domain, identifier=started["id"])["items"]
        return run | {"activities": {a["technicalName"]: a for a in listed}}

    def publish(self, asset_id: str, action: str = "PUBLISH", **members: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.datazone.create_listing_change_set(
            domainIdentifier=self.mesh.domain_id,
            entityIdentifier=asset_id,
            entityType="ASSET",
            action=action,
            **members,
        )
        return answer

    def published(self, name: str, columns: dict[str, str] = COLUMNS) -> tuple[str, str]:
        """Makes, imports and publishes a table; the ids of its asset and its listing."""
        self.table(name, columns)
        run = self.run(self.source(relational={"filterExpressions": [{"type": "INCLUDE", "expression": name}]}))
        asset_id = run["activities"][name]["dataAssetId"]
        return asset_id, self.publish(asset_id)["listingId"]

    def asset(self, **members: Any) -> dict[str, Any]:
        """An asset described by hand."""
        given: dict[str, Any] = {
            "name": unique("asset"),
            "typeIdentifier": "amazon.datazone.GlueTableAssetType",
            "formsInput": [glue_form("by_hand", COLUMNS)],
        }
        answer: dict[str, Any] = self.datazone.create_asset(
            domainIdentifier=self.mesh.domain_id, owningProjectIdentifier=self.project_id, **(given | members)
        )
        return answer

    def column_filter(self, asset_id: str, *columns: str) -> str:
        return self._filter(asset_id, {"columnConfiguration": {"includedColumnNames": list(columns)}})

    def row_filter(self, asset_id: str, row_filter: dict[str, Any]) -> str:
        return self._filter(asset_id, {"rowConfiguration": {"rowFilter": row_filter}})

    def _filter(self, asset_id: str, configuration: dict[str, Any]) -> str:
        made = self.datazone.create_asset_filter(
            domainIdentifier=self.mesh.domain_id,
            assetIdentifier=asset_id,
            name=unique("filter"),
            configuration=configuration,
        )
        return str(made["id"])


def equal(column: str, value: str) -> dict[str, Any]:
    """A row filter."""
    return {"expression": {"equalTo": {"columnName": column, "value": value}}}


def table_input(name: str, columns: dict[str, str], **members: Any) -> dict[str, Any]:
    listed = [{"Name": column, "Type": kind} for column, kind in columns.items()]
    return {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": {"Columns": listed}, **members}


def form(name: str, content: dict[str, Any], kind: str | None = None) -> dict[str, Any]:
    made = {"formName": name, "content": json.dumps(content)}
    return made if kind is None else made | {"typeIdentifier": kind}


def glue_form(table: str, columns: dict[str, str]) -> dict[str, Any]:
    listed = [{"columnName": column, "dataType": kind} for column, kind in columns.items()]
    return form("GlueTableForm", {"tableName": table, "databaseName": "somewhere", "columns": listed})


def producer(mesh: Mesh, person: str) -> Producer:
    """A new project of this person."""
    project = mesh.project(unique("Producer"), client=mesh.as_person(person))
    database = mesh.resources(project["id"], mesh.as_person(person))["glueDBName"]
    return Producer(mesh, person, project["id"], database)


def vended(mesh: Mesh, datazone: Any, project_id: str, service: str) -> Any:
    """A client with the credentials that a project vends whoever `datazone` acts for."""
    domain = {"domainIdentifier": mesh.domain_id}
    listed = datazone.list_connections(**domain, projectIdentifier=project_id, name="project.iam")["items"]
    given = datazone.get_connection(**domain, identifier=listed[0]["connectionId"], withSecret=True)
    credentials = given["connectionCredentials"]
    return mesh.plane.client(
        service,
        {
            "aws_access_key_id": credentials["accessKeyId"],
            "aws_secret_access_key": credentials["secretAccessKey"],
            "aws_session_token": credentials["sessionToken"],
        },
    )


def lake_administrator(plane: RunningPlane) -> Any:
    """Lake Formation, as an administrator of the data lake."""
    client = plane.client("lakeformation")
    arn = plane.client("sts").get_caller_identity()["Arn"]
    client.put_data_lake_settings(DataLakeSettings={"DataLakeAdmins": [{"DataLakePrincipalIdentifier": arn}]})
    return client
