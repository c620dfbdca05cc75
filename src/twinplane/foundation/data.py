"""The data a mesh starts with: Parquet files from packages, in S3, catalogued in Glue, owned by their projects."""

import hashlib
import importlib.util
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from twinplane.foundation.domain import domain_id
from twinplane.foundation.lake import DATA
from twinplane.foundation.run import Item, NotAsExpected, Run
from twinplane.mesh.model import Database, PackageFile, Table

_TYPES = {
    "BIGINT": "bigint", "BLOB": "binary", "BOOLEAN": "boolean", "DATE": "date", "DOUBLE": "double", "FLOAT": "float",
    "INTEGER": "int", "SMALLINT": "smallint", "TIMESTAMP": "timestamp", "TIMESTAMP WITH TIME ZONE": "timestamp",
    "TIMESTAMP_NS": "timestamp", "TINYINT": "tinyint", "UBIGINT": "decimal(20,0)", "UINTEGER": "bigint",
    "USMALLINT": "int", "UTINYINT": "smallint", "VARCHAR": "string",
}  # fmt: skip
_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"


@dataclass(frozen=True)
class _Placed:
    """A table with its file, and where that goes."""

    project: str
    database: str
    table: Table
    file: Path
    key: str


def package_file(source: PackageFile) -> Path:
    """The file on this machine. Raises `NotAsExpected` when the package or the file is not there."""
    spec = importlib.util.find_spec(source.package)
    if spec is None or spec.origin is None:
        raise NotAsExpected(f"the package {source.package} is not installed: pip install 'twinplane[sample]'")
    path = Path(spec.origin).parent / source.file
    if not path.is_file():
        raise NotAsExpected(f"the package {source.package} has no file {source.file}")
    return path


def columns(file: Path, table: Table) -> list[Item]:
    """The table's columns as Glue has them: names and types from the file, comments from the mesh."""
    described = duckdb.connect().execute("DESCRIBE SELECT * FROM read_parquet($file)", {"file": str(file)}).fetchall()
    unknown = set(table.columns) - {name for name, *_ in described}
    if unknown:
        raise NotAsExpected(f"table {table.name} has no column {', '.join(sorted(unknown))}")
    found = []
    for name, kind, *_ in described:
        glue = kind.lower() if kind.startswith("DECIMAL") else _TYPES.get(kind)
        if glue is None:
            raise NotAsExpected(f"column {name} of table {table.name} has type {kind}, which Glue does not know")
        column = {"Name": name, "Type": glue}
        if name in table.columns and table.columns[name].description:
            column["Comment"] = table.columns[name].description
        found.append(column)
    return found


def settle_data(run: Run) -> None:
    """Uploads, catalogues and hands over the data of every project."""
    placed = [
        _Placed(
            project.name,
            database.database,
            table,
            package_file(table.source),
            f"{database.database}/{table.name}/{Path(table.source.file).name}",
        )
        for project in run.mesh.projects
        for database in project.data
        for table in database.tables
    ]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda one: _settle_file(run, one), placed))
    for project in run.mesh.projects:
        role = _project_role(run, project.name) if project.data else None
        for database in project.data:
            _settle_database(run, database)
            for one in placed:
                if one.database == database.database:
                    _settle_table(run, one)
            _settle_grants(run, project.name, role, database)


def _settle_file(run: Run, one: _Placed) -> None:
    s3, bucket = run.aws["s3"], run.bucket(DATA)
    content = one.file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    found = run.aws.find(s3.head_object, Bucket=bucket, Key=one.key)

    def put() -> None:
        s3.put_object(
            Bucket=bucket,
            Key=one.key,
            Body=content,
            ContentType="application/vnd.apache.parquet",
            Metadata={"sha256": digest},
        )

    run.settle(
        "file",
        f"s3://{bucket}/{one.key}",
        found and {"sha256": found["Metadata"].get("sha256")},
        {"sha256": digest},
        create=put,
        update=put,
    )


