"""Named queries and prepared statements: kept in a work group, for those with rights of the work group."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .lake import Lake, Person, table


def refusal(function: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    """The code and the text of the error."""
    with pytest.raises(ClientError) as error:
        function(**arguments)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def somebody(lake: Lake, name: str, group: str, *actions: str) -> Any:
    """An Athena client of a user who may do `actions` on one work group."""
    iam = lake.plane.client("iam")
    iam.create_user(UserName=name)
    arn = f"arn:aws:athena:{lake.athena.meta.region_name}:{lake.plane.account_id}:workgroup/{group}"
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return lake.plane.client("athena", key)


@pytest.fixture(scope="module")
def groups(lake: Lake) -> Lake:
    for name in ("blue", "red"):
        lake.athena.create_work_group(Name=name)
    return lake


def named(lake: Lake, group: str = "blue", **more: Any) -> str:
    given = {"Name": "n", "Database": "sales", "QueryString": "SELECT 1", "WorkGroup": group} | more
    return str(lake.athena.create_named_query(**given)["NamedQueryId"])


def prepared(lake: Lake, name: str, group: str = "blue", text: str = "SELECT ?") -> None:
    lake.athena.create_prepared_statement(StatementName=name, WorkGroup=group, QueryStatement=text)


def test_a_named_query_is_kept_changed_and_removed(groups: Lake) -> None:
    athena = groups.athena
    query_id = named(groups, Description="d")
    expected = {"NamedQueryId": query_id, "Name": "n", "Database": "sales", "QueryString": "SELECT 1",
                "WorkGroup": "blue", "Description": "d"}  # fmt: skip
    assert athena.get_named_query(NamedQueryId=query_id)["NamedQuery"] == expected
    athena.update_named_query(NamedQueryId=query_id, Name="m", QueryString="SELECT 2")
    expected |= {"Name": "m", "QueryString": "SELECT 2"}
    batch = athena.batch_get_named_query(NamedQueryIds=[query_id, "none"])
    assert batch["NamedQueries"] == [expected]
    assert [m["NamedQueryId"] for m in batch["UnprocessedNamedQueryIds"]] == ["none"]
    athena.delete_named_query(NamedQueryId=query_id)
    for function in (athena.get_named_query, athena.delete_named_query):
        code, message = refusal(function, NamedQueryId=query_id)
        assert (code, "does not exist" in message) == ("InvalidRequestException", True)


def test_a_token_makes_one_named_query(groups: Lake) -> None:
    token = "t" * 32
    first = named(groups, ClientRequestToken=token)
    assert named(groups, ClientRequestToken=token) == first
    code, message = refusal(named, lake=groups, ClientRequestToken=token, QueryString="SELECT 3")
    assert (code, "dempotent" in message) == ("InvalidRequestException", True)


def test_named_queries_are_listed_in_pages_of_their_work_group(groups: Lake) -> None:
    groups.athena.create_work_group(Name="paged")
    made = {named(groups, "paged", Name=f"n{number}") for number in range(5)}
    pages = groups.athena.get_paginator("list_named_queries").paginate(
        WorkGroup="paged", PaginationConfig={"PageSize": 2}
    )
    found = [page["NamedQueryIds"] for page in pages]
    assert [len(page) for page in found] == [2, 2, 1]
    assert set().union(*found) == made


def test_who_has_no_right_of_a_work_group_cannot_tell_whether_a_named_query_is_there(groups: Lake) -> None:
    red = somebody(groups, "reader_of_red", "red", "athena:*")
    own, other = named(groups, "red"), named(groups, "blue")
    assert red.get_named_query(NamedQueryId=own)["NamedQuery"]["WorkGroup"] == "red"

    def said(query_id: str, function: Callable[..., Any], **more: Any) -> str:
        return str(refusal(function, NamedQueryId=query_id, **more)).replace(query_id, "X")

    none = "0" * 8
    for function in (red.get_named_query, red.delete_named_query):
        assert said(other, function) == said(none, function)
    change = {"Name": "x", "QueryString": "x"}
    assert said(other, red.update_named_query, **change) == said(none, red.update_named_query, **change)
    batch = red.batch_get_named_query(NamedQueryIds=[other, own, none])
    assert [q["NamedQueryId"] for q in batch["NamedQueries"]] == [own]
    unprocessed = [str(m).replace(m["NamedQueryId"], "X") for m in batch["UnprocessedNamedQueryIds"]]
    assert len(unprocessed) == 2
    assert unprocessed[0] == unprocessed[1]
    for function, more in ((red.list_named_queries, {}), (red.create_named_query, {**change, "Database": "d"})):
        assert refusal(function, WorkGroup="blue", **more)[0] == "AccessDeniedException"
    assert groups.athena.get_named_query(NamedQueryId=other)["NamedQuery"]["Name"] == "n"


def test_each_right_of_named_queries_is_its_own(groups: Lake) -> None:
    reader = somebody(groups, "only_reads", "blue", "athena:GetNamedQuery")
    query_id = named(groups)
    assert reader.get_named_query(NamedQueryId=query_id)["NamedQuery"]["Name"] == "n"
    assert refusal(reader.delete_named_query, NamedQueryId=query_id)[0] == "InvalidRequestException"
    assert refusal(reader.batch_get_named_query, NamedQueryIds=[query_id])[0] == "AccessDeniedException"


def test_a_prepared_statement_is_kept_changed_and_removed(groups: Lake) -> None:
    athena = groups.athena
    key = {"StatementName": "by_id", "WorkGroup": "blue"}
    athena.create_prepared_statement(**key, QueryStatement="SELECT ?", Description="d")
    code, message = refusal(athena.create_prepared_statement, **key, QueryStatement="SELECT 1")
    assert (code, "already exists" in message) == ("InvalidRequestException", True)
    athena.update_prepared_statement(**key, QueryStatement="SELECT ?, ?")
    found = athena.get_prepared_statement(**key)["PreparedStatement"]
    changed = found.pop("LastModifiedTime")
    assert found == {"StatementName": "by_id", "WorkGroupName": "blue", "QueryStatement": "SELECT ?, ?",
                     "Description": "d"}  # fmt: skip
    batch = athena.batch_get_prepared_statement(PreparedStatementNames=["by_id", "other"], WorkGroup="blue")
    assert [s["LastModifiedTime"] for s in batch["PreparedStatements"]] == [changed]
    missing = batch["UnprocessedPreparedStatementNames"]
    assert [(m["StatementName"], m["ErrorCode"]) for m in missing] == [("other", "STATEMENT_NOT_FOUND")]
    athena.delete_prepared_statement(**key)
    calls = ((athena.get_prepared_statement, {}), (athena.delete_prepared_statement, {}),
             (athena.update_prepared_statement, {"QueryStatement": "SELECT 1"}))  # fmt: skip
    for function, more in calls:
        assert refusal(function, **key, **more)[0] == "ResourceNotFoundException"


def test_prepared_statements_are_of_their_work_group_and_listed_in_pages(groups: Lake) -> None:
    groups.athena.create_work_group(Name="prepared")
    for name in ("p_c", "p_a", "p_b"):
        prepared(groups, name, "prepared")
    prepared(groups, "p_a", "red", "SELECT 'red'")
    first = groups.athena.list_prepared_statements(WorkGroup="prepared", MaxResults=2)
    more = groups.athena.list_prepared_statements(WorkGroup="prepared", MaxResults=2, NextToken=first["NextToken"])
    assert [[s["StatementName"] for s in page["PreparedStatements"]] for page in (first, more)] == [
        ["p_a", "p_b"], ["p_c"],
    ]  # fmt: skip
    assert "NextToken" not in more
    found = groups.athena.get_prepared_statement(StatementName="p_a", WorkGroup="prepared")["PreparedStatement"]
    assert found["QueryStatement"] == "SELECT ?"


def test_prepared_statements_of_a_work_group_of_others_are_refused_as_those_that_are_not_there(groups: Lake) -> None:
    red = somebody(groups, "prepares_in_red", "red", "athena:*")
    prepared(groups, "of_blue")

    def said(name: str, function: Callable[..., Any], **more: Any) -> tuple[str, str]:
        code, message = refusal(function, StatementName=name, WorkGroup="blue", **more)
        return code, message.replace(name, "X")

    calls = ((red.get_prepared_statement, {}), (red.delete_prepared_statement, {}),
             (red.update_prepared_statement, {"QueryStatement": "SELECT 1"}),
             (red.create_prepared_statement, {"QueryStatement": "SELECT 1"}))  # fmt: skip
    for function, more in calls:
        assert said("of_blue", function, **more) == said("of_none", function, **more)
        assert said("of_blue", function, **more)[0] == "AccessDeniedException"
    names = {"PreparedStatementNames": ["of_blue"], "WorkGroup": "blue"}
    assert refusal(red.batch_get_prepared_statement, **names)[0] == "AccessDeniedException"
    assert refusal(red.list_prepared_statements, WorkGroup="blue")[0] == "AccessDeniedException"


def test_a_work_group_that_holds_texts_is_removed_with_them_or_not_at_all(groups: Lake) -> None:
    athena = groups.athena
    for name in ("holds_named", "holds_prepared"):
        athena.create_work_group(Name=name)
    query_id = named(groups, "holds_named")
    prepared(groups, "p_1", "holds_prepared")
    for name in ("holds_named", "holds_prepared"):
        code, message = refusal(athena.delete_work_group, WorkGroup=name)
        assert (code, "not empty" in message) == ("InvalidRequestException", True)
        athena.delete_work_group(WorkGroup=name, RecursiveDeleteOption=True)
        athena.create_work_group(Name=name)
    assert refusal(athena.get_named_query, NamedQueryId=query_id)[0] == "InvalidRequestException"
    assert athena.list_prepared_statements(WorkGroup="holds_prepared")["PreparedStatements"] == []
    for name in ("holds_named", "holds_prepared"):
        athena.delete_work_group(WorkGroup=name)


def test_texts_are_kept_in_work_groups_that_are_there(groups: Lake) -> None:
    for function in (named, lambda lake, group: prepared(lake, "p_1", group)):
        assert refusal(function, lake=groups, group="nowhere")[0] == "InvalidRequestException"


# In SQL


def done(person: Person, text: str, **options: Any) -> dict[str, Any]:
    return person.finished(person.start(text, **options))


def reason(person: Person, text: str, **options: Any) -> str:
    status = done(person, text, **options)["Status"]
    assert status["State"] == "FAILED"
    return str(status["StateChangeReason"])


@pytest.fixture(scope="module")
def ann(lake: Lake) -> Person:
    """She sees the rows of the EU."""
    person = lake.person("ann_prepares")
    lake.grant(person.principal, lake.filter("ann_eu", "region = 'EU'", {"ColumnWildcard": {}}))
    return person


def test_a_statement_is_prepared_executed_and_deallocated(lake: Lake, ann: Person) -> None:
    prepared = done(ann, "PREPARE by_id FROM SELECT id, card FROM orders WHERE id IN (?, ?) AND card <> ? ORDER BY id")
    assert (prepared["Status"]["State"], prepared["SubstatementType"]) == ("SUCCEEDED", "PREPARE")
    text = "EXECUTE by_id USING 4, 8, 'x?'"
    assert ann.rows(text) == [["4", "card-4"], ["8", "card-8"]]
    assert ann.rows("EXECUTE by_id", ExecutionParameters=["8", "5", "'x'"]) == [["8", "card-8"]]
    shown = done(ann, text)
    assert (shown["Query"], shown["StatementType"], shown["SubstatementType"]) == (text, "DML", "SELECT")
    done(ann, "PREPARE by_id FROM SELECT count(*) FROM orders")
    assert ann.rows("EXECUTE by_id") == [["250"]]
    assert done(ann, "DEALLOCATE PREPARE by_id")["Status"]["State"] == "SUCCEEDED"
    for gone in ("EXECUTE by_id", "DEALLOCATE PREPARE by_id"):
        assert reason(ann, gone) == "NOT_FOUND: Prepared statement not found: by_id"


def test_a_prepared_statement_runs_with_the_rights_of_whoever_runs_it(lake: Lake, ann: Person) -> None:
    done(ann, "PREPARE counted FROM SELECT count(*) FROM orders WHERE id < ?")
    all_rows, nothing = lake.person("sees_all"), lake.person("sees_nothing")
    lake.grant(all_rows.principal, table())
    assert ann.rows("EXECUTE counted USING 100") == [["25"]]
    assert all_rows.rows("EXECUTE counted USING 100") == [["100"]]
    assert refusal(nothing.start, text="EXECUTE counted USING 100")[0] == "AccessDeniedException"


def test_parameters_are_literals_and_as_many_as_there_are_places(lake: Lake, ann: Person) -> None:
    done(ann, "PREPARE one_place FROM SELECT id FROM orders WHERE id = ?")
    for values in (" USING (SELECT max(id) FROM orders)", " USING id", " USING 1, 2", ""):
        assert reason(ann, f"EXECUTE one_place{values}").startswith("INVALID_PARAMETER_USAGE")
    code, _ = refusal(ann.start, text="EXECUTE one_place USING 1) OR (1 = 1")
    assert code == "InvalidRequestException"


def test_what_cannot_be_prepared_is_not_executed_either(lake: Lake, ann: Person) -> None:
    for text in ("PREPARE dropped FROM DROP TABLE orders", "PREPARE again FROM EXECUTE again"):
        assert refusal(ann.start, text=text)[0] == "InvalidRequestException"
    key = {"StatementName": "by_other_ways", "WorkGroup": "mesh-people"}
    for number, text in enumerate(("DROP TABLE orders", "EXECUTE by_other_ways")):
        call = lake.athena.update_prepared_statement if number else lake.athena.create_prepared_statement
        call(**key, QueryStatement=text)
        assert reason(ann, "EXECUTE by_other_ways").startswith("NOT_SUPPORTED")


def test_preparing_and_executing_need_their_own_rights(lake: Lake) -> None:
    lake.s3.put_object(Bucket="people", Key="results/", Body=b"")
    lake.athena.create_work_group(
        Name="sql", Configuration={"ResultConfiguration": {"OutputLocation": "s3://people/results/"}}
    )
    runner = somebody(lake, "only_runs", "sql", "athena:StartQueryExecution", "athena:GetQueryExecution")
    prepared(lake, "known", "sql", "SELECT 1")
    for name in ("known", "unknown"):
        with pytest.raises(ClientError, match="athena:GetPreparedStatement"):
            runner.start_query_execution(QueryString=f"EXECUTE {name}", WorkGroup="sql")
    for text in ("PREPARE known FROM SELECT 2", "PREPARE other FROM SELECT 2", "DEALLOCATE PREPARE known",
                 "DEALLOCATE PREPARE unknown"):  # fmt: skip
        query_id = runner.start_query_execution(QueryString=text, WorkGroup="sql")["QueryExecutionId"]
        status: dict[str, Any] = {"State": "QUEUED"}
        while status["State"] in ("QUEUED", "RUNNING"):
            status = runner.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
        assert status["StateChangeReason"].startswith("PERMISSION_DENIED")
    found = lake.athena.list_prepared_statements(WorkGroup="sql")["PreparedStatements"]
    assert [s["StatementName"] for s in found] == ["known"]


def test_a_token_stands_for_its_query_after_its_statement_is_gone(lake: Lake, ann: Person) -> None:
    token = "i" * 32
    done(ann, "PREPARE counting FROM SELECT count(*) FROM orders WHERE id = ?")
    first = ann.start("EXECUTE counting USING 4", ClientRequestToken=token)
    done(ann, "DEALLOCATE PREPARE counting")
    assert ann.start("EXECUTE counting USING 4", ClientRequestToken=token) == first


def test_a_prepared_unload_writes_the_rows_of_its_parameters(lake: Lake) -> None:
    start, group = lake.athena.start_query_execution, {"WorkGroup": "mesh-people"}
    text = "UNLOAD (SELECT ? AS a, '?' AS b) TO 's3://data/unloaded/' WITH (format = 'JSON', compression = 'NONE')"
    prepared(lake, "unloading", "mesh-people", text)
    query_id = start(QueryString="EXECUTE unloading", ExecutionParameters=["'x'"], **group)["QueryExecutionId"]
    execution: dict[str, Any] = {"Status": {"State": "QUEUED"}}
    while execution["Status"]["State"] in ("QUEUED", "RUNNING"):
        execution = lake.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
    assert (execution["Status"]["State"], execution["SubstatementType"]) == ("SUCCEEDED", "UNLOAD"), execution["Status"]
    [written] = lake.s3.list_objects_v2(Bucket="data", Prefix="unloaded/")["Contents"]
    assert json.loads(lake.s3.get_object(Bucket="data", Key=written["Key"])["Body"].read()) == {"a": "x", "b": "?"}
