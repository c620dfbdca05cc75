"""What a person's query gave is hers alone, whichever way another person reaches for it."""

from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.attacks.insiders import Insiders, refused


@pytest.fixture(scope="module")
def theirs(insiders: Insiders) -> tuple[str, str, str]:
    """The analyst's query, and the bucket and key of its result."""
    query_id = insiders.query("analyst", "select * from households limit 5").query_id
    found = insiders.aws("analyst", "athena").get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
    bucket, _, key = found["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
    return query_id, bucket, key


@pytest.mark.parametrize(
    "operation",
    ["get_query_execution", "get_query_results", "get_query_runtime_statistics", "stop_query_execution"],
)
def test_by_the_id_of_the_query(insiders: Insiders, theirs: tuple[str, str, str], operation: str) -> None:
    with refused("AccessDenied", "not found"):
        getattr(insiders.aws("colleague", "athena"), operation)(QueryExecutionId=theirs[0])


def test_in_listings_of_queries(insiders: Insiders, theirs: tuple[str, str, str]) -> None:
    athena = insiders.aws("colleague", "athena")
    listed = athena.list_query_executions(WorkGroup=insiders.sign_in.work_group)["QueryExecutionIds"]
    assert theirs[0] not in listed
    own = insiders.query("colleague", "select 1").query_id
    found = athena.batch_get_query_execution(QueryExecutionIds=[own, theirs[0]])
    assert [e["QueryExecutionId"] for e in found["QueryExecutions"]] == [own]
    assert str(found["UnprocessedQueryExecutionIds"]).count(theirs[0]) == str(found).count(theirs[0])


def test_another_persons_query_is_like_none(insiders: Insiders, theirs: tuple[str, str, str]) -> None:
    answers = []
    for query_id in (theirs[0], "11111111-1111-1111-1111-111111111111"):
        with pytest.raises(ClientError) as failed:
            insiders.aws("colleague", "athena").get_query_results(QueryExecutionId=query_id)
        answers.append(str(failed.value).replace(query_id, "<id>"))
    assert answers[0] == answers[1]


def test_in_the_work_group_of_a_project_one_is_not_in(insiders: Insiders) -> None:
    athena = insiders.aws("colleague", "athena")
    assert insiders.work_group not in [g["Name"] for g in athena.list_work_groups()["WorkGroups"]]
    with refused():
        athena.get_work_group(WorkGroup=insiders.work_group)
    with refused():
        insiders.query("colleague", "select 1", work_group=insiders.work_group)


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("get_object", {}), ("head_object", {}), ("get_object", {"Range": "bytes=0-1"}), ("get_object_tagging", {}),
        ("delete_object", {}), ("put_object", {"Body": b"x"}), ("create_multipart_upload", {}),
    ],
)  # fmt: skip
def test_by_the_object(insiders: Insiders, theirs: tuple[str, str, str], operation: str, more: dict[str, Any]) -> None:
    with refused("AccessDenied", "403"):
        getattr(insiders.aws("colleague", "s3"), operation)(Bucket=theirs[1], Key=theirs[2], **more)


def test_by_copies_listings_and_presigned_addresses(insiders: Insiders, theirs: tuple[str, str, str]) -> None:
    s3, (_, bucket, key) = insiders.aws("colleague", "s3"), theirs
    own = f"athena/{insiders.sign_in.user_id('colleague')}/taken"
    source = {"Bucket": bucket, "Key": key}
    with refused():
        s3.copy_object(Bucket=bucket, Key=own, CopySource=source)
    upload = s3.create_multipart_upload(Bucket=bucket, Key=own)["UploadId"]
    with refused():
        s3.upload_part_copy(Bucket=bucket, Key=own, UploadId=upload, PartNumber=1, CopySource=source)
    for prefix in ("", "athena/", key.rpartition("/")[0] + "/"):
        with refused():
            s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})
    assert [e["Code"] for e in deleted["Errors"]] == ["AccessDenied"]
    address = s3.generate_presigned_url("get_object", Params=source)
    assert httpx.get(address, trust_env=False).status_code == 403
    assert httpx.get(address.partition("?")[0], trust_env=False).status_code == 403


def test_results_cannot_be_sent_to_where_one_may_not_write(insiders: Insiders, theirs: tuple[str, str, str]) -> None:
    _, bucket, key = theirs
    athena = insiders.aws("colleague", "athena")
    elsewhere = {"OutputLocation": f"s3://{bucket}/{key.rpartition('/')[0]}/"}
    with refused("AccessDenied"):
        athena.start_query_execution(QueryString="select 1", WorkGroup="primary", ResultConfiguration=elsewhere)
    started = athena.start_query_execution(
        QueryString="select 1", WorkGroup=insiders.sign_in.work_group, ResultConfiguration=elsewhere
    )  # fmt: skip
    execution = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]
    assert insiders.sign_in.user_id("colleague") in execution["ResultConfiguration"]["OutputLocation"]
