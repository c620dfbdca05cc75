"""IAM's policy language as truth tables: what a statement says, and that what cannot be known is decided closed."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from twinplane.data_plane.call import Principal
from twinplane.data_plane.services.iam.evaluation import PolicySet, decide, may_act_on
from twinplane.data_plane.services.iam.policy import Context, MalformedPolicy, compile_policy

ROLE = "arn:aws:iam::111122223333:role/Analyst"
SESSION = "arn:aws:sts::111122223333:assumed-role/Analyst/ana"
ANALYST = Principal("AssumedRole", "111122223333", SESSION, role_arn=ROLE, session_name="ana")


def policy(*statements: dict[str, Any], kind: Any = "identity") -> Any:
    return compile_policy(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), kind)


def statement(effect: str = "Allow", **members: Any) -> dict[str, Any]:
    about = {} if "NotAction" in members else {"Action": "*"}
    about |= {} if "NotResource" in members else {"Resource": "*"}
    return {"Effect": effect, **about, **members}


def context(values: dict[str, Any] | None = None, knows: Any = lambda key: True) -> Context:
    return Context(lambda: values or {}, knows)


def allows(
    one: dict[str, Any], action: str = "s3:GetObject", resource: str = "arn:aws:s3:::b/k", **values: Any
) -> bool:
    return policy(one).verdict(action, resource, context(values.get("values"))) == "allow"


@pytest.mark.parametrize(
    ("pattern", "action", "matches"),
    [
        ("s3:GetObject", "s3:GetObject", True),
        ("S3:getobject", "s3:GetObject", True),
        ("s3:Get*", "s3:GetObject", True),
        ("s3:Get*", "s3:PutObject", False),
        ("s3:*", "s3tables:GetTable", False),
        ("s3:G?tObject", "s3:GetObject", True),
        ("s3:G?tObject", "s3:GtObject", False),
        ("*", "anything:AtAll", True),
        ("s3:*Object", "s3:GetObjectAcl", False),
        ("s3:*Object*", "s3:GetObjectAcl", True),
    ],
)
def test_actions_match_without_regard_to_case(pattern: str, action: str, matches: bool) -> None:
    assert allows(statement(Action=pattern), action=action) is matches
    assert allows(statement(NotAction=pattern), action=action) is not matches


@pytest.mark.parametrize(
    ("pattern", "resource", "matches"),
    [
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b", False),
        ("arn:aws:s3:::B/*", "arn:aws:s3:::b/k", False),
        ("arn:aws:s3:::b/?", "arn:aws:s3:::b/kk", False),
        ("arn:aws:s3:::b/*/x/*", "arn:aws:s3:::b/1/2/x/", True),
        ("arn:aws:s3:::b/a.c", "arn:aws:s3:::b/abc", False),
        ("*b*b", "arn:aws:s3:::b", False),
        ("arn:aws:s3:::${*}", "arn:aws:s3:::x", False),
        ("arn:aws:s3:::${*}", "arn:aws:s3:::*", True),
    ],
)
def test_resources_match_with_their_case(pattern: str, resource: str, matches: bool) -> None:
    assert allows(statement(Resource=pattern), resource=resource) is matches
    assert allows(statement(NotResource=pattern), resource=resource) is not matches


def test_many_stars_do_not_make_matching_slow() -> None:
    hostile = policy(statement(Resource="*a" * 60 + "!"))
    begun = time.perf_counter()
    assert hostile.verdict("s3:GetObject", "a" * 2000, context()) is None
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize(
    ("condition", "values", "met"),
    [
        ({"StringEquals": {"aws:PrincipalTag/stage": "dev"}}, {"aws:PrincipalTag/stage": "dev"}, True),
        ({"StringEquals": {"AWS:principaltag/STAGE": "dev"}}, {"aws:PrincipalTag/stage": "dev"}, True),
        ({"StringEquals": {"k": ["dev", "prod"]}}, {"k": "prod"}, True),
        ({"StringEquals": {"k": "dev"}}, {"k": "DEV"}, False),
        ({"StringEqualsIgnoreCase": {"k": "dev"}}, {"k": "DEV"}, True),
        ({"StringEquals": {"k": "d*"}}, {"k": "dev"}, False),
        ({"StringLike": {"k": "d*"}}, {"k": "dev"}, True),
        ({"StringLike": {"k": "d*"}}, {}, False),
        ({"StringLikeIfExists": {"k": "d*"}}, {}, True),
        ({"StringLikeIfExists": {"k": "d*"}}, {"k": "prod"}, False),
        ({"StringNotEquals": {"k": "dev"}}, {"k": "dev"}, False),
        ({"StringNotEquals": {"k": ["dev", "prod"]}}, {"k": "prod"}, False),
        ({"StringNotEquals": {"k": "dev"}}, {"k": "prod"}, True),
        ({"StringNotEquals": {"k": "dev"}}, {}, True),
        ({"StringNotLike": {"k": "d*"}}, {"k": "dev"}, False),
        ({"ForAnyValue:StringEquals": {"k": ["a", "b"]}}, {"k": ("c", "b")}, True),
        ({"ForAnyValue:StringEquals": {"k": ["a", "b"]}}, {"k": ("c",)}, False),
        ({"ForAnyValue:StringEquals": {"k": ["a"]}}, {}, False),
        ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, {"k": ("a", "b")}, True),
        ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, {"k": ("a", "c")}, False),
        ({"ForAllValues:StringEquals": {"k": ["a"]}}, {}, True),
        ({"ForAnyValue:StringNotLike": {"k": ["ml.t3.*"]}}, {"k": ("ml.t3.medium", "ml.p4d.24xlarge")}, True),
        ({"ForAnyValue:StringNotLike": {"k": ["ml.t3.*"]}}, {"k": ("ml.t3.medium",)}, False),
        ({"ForAllValues:StringNotLike": {"k": ["ml.t3.*"]}}, {"k": ("ml.t3.medium", "ml.p4d.24xlarge")}, False),
        ({"Bool": {"k": "true"}}, {"k": "true"}, True),
        ({"Bool": {"k": True}}, {"k": "false"}, False),
        ({"Bool": {"k": "false"}}, {}, False),
        ({"Null": {"k": "true"}}, {}, True),
        ({"Null": {"k": "true"}}, {"k": "x"}, False),
        ({"Null": {"k": False}}, {"k": "x"}, True),
        ({"ArnLike": {"k": "arn:aws:iam::*:role/A*"}}, {"k": ROLE}, True),
        ({"ArnEquals": {"k": "arn:aws:iam::111122223333:role/*"}}, {"k": ROLE}, True),
        ({"ArnLike": {"k": "arn:aws:*:role/Analyst"}}, {"k": ROLE}, False),  # a star stays in its part of the ARN
        ({"ArnNotLike": {"k": "arn:aws:iam::*:role/A*"}}, {"k": ROLE}, False),
        ({"NumericLessThanEquals": {"k": "10"}}, {"k": "9.5"}, True),
        ({"NumericGreaterThan": {"k": 10}}, {"k": "10"}, False),
        ({"NumericEquals": {"k": "1"}}, {"k": "one"}, False),
        ({"DateLessThan": {"k": "2024-01-01T00:00:00Z"}}, {"k": "1700000000"}, True),
        ({"DateGreaterThan": {"k": "2024-01-01T00:00:00Z"}}, {"k": "2023-12-31T23:59:59Z"}, False),
        ({"IpAddress": {"k": "10.0.0.0/8"}}, {"k": "10.1.2.3"}, True),
        ({"NotIpAddress": {"k": "10.0.0.0/8"}}, {"k": "10.1.2.3"}, False),
        ({"StringEquals": {"a": "1"}, "StringLike": {"b": "2"}}, {"a": "1", "b": "3"}, False),
        ({"StringEquals": {"a": "1", "b": "2"}}, {"a": "1", "b": "2"}, True),
    ],
)
def test_a_condition_is_met(condition: dict[str, Any], values: dict[str, Any], met: bool) -> None:
    assert allows(statement(Condition=condition), values=values) is met


# Every operator: what the policy says, a value that meets it, one that does not.
OPERATORS = [
    ("StringEquals", "dev", "dev", "prod"),
    ("StringNotEquals", "dev", "prod", "dev"),
    ("StringEqualsIgnoreCase", "dev", "DEV", "prod"),
    ("StringNotEqualsIgnoreCase", "dev", "prod", "DEV"),
    ("StringLike", "d?v*", "dev-1", "dv"),
    ("StringNotLike", "d?v*", "dv", "dev-1"),
    ("NumericEquals", "10", "10.0", "11"),
    ("NumericNotEquals", 10, "11", "10"),
    ("NumericLessThan", "10", "9", "10"),
    ("NumericLessThanEquals", "10", "10", "10.5"),
    ("NumericGreaterThan", "10", "1e2", "10"),
    ("NumericGreaterThanEquals", "10", "10", "-10"),
    ("DateEquals", "2024-01-01T00:00:00Z", "1704067200", "1704067201"),
    ("DateNotEquals", "2024-01-01", "1704067201", "2024-01-01T00:00:00Z"),
    ("DateLessThan", "2024-01-01T01:00:00+01:00", "1704067199", "1704067200"),
    ("DateLessThanEquals", "2024-01-01", "2024-01-01T00:00:00", "2024-01-02"),
    ("DateGreaterThan", "1704067200", "2024-01-02", "2023-12-31"),
    ("DateGreaterThanEquals", "1704067200", "2024-01-01T00:00:00Z", "2023-12-31"),
    ("Bool", "true", "True", "false"),
    ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", "b3RoZXI="),
    ("IpAddress", "2001:db8::/32", "2001:db8::1", "10.0.0.1"),
    ("NotIpAddress", ["10.0.0.0/8", "192.168.0.7"], "192.168.0.8", "192.168.0.7"),
    ("ArnEquals", ROLE, ROLE, ROLE + "2"),
    ("ArnLike", "arn:aws:iam::*:role/*", ROLE, SESSION),
    ("ArnNotEquals", ROLE, SESSION, ROLE),
    ("ArnNotLike", "arn:aws:iam::*:role/*", SESSION, ROLE),
]


@pytest.mark.parametrize(("operator", "wanted", "meets", "misses"), OPERATORS)
def test_every_operator_holds_misses_and_knows_absence(operator: str, wanted: Any, meets: str, misses: str) -> None:
    negated = "Not" in operator

    def met(name: str, *values: str) -> bool:
        given = {"k": values[0] if len(values) == 1 else values} if values else {}
        return allows(statement(Condition={name: {"k": wanted}}), values=given)

    assert met(operator, meets)
    assert not met(operator, misses)
    assert met(operator) is negated  # a key that is absent is not equal to anything
    assert met(operator + "IfExists")
    assert met(operator + "IfExists", meets)
    assert not met(operator + "IfExists", misses)
    assert met("ForAnyValue:" + operator, misses, meets)
    assert not met("ForAnyValue:" + operator, misses, misses)
    assert not met("ForAnyValue:" + operator)
    assert met("ForAllValues:" + operator, meets, meets)
    assert not met("ForAllValues:" + operator, misses, meets)
    assert met("ForAllValues:" + operator)


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("NumericLessThan", "many"),
        ("NumericLessThan", "nan"),
        ("NumericNotEquals", "inf"),
        ("DateGreaterThan", "yesterday"),
        ("Bool", "maybe"),
        ("BinaryEquals", "***"),
        ("NotIpAddress", "everywhere"),
    ],
)
def test_a_value_that_an_operator_cannot_read_is_decided_closed(operator: str, value: str) -> None:
    wanted = {"N": "10", "D": "2024-01-01", "B": "true", "I": "10.0.0.0/8"}[operator.replace("Not", "")[0]]
    condition = {operator: {"k": wanted}}
    assert policy(statement("Allow", Condition=condition)).verdict("a:B", "*", context({"k": value})) is None
    assert policy(statement("Deny", Condition=condition)).verdict("a:B", "*", context({"k": value})) == "deny"


@given(some.text("ab*?:", max_size=8), some.text("ab:", max_size=8))
def test_wildcards_match_as_a_plain_matcher_would(pattern: str, text: str) -> None:
    def plain(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return plain(pattern[1:], text) or (bool(text) and plain(pattern, text[1:]))
        return bool(text) and pattern[0] in ("?", text[0]) and plain(pattern[1:], text[1:])

    if pattern:
        assert allows(statement(Resource=pattern), resource=text) is plain(pattern, text)
        assert allows(statement(Condition={"StringLike": {"k": pattern}}), values={"k": text}) is plain(pattern, text)


@pytest.mark.parametrize(
    ("resource", "values", "matches"),
    [
        ("arn:aws:s3:::b/${identitystore:UserId}/*", {"identitystore:UserId": "u-1"}, True),
        ("arn:aws:s3:::b/${identitystore:UserId}/*", {"identitystore:UserId": "u-2"}, False),
        ("arn:aws:s3:::b/${identitystore:UserId}/*", {"identitystore:UserId": "*"}, False),  # a value is no pattern
        ("arn:aws:s3:::b/${identitystore:UserId}/*", {}, False),
        ("arn:aws:s3:::b/${identitystore:UserId, 'u-1'}/*", {}, True),
    ],
)
def test_policy_variables_stand_for_the_callers_values(resource: str, values: dict[str, str], matches: bool) -> None:
    assert allows(statement(Resource=resource), resource="arn:aws:s3:::b/u-1/r.csv", values=values) is matches


def test_a_variable_in_a_condition_compares_two_values_of_the_request() -> None:
    same = statement(Condition={"StringEquals": {"aws:ResourceTag/p": "${aws:PrincipalTag/p}"}})
    assert allows(same, values={"aws:ResourceTag/p": "1", "aws:PrincipalTag/p": "1"})
    assert not allows(same, values={"aws:ResourceTag/p": "1", "aws:PrincipalTag/p": "2"})
    assert not allows(same, values={"aws:ResourceTag/p": "1"})


def test_variables_mean_nothing_in_the_old_version_of_the_language() -> None:
    old = compile_policy(json.dumps({"Statement": statement(Resource="${k}")}))
    assert old.verdict("s3:GetObject", "x", context({"k": "x"})) is None


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"sagemaker:InstanceTypes": "x"}},
        {"StringNotEquals": {"sagemaker:InstanceTypes": "x"}},
        {"ForAllValues:StringLike": {"sagemaker:InstanceTypes": "x"}},
        {"Null": {"sagemaker:InstanceTypes": "true"}},
        {"StringEqualsIfExists": {"sagemaker:InstanceTypes": "x"}},
    ],
)
def test_a_condition_key_that_cannot_be_known_fails_closed(condition: dict[str, Any]) -> None:
    ignorant = context({}, knows=lambda key: key.startswith("aws:"))
    assert policy(statement("Allow", Condition=condition)).verdict("a:B", "*", ignorant) is None
    assert policy(statement("Deny", Condition=condition)).verdict("a:B", "*", ignorant) == "deny"


@pytest.mark.parametrize(
    "broken",
    [
        "not json",
        "[]",
        "{}",
        '{"Statement": []}',
        '{"Version": "2020-01-01", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}',
        '{"Statement": {"Effect": "allow", "Action": "*", "Resource": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "NotAction": "*", "Resource": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "GetObject", "Resource": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringSame": {"k": "v"}}}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": []}}',
        '{"Statement": {"Effect": "Allow", "Effect": "Deny", "Action": "*", "Resource": "*"}}',
        '{"Statement": [{"Sid": "a", "Effect": "Allow", "Action": "*", "Resource": "*"},'
        ' {"Sid": "a", "Effect": "Deny", "Action": "*", "Resource": "*"}]}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"NullIfExists": {"k": "1"}}}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Some:Bool": {"k": "true"}}}}',
        "[" * 100_000,
    ],
)
def test_what_is_not_a_policy_is_refused(broken: str) -> None:
    with pytest.raises(MalformedPolicy):
        compile_policy(broken)


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("trust", {}),
        ("trust", {"Principal": {"AWS": ROLE}, "Resource": "*"}),
        ("trust", {"Principal": {"AWS": "arn:aws:iam::111122223333:role/*"}}),
        ("trust", {"Principal": {"AWS": "Analyst"}}),
        ("trust", {"Principal": {"Machine": "x"}}),
        ("trust", {"NotPrincipal": {"AWS": ROLE}}),
        ("resource", {"NotPrincipal": {"AWS": ROLE}, "Resource": "*"}),
        ("resource", {"Principal": "*", "NotPrincipal": {"AWS": ROLE}, "Resource": "*"}),
        ("resource_control", {"Principal": "*", "Resource": "*"}),
        ("resource_control", {"Principal": {"AWS": ROLE}, "Resource": "*", "Effect": "Deny"}),
    ],
)
def test_each_kind_of_policy_names_what_belongs_in_it(kind: Any, members: dict[str, Any]) -> None:
    with pytest.raises(MalformedPolicy):
        policy({"Effect": "Allow", "Action": "sts:AssumeRole", **members}, kind=kind)


ALLOW, DENY, SILENT = statement(), statement("Deny"), statement(Action="other:Thing")


@pytest.mark.parametrize(
    ("identity", "boundary", "session", "decision"),
    [
        ([ALLOW], None, None, "allowed"),
        ([SILENT], None, None, "implicitDeny"),
        ([ALLOW, DENY], None, None, "explicitDeny"),
        ([ALLOW], [ALLOW], None, "allowed"),
        ([ALLOW], [SILENT], None, "implicitDeny"),
        ([ALLOW], [DENY], None, "explicitDeny"),
        ([SILENT], [ALLOW], [ALLOW], "implicitDeny"),
        ([ALLOW], None, [SILENT], "implicitDeny"),
        ([ALLOW], [ALLOW], [ALLOW], "allowed"),
        ([ALLOW], [ALLOW], [ALLOW, DENY], "explicitDeny"),
        ([DENY], [ALLOW], [ALLOW], "explicitDeny"),
    ],
)
def test_deny_wins_and_every_limit_must_allow(identity: Any, boundary: Any, session: Any, decision: str) -> None:
    policies = PolicySet(
        (policy(*identity),), policy(*boundary) if boundary else None, policy(*session) if session else None
    )
    assert decide(policies, "s3:GetObject", "*", context()) == decision


ROOT = {"AWS": "arn:aws:iam::111122223333:root"}


@pytest.mark.parametrize(
    ("principal", "identity", "allowed"),
    [
        ({"AWS": ROLE}, [SILENT], True),
        ({"AWS": SESSION}, [SILENT], True),
        ({"AWS": ROLE}, [DENY], False),
        (ROOT, [SILENT], False),
        (ROOT, [ALLOW], True),
        ({"AWS": "111122223333"}, [ALLOW], True),
        ({"AWS": "arn:aws:iam::111122223333:role/Other"}, [ALLOW], False),
        ({"AWS": "arn:aws:iam::444455556666:root"}, [ALLOW], False),
        ({"Service": "datazone.amazonaws.com"}, [ALLOW], False),
        ("*", [SILENT], True),
    ],
)
def test_a_trust_policy_lets_in_whom_it_names(principal: Any, identity: Any, allowed: bool) -> None:
    trust = policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}, kind="trust")
    caller = PolicySet((policy(*identity),))
    role = "arn:aws:iam::111122223333:role/Target"
    assert may_act_on(trust, caller, ANALYST, "sts:AssumeRole", role, context()) is allowed
    assert may_act_on(trust, caller, ANALYST, "sts:SetContext", role, context()) is False


def test_a_denial_in_a_trust_policy_outweighs_the_rest() -> None:
    trust = policy(
        {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "sts:*"},
        {"Effect": "Deny", "Principal": "*", "Action": "sts:TagSession"},
        kind="trust",
    )
    caller = PolicySet((policy(ALLOW),))
    assert may_act_on(trust, caller, ANALYST, "sts:AssumeRole", "r", context())
    assert not may_act_on(trust, caller, ANALYST, "sts:TagSession", "r", context())