def _location(run: Run, *parts: str) -> str:
    return f"s3://{run.bucket(DATA)}/{'/'.join(parts)}"


def _settle_database(run: Run, database: Database) -> None:
    glue = run.aws["glue"]
    found = run.aws.find(glue.get_database, Name=database.database)
    wanted = {"Description": database.description, "LocationUri": _location(run, database.database)}
    inputs = {"Name": database.database} | wanted
    run.settle(
        "database",
        database.database,
        found and found["Database"],
        wanted,
        create=partial(glue.create_database, DatabaseInput=inputs),
        update=partial(glue.update_database, Name=database.database, DatabaseInput=inputs),
    )


def _settle_table(run: Run, one: _Placed) -> None:
    glue = run.aws["glue"]
    found = run.aws.find(glue.get_table, DatabaseName=one.database, Name=one.table.name)
    wanted: dict[str, Any] = {
        "Name": one.table.name,
        "Description": one.table.description,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet"},
        "StorageDescriptor": {
            "Columns": columns(one.file, one.table),
            "Location": _location(run, one.database, one.table.name),
            "InputFormat": f"{_PARQUET}.MapredParquetInputFormat",
            "OutputFormat": f"{_PARQUET}.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": f"{_PARQUET}.serde.ParquetHiveSerDe"},
        },
    }
    run.settle(
        "table",
        f"{one.database}.{one.table.name}",
        found and found["Table"],
        wanted,
        create=partial(glue.create_table, DatabaseName=one.database, TableInput=wanted),
        update=partial(glue.update_table, DatabaseName=one.database, TableInput=wanted),
    )


def _project_role(run: Run, project: str) -> str | None:
    """The ARN of the role the project works with; None when only planning and it does not exist yet."""
    identifier, project_id = domain_id(run), run.ref("project", project)
    if identifier is None or project_id is None:
        return None
    environments = run.aws.items(
        "datazone", "list_environments", "items", domainIdentifier=identifier, projectIdentifier=project_id
    )
    for environment in environments:
        detail = run.aws["datazone"].get_environment(domainIdentifier=identifier, identifier=environment["id"])
        for resource in detail.get("provisionedResources", []):
            if resource["name"] == "userRoleArn":
                return str(resource["value"])
    raise NotAsExpected(f"project {project} has no role: its Tooling environment provides none")


def _settle_grants(run: Run, project: str, role: str | None, database: Database) -> None:
    """The project's role may do everything with its database, and may share what it publishes of it."""
    name, catalog = database.database, run.account_id
    resources: list[tuple[str, Item, list[str]]] = [
        (
            f"location {name}",
            {"DataLocation": {"CatalogId": catalog, "ResourceArn": f"arn:aws:s3:::{run.bucket(DATA)}/{name}"}},
            ["DATA_LOCATION_ACCESS"],
        ),
        (f"database {name}", {"Database": {"CatalogId": catalog, "Name": name}}, ["ALL"]),
    ]
    for table in database.tables:
        resource = {"Table": {"CatalogId": catalog, "DatabaseName": name, "Name": table.name}}
        resources.append((f"table {name}.{table.name}", resource, ["ALL"]))
    for told, resource, permissions in resources:
        actual: Item | None = None
        if role is not None:
            granted = run.aws.items(
                "lakeformation",
                "list_permissions",
                "PrincipalResourcePermissions",
                Principal={"DataLakePrincipalIdentifier": role},
                Resource=resource,
            )
            grantable = {p for grant in granted for p in grant.get("PermissionsWithGrantOption", [])}
            actual = {} if grantable >= set(permissions) else None
        run.settle(
            "grant",
            f"{project} owns {told}",
            actual,
            {},
            create=partial(
                run.aws["lakeformation"].grant_permissions,
                Principal={"DataLakePrincipalIdentifier": role},
                Resource=resource,
                Permissions=permissions,
                PermissionsWithGrantOption=permissions,
            ),
        )
