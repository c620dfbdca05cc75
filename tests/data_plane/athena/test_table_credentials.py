"""Credentials for a table's files are for who may read all of it, and reach nothing else."""

import pytest
from botocore.exceptions import ClientError

from .lake import Lake, Person, table


def credentials(lake: Lake, person: Person, name: str = "orders") -> dict[str, str]:
    arn = f"arn:aws:glue:{lake.plane.region}:{lake.plane.account_id}:table/sales/{name}"
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lakeformation:*","Resource":"*"}]}'
    lake.plane.client("iam").put_role_policy(RoleName="TwinplanePerson", PolicyName="lake", PolicyDocument=policy)
    answer: dict[str, str] = person.client("lakeformation").get_temporary_glue_table_credentials(TableArn=arn)
    return answer


def test_who_reads_the_whole_table_gets_its_files_and_nothing_else(lake: Lake) -> None:
    person = lake.person("whole")
    lake.grant(person.principal, table())
    lake.table("neighbour", "SELECT 1 AS id", [{"Name": "id", "Type": "int"}])
    s3 = lake.plane.client("s3", credentials(lake, person))
    assert s3.get_object(Bucket="data", Key="sales/orders/part-0.parquet")["ContentLength"] > 0
    for key in ("sales/neighbour/part-0.parquet", "sales/orders-of-others/x"):
        with pytest.raises(ClientError):
            s3.get_object(Bucket="data", Key=key)
    with pytest.raises(ClientError):
        s3.put_object(Bucket="data", Key="sales/orders/more.parquet", Body=b"x")


def test_who_reads_a_part_of_the_table_gets_none(lake: Lake) -> None:
    part, nothing = lake.person("part"), lake.person("nothing_at_all")
    lake.grant(part.principal, lake.filter("part", "id < 10", {"ColumnWildcard": {}}))
    for person, code in ((part, "PermissionTypeMismatchException"), (nothing, "AccessDeniedException")):
        with pytest.raises(ClientError) as error:
            credentials(lake, person)
        assert error.value.response["Error"]["Code"] == code
