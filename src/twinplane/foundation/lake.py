"""Buckets, Lake Formation's settings, and the work group in which people query as themselves."""

from functools import partial
from typing import Any

from twinplane.foundation.roles import MANAGE_ACCESS, QUERY_EXECUTION
from twinplane.foundation.run import Item, Run

PROJECTS, PEOPLE, DATA = "", "people", "data"


def settle_buckets(run: Run) -> None:
    """One bucket for what projects make, one for people's query results, one for the mesh's own data."""
    s3 = run.aws["s3"]
    place: Item = {}
    if run.mesh.region != "us-east-1":
        place = {"CreateBucketConfiguration": {"LocationConstraint": run.mesh.region}}
    for purpose in (PROJECTS, PEOPLE, DATA):
        name = run.bucket(purpose)
        run.settle(
            "bucket",
            name,
            {} if run.aws.find(s3.head_bucket, Bucket=name) is not None else None,
            {},
            create=partial(s3.create_bucket, Bucket=name, **place),
        )


def settle_lake_formation(run: Run) -> None:
    """Who administers the lake, no access by default, the mesh's data in its care, and Identity Center known."""
    lake = run.aws["lakeformation"]
    settings = lake.get_data_lake_settings()["DataLakeSettings"]
    admins = _with(settings.get("DataLakeAdmins", []), [run.ids["caller", ""], run.role_arn(MANAGE_ACCESS)])
    readers = _with(settings.get("ReadOnlyAdmins", []), [run.role_arn(run.mesh.app.role)])
    wanted = {
        "DataLakeAdmins": admins,
        "ReadOnlyAdmins": readers,
        "CreateDatabaseDefaultPermissions": [],
        "CreateTableDefaultPermissions": [],
        "AllowFullTableExternalDataAccess": True,  # engines of one's own, on tables one may read in full
    }
    put = partial(lake.put_data_lake_settings, DataLakeSettings=settings | wanted)
    run.settle(
        "Lake Formation",
        "settings",
        {key: settings.get(key, []) for key in wanted},
        wanted,
        create=put,
        update=put,
    )
    arn = f"arn:aws:s3:::{run.bucket(DATA)}"
    registered = {r["ResourceArn"]: r for r in run.aws.items("lakeformation", "list_resources", "ResourceInfoList")}
    run.settle(
        "Lake Formation",
        f"location {run.bucket(DATA)}",
        registered.get(arn),
        {},
        create=partial(lake.register_resource, ResourceArn=arn, RoleArn=run.role_arn(QUERY_EXECUTION)),
    )
    instance = run.ids["instance", ""]
    run.settle(
        "Lake Formation",
        "Identity Center",
        run.aws.find(lake.describe_lake_formation_identity_center_configuration),
        {"InstanceArn": instance},
        create=partial(lake.create_lake_formation_identity_center_configuration, InstanceArn=instance),
    )


def _with(principals: list[Item], wanted: list[str]) -> list[Item]:
    """The principals there are, and those that are missing."""
    known = [p["DataLakePrincipalIdentifier"] for p in principals]
    return [{"DataLakePrincipalIdentifier": arn} for arn in [*known, *(arn for arn in wanted if arn not in known)]]


def settle_work_group(run: Run) -> None:
    """The Athena work group of people: each query runs as its person, each person's results are hers alone."""
    athena, name = run.aws["athena"], run.mesh.app.work_group
    groups = {group["Name"] for group in run.aws.items("athena", "list_work_groups", "WorkGroups")}
    actual = athena.get_work_group(WorkGroup=name)["WorkGroup"]["Configuration"] if name in groups else None
    wanted: dict[str, Any] = {
        "EnforceWorkGroupConfiguration": True,
        "ExecutionRole": run.role_arn(QUERY_EXECUTION),
        "ResultConfiguration": {"OutputLocation": f"s3://{run.bucket(PEOPLE)}/athena/"},
        "IdentityCenterConfiguration": {
            "EnableIdentityCenter": True,
            "IdentityCenterInstanceArn": run.ids["instance", ""],
        },
        "QueryResultsS3AccessGrantsConfiguration": {
            "EnableS3AccessGrants": True,
            "CreateUserLevelPrefix": True,
            "AuthenticationType": "DIRECTORY_IDENTITY",
        },
    }
    run.settle(
        "work group",
        name,
        actual,
        wanted,
        create=partial(athena.create_work_group, Name=name, Configuration=wanted),
    )
