"""An operation answers what AWS's model says, and reads only what AWS's model lets a client send."""

import ast
import importlib
import inspect
import textwrap
from pathlib import Path
from typing import Any

import pytest

from twinplane.data_plane.app import SERVICES
from twinplane.data_plane.call import Operation
from twinplane.data_plane.testing import RunningPlane
from twinplane.data_plane.wire.answers import AnswerBreaksModel
from twinplane.data_plane.wire.service import ServiceWire

# One code serves users and groups, and AWS lets only users have extensions: (service, operation, member).
SHARED_CODE = {("identitystore", "DescribeGroup", "Extensions"), ("identitystore", "ListGroups", "Extensions")}


def serialise(service: str, operation: str, answer: dict[str, Any]) -> None:
    wire = ServiceWire(service, check_answers=True)
    wire.codec(wire.model.operations[operation]).serialise(answer, "the-request")


@pytest.mark.parametrize(
    ("service", "operation", "answer", "wrong"),
    [
        ("sts", "GetCallerIdentity", {"UserId": "u", "Acount": "1"}, ".Acount is not in the model"),
        ("sts", "GetCallerIdentity", {"UserId": 7}, ".UserId is not of type string: 7"),
        ("glue", "GetDatabase", {"Database": {"Description": "no name"}}, ".Database.Name is missing"),
        ("glue", "GetTable", {"Table": {"Name": "t", "CreateTime": "today"}}, ".Table.CreateTime is not of type"),
        ("glue", "GetTable", {"Table": {"Name": "t", "Retention": True}}, ".Table.Retention is not of type integer"),
        ("glue", "GetTables", {"TableList": [{"Name": "t"}, {"Name": ""}]}, ".TableList[1].Name = '': Member must"),
        ("glue", "GetTable", {"Table": {"Name": "t", "Parameters": {"a": 1}}}, ".Table.Parameters[a] is not of type"),
        ("athena", "GetQueryExecution", {"QueryExecution": {"Status": {"State": "DONE"}}}, "enum value set"),
        ("datazone", "GetListing", {"domainId": "d", "id": "l", "listingRevision": "1", "item": {}}, "exactly one"),
        ("s3", "ListObjectsV2", {"Contents": {"Key": "k"}}, ".Contents is not a list"),
    ],
)  # fmt: skip
def test_an_answer_that_breaks_the_model_is_an_internal_failure(
    service: str, operation: str, answer: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(AnswerBreaksModel) as caught:
        serialise(service, operation, answer)
    assert wrong in str(caught.value)


def test_an_answer_as_the_model_says_is_given() -> None:
    serialise("sts", "GetCallerIdentity", {"UserId": "u", "Account": None, "Arn": "arn:aws:iam::111122223333:user/u"})
    serialise("s3", "HeadObject", {"ETag": '"e"', "_status": 200, "_headers": {"x-own": "1"}, "Metadata": {"a": "b"}})


def test_the_planes_of_our_tests_check_their_answers(plane: RunningPlane) -> None:
    environment = Path(f"/proc/{plane.process.pid}/environ").read_bytes()
    assert b"TWINPLANE_CHECK_ANSWERS=1" in environment.split(b"\0")


# What operations read


def operations() -> list[tuple[str, str, Operation]]:
    found = []
    for service, (model, _) in SERVICES.items():
        module = importlib.import_module(f"twinplane.data_plane.services.{service}.operations")
        found += [(model, name, operation) for name, operation in module.OPERATIONS.items()]
    return found


def test_an_operation_reads_no_member_that_aws_does_not_have() -> None:
    """Else a typo would survive as a member that nobody ever sends."""
    found, read = set(), 0
    for model, name, operation in operations():
        wire = ServiceWire(model).model
        shape = wire.operations[name].input
        members = wire.shape(shape).members if shape is not None else {}
        names = set(literal_members(operation.function))
        read += len(names)
        found |= {(model, name, member) for member in names - members.keys()}
    assert found == SHARED_CODE
    assert read > 500


def literal_members(function: Any) -> list[str]:
    """The texts that a function gives to its second parameter: `request["x"]`, `request.get("x")`, `"x" in request`."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return []
    tree = ast.parse(textwrap.dedent(source))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    definition = next((node for node in ast.walk(tree) if isinstance(node, kinds)), None)
    if definition is None or len(definition.args.args) < 2:
        return []
    parameter, found = definition.args.args[1].arg, []

    def is_request(node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id == parameter

    for node in ast.walk(definition):
        text: Any = None
        if isinstance(node, ast.Subscript) and is_request(node.value):
            text = node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_request(node.func.value):
            text = node.args[0] if node.args and node.func.attr in ("get", "pop", "setdefault") else None
        elif isinstance(node, ast.Compare) and len(node.comparators) == 1 and is_request(node.comparators[0]):
            text = node.left
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            found.append(text.value)
    return found
