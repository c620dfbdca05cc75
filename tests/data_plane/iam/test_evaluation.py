"""IAM's evaluation logic as one truth table, and what must hold for any policies at all."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from twinplane.data_plane.call import ANONYMOUS, Principal
from twinplane.data_plane.services.iam.evaluation import PolicySet, evaluate, grant_of, may_act_on, trusts_provider
from twinplane.data_plane.services.iam.policy import Context, Policy, compile_policy, joined

ACCOUNT, OTHER = "111122223333", "444455556666"
USER = f"arn:aws:iam::{ACCOUNT}:user/eve"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Analyst"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/Analyst/ana"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"

AS_USER = Principal("IAMUser", ACCOUNT, USER)
AS_SESSION = Principal("AssumedRole", ACCOUNT, SESSION, role_arn=ROLE, session_name="ana")
FOREIGN = Principal("IAMUser", OTHER, f"arn:aws:iam::{OTHER}:user/eve")

ACTION, THING = "sqs:SendMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs"
NOTHING = Context(dict)


def policy(*statements: dict[str, Any], kind: Any = "identity") -> Policy:
    return compile_policy(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), kind)


def statement(word: str, **members: Any) -> dict[str, Any]:
    """ "allow" or "deny" the action; anything else: a statement about something else."""
    action = ACTION if word in ("allow", "deny") else "other:Thing"
    return {"Effect": "Deny" if word == "deny" else "Allow", "Action": action, "Resource": "*", **members}


def said(words: str) -> Policy:
    return policy(*(statement(word) for word in words.split("+")))


def resource_policy(text: str) -> Policy:
    """ "allow ROLE", "deny *": what a resource's policy says about whom; several are joined by ";"."""
    found = []
    for one in text.split("; "):
        word, who = one.split(" ", 1)
        principal: Any = who if who == "*" else {"AWS": who}
        found.append(statement(word, Principal=principal))
    return policy(*found, kind="resource")


# Each row: identity, boundary, session, SCPs by level, RCPs by level, the resource's policy -> as user, as session.
# "-": there is no such policy; "silent": it says nothing about the action; "a+b": statements of one policy.
A, D, S, NONE = "allow", "deny", "silent", "-"
TABLE = [
    # who has nothing may nothing, who is allowed may
    (NONE, NONE, NONE, NONE, NONE, NONE, "implicitDeny identity", "implicitDeny identity"),
    (S, NONE, NONE, NONE, NONE, NONE, "implicitDeny identity", "implicitDeny identity"),
    (A, NONE, NONE, NONE, NONE, NONE, "allowed", "allowed"),
    # a Deny anywhere wins
    ("allow+deny", NONE, NONE, NONE, NONE, NONE, "explicitDeny identity", "explicitDeny identity"),
    ("deny+allow", NONE, NONE, NONE, NONE, NONE, "explicitDeny identity", "explicitDeny identity"),
    (A, D, NONE, NONE, NONE, NONE, "explicitDeny boundary", "explicitDeny boundary"),
    (A, NONE, D, NONE, NONE, NONE, "explicitDeny session", "explicitDeny session"),
    (A, A, A, [D], NONE, NONE, "explicitDeny service_control", "explicitDeny service_control"),
    (A, A, A, [A, D], NONE, NONE, "explicitDeny service_control", "explicitDeny service_control"),
    (A, A, A, [A, "allow+deny"], [A], NONE, "explicitDeny service_control", "explicitDeny service_control"),
    (A, A, A, [A], [A, D], NONE, "explicitDeny resource_control", "explicitDeny resource_control"),
    (A, A, A, [A], [A], "deny *", "explicitDeny resource", "explicitDeny resource"),
    (A, A, A, [A], [A], f"deny {ROOT}", "explicitDeny resource", "explicitDeny resource"),
    (A, A, A, [A], [A], f"allow *; deny {ROLE}", "allowed", "explicitDeny resource"),
    (A, A, A, [A], [A], f"allow *; deny {SESSION}", "allowed", "explicitDeny resource"),
    (D, S, S, [S], [S], f"allow {USER}; allow {SESSION}", "explicitDeny identity", "explicitDeny identity"),
    # every limit must allow
    (A, A, NONE, NONE, NONE, NONE, "allowed", "allowed"),
    (A, S, NONE, NONE, NONE, NONE, "implicitDeny boundary", "implicitDeny boundary"),
    (S, A, NONE, NONE, NONE, NONE, "implicitDeny identity", "implicitDeny identity"),
    (A, NONE, A, NONE, NONE, NONE, "allowed", "allowed"),
    (A, NONE, S, NONE, NONE, NONE, "implicitDeny session", "implicitDeny session"),
    (S, NONE, A, NONE, NONE, NONE, "implicitDeny identity", "implicitDeny identity"),
    (A, A, S, NONE, NONE, NONE, "implicitDeny session", "implicitDeny session"),
    (A, S, A, NONE, NONE, NONE, "implicitDeny boundary", "implicitDeny boundary"),
    (A, A, A, NONE, NONE, NONE, "allowed", "allowed"),
    (A, NONE, NONE, [A], NONE, NONE, "allowed", "allowed"),
    (A, NONE, NONE, [A, A, A], NONE, NONE, "allowed", "allowed"),
    (A, NONE, NONE, [A, S, A], NONE, NONE, "implicitDeny service_control", "implicitDeny service_control"),
    (A, NONE, NONE, [S], NONE, NONE, "implicitDeny service_control", "implicitDeny service_control"),
    (S, NONE, NONE, [A], NONE, NONE, "implicitDeny identity", "implicitDeny identity"),
    (A, NONE, NONE, [A], [A], NONE, "allowed", "allowed"),
    (A, NONE, NONE, [A], [A, S], NONE, "implicitDeny resource_control", "implicitDeny resource_control"),
    # what the resource's policy adds, by whom it names
    (S, NONE, NONE, NONE, NONE, f"allow {ROOT}", "implicitDeny identity", "implicitDeny identity"),
    (A, NONE, NONE, NONE, NONE, f"allow {ROOT}", "allowed", "allowed"),
    (A, NONE, NONE, NONE, NONE, f"silent {ROOT}", "allowed", "allowed"),
    (A, NONE, NONE, NONE, NONE, f"allow arn:aws:iam::{OTHER}:root", "allowed", "allowed"),
    (S, NONE, NONE, NONE, NONE, f"allow arn:aws:iam::{OTHER}:root", "implicitDeny identity", "implicitDeny identity"),
    (S, NONE, NONE, NONE, NONE, "allow *", "allowed", "allowed"),
    (S, NONE, NONE, NONE, NONE, f"allow {USER}", "allowed", "implicitDeny identity"),
    (S, NONE, NONE, NONE, NONE, f"allow {ROLE}", "implicitDeny identity", "allowed"),
    (S, NONE, NONE, NONE, NONE, f"allow {SESSION}", "implicitDeny identity", "allowed"),
    # a role's ARN is limited by boundary and session policy, the session's own ARN and a user's are not
    (S, S, NONE, NONE, NONE, f"allow {USER}", "allowed", "implicitDeny boundary"),
    (S, S, NONE, NONE, NONE, f"allow {ROLE}", "implicitDeny boundary", "implicitDeny boundary"),
    (S, S, NONE, NONE, NONE, f"allow {SESSION}", "implicitDeny boundary", "allowed"),
    (S, NONE, S, NONE, NONE, f"allow {ROLE}", "implicitDeny session", "implicitDeny session"),
    (S, NONE, S, NONE, NONE, f"allow {SESSION}", "implicitDeny session", "allowed"),
    (S, S, S, NONE, NONE, "allow *", "implicitDeny boundary", "implicitDeny boundary"),
    (S, NONE, A, NONE, NONE, f"allow {ROLE}", "implicitDeny identity", "allowed"),
    (S, D, NONE, NONE, NONE, f"allow {USER}; allow {SESSION}", "explicitDeny boundary", "explicitDeny boundary"),
    # the organization limits everyone, whomever the resource names
    (S, NONE, NONE, [S], NONE, f"allow {USER}; allow {SESSION}", *["implicitDeny service_control"] * 2),
    (S, NONE, NONE, [A], [S], f"allow {USER}; allow {SESSION}", *["implicitDeny resource_control"] * 2),
    (S, NONE, NONE, [A], [A], f"allow {USER}; allow {SESSION}", "allowed", "allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("identity", "boundary", "session", "scps", "rcps", "resource", "user", "role"), TABLE)
def test_the_layers_add_up_to_one_decision(
    identity: str, boundary: str, session: str, scps: Any, rcps: Any, resource: str, user: str, role: str
) -> None:
    policies = PolicySet(
        identity=() if identity == NONE else (said(identity),),
        boundary=None if boundary == NONE else said(boundary),
        session=None if session == NONE else said(session),
        service_control=() if scps == NONE else tuple(said(words) for words in scps),
        resource_control=() if rcps == NONE else tuple(said(words) for words in rcps),
    )
    for principal, expected in ((AS_USER, user), (AS_SESSION, role)):
        grant = None
        if resource != NONE:
            grant = grant_of(resource_policy(resource), principal, ACTION, NOTHING, THING)
        outcome = evaluate(policies, ACTION, THING, NOTHING, grant)
        assert " ".join(filter(None, (outcome.decision, outcome.layer))) == expected, principal.kind


@pytest.mark.parametrize(
    ("resource", "allowed"),
    [
        ("allow *", True),
        (f"allow {ROOT}", False),
        (f"allow {ROLE}", False),
        ("allow *; deny *", False),
        ("silent *", False),
    ],
)
def test_who_signs_nothing_may_what_everyone_may(resource: str, allowed: bool) -> None:
    grant = grant_of(resource_policy(resource), ANONYMOUS, ACTION, NOTHING, THING)
    assert (evaluate(PolicySet(()), ACTION, THING, NOTHING, grant).decision == "allowed") is allowed
    assert evaluate(PolicySet((), resource_control=(said(D),)), ACTION, THING, NOTHING, grant).decision != "allowed"


@pytest.mark.parametrize(
    ("identity", "resource", "decision"),
    [
        (A, f"allow arn:aws:iam::{OTHER}:root", "allowed"),
        (A, f"allow {FOREIGN.arn}", "allowed"),
        (S, f"allow {FOREIGN.arn}", "implicitDeny"),
        (A, f"allow {ROOT}", "implicitDeny"),
        (A, f"allow {FOREIGN.arn}; deny *", "explicitDeny"),
        (D, f"allow {FOREIGN.arn}", "explicitDeny"),
    ],
)
def test_across_accounts_both_sides_must_allow(identity: str, resource: str, decision: str) -> None:
    grant = grant_of(resource_policy(resource), FOREIGN, ACTION, NOTHING, THING)
    outcome = evaluate(PolicySet((said(identity),)), ACTION, THING, NOTHING, grant, same_account=False)
    assert outcome.decision == decision
    assert may_act_on(resource_policy(resource), PolicySet((said(identity),)), FOREIGN, ACTION, THING, NOTHING) == (
        decision == "allowed"
    )


@pytest.mark.parametrize(
    ("spared", "user", "session"),
    [
        ([USER, ROOT], None, "denied"),
        ([USER], "denied", "denied"),  # the account is not named: its users are denied with it
        ([ROLE, ROOT], "denied", "denied"),
        ([ROLE, SESSION, ROOT], "denied", None),
        ([ROLE, SESSION, USER, ACCOUNT], None, None),
    ],
)
def test_a_deny_of_all_but_some_spares_only_whom_it_names_in_full(spared: Any, user: Any, session: Any) -> None:
    document = policy(
        {"Effect": "Deny", "NotPrincipal": {"AWS": spared}, "Action": "*", "Resource": "*"}, kind="resource"
    )
    assert grant_of(document, AS_USER, ACTION, NOTHING, THING) == user
    assert grant_of(document, AS_SESSION, ACTION, NOTHING, THING) == session
    assert grant_of(document, ANONYMOUS, ACTION, NOTHING, THING) == "denied"


def test_a_session_of_a_federated_user_is_named_by_its_own_arn_or_its_users() -> None:
    arn = f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
    bob = Principal("FederatedUser", ACCOUNT, arn, user_arn=USER)
    assert grant_of(resource_policy(f"allow {arn}"), bob, ACTION, NOTHING, THING) == "caller"
    assert grant_of(resource_policy(f"allow {USER}"), bob, ACTION, NOTHING, THING) == "role"


PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/issuer.example"


@pytest.mark.parametrize(
    ("statements", "trusted"),
    [
        ([("Allow", {"Federated": PROVIDER}, "sub-1")], True),
        ([("Allow", {"Federated": PROVIDER}, "sub-2")], False),
        ([("Allow", {"AWS": "*"}, "sub-1")], False),
        ([("Allow", {"Federated": PROVIDER + "2"}, "sub-1")], False),
        ([("Allow", {"Federated": PROVIDER}, "sub-1"), ("Deny", {"Federated": PROVIDER}, "*")], False),
        ([("Allow", {"Federated": PROVIDER}, "sub-1"), ("Deny", "*", "*")], False),
    ],
)
def test_a_role_trusts_those_its_identity_provider_vouches_for(statements: Any, trusted: bool) -> None:
    action = "sts:AssumeRoleWithWebIdentity"
    document = policy(
        *(
            {"Effect": effect, "Principal": who, "Action": action, "Condition": {"StringLike": {"i:sub": subject}}}
            for effect, who, subject in statements
        ),
        kind="trust",
    )
    assert trusts_provider(document, PROVIDER, action, Context(lambda: {"i:sub": "sub-1"})) is trusted


# --- what must hold for any policies ---

ACTIONS = ["sqs:SendMessage", "sqs:Get*", "s3:GetObject", "*", "s3:*"]
some_statements = some.fixed_dictionaries(
    {
        "Effect": some.sampled_from(["Allow", "Deny"]),
        "Action": some.sampled_from(ACTIONS),
        "Resource": some.sampled_from(["*", THING, "arn:aws:s3:::b/*", "arn:aws:s3:::${k}"]),
        "Condition": some.sampled_from(
            [{}, {"StringEquals": {"k": "b"}}, {"StringNotEquals": {"k": "b"}}, {"Null": {"unknown": "true"}}]
        ),
    }
)
some_policies = some.lists(some_statements, min_size=1, max_size=4).map(lambda statements: policy(*statements))
some_sets = some.builds(
    PolicySet,
    identity=some.lists(some_policies, max_size=2).map(tuple),
    boundary=some.none() | some_policies,
    session=some.none() | some_policies,
    service_control=some.lists(some_policies, max_size=2).map(tuple),
    resource_control=some.lists(some_policies, max_size=2).map(tuple),
)
some_grants = some.sampled_from(["caller", "role", "account", "denied", None])
some_requests = some.tuples(
    some.sampled_from(["sqs:SendMessage", "sqs:GetQueueUrl", "s3:GetObject"]),
    some.sampled_from([THING, "arn:aws:s3:::b/x", "arn:aws:s3:::b"]),
    some.sampled_from([{}, {"k": "b"}, {"k": "c"}]),
)


def may(policies: PolicySet, request: Any, grant: Any) -> bool:
    action, resource, values = request
    context = Context(lambda: values, knows=lambda key: key == "k")
    return evaluate(policies, action, resource, context, grant).decision == "allowed"


def layers_with(policies: PolicySet, change: Any) -> list[PolicySet]:
    """The set with `change` made to each policy in it, one at a time."""
    found = []
    for layer in ("identity", "service_control", "resource_control"):
        each = getattr(policies, layer)
        for place, one in enumerate(each):
            found.append(replace(policies, **{layer: (*each[:place], change(one), *each[place + 1 :])}))
    for layer in ("boundary", "session"):
        if getattr(policies, layer) is not None:
            found.append(replace(policies, **{layer: change(getattr(policies, layer))}))
    return found


@given(some_sets, some_requests, some_grants, some_statements)
def test_one_more_deny_never_allows_more(policies: PolicySet, request: Any, grant: Any, extra: dict[str, Any]) -> None:
    denial = policy(extra | {"Effect": "Deny"})
    changed = layers_with(policies, lambda one: joined([one, denial]))
    changed.append(replace(policies, identity=(*policies.identity, denial)))
    if not may(policies, request, grant):
        assert not any(may(more, request, grant) for more in changed)


@given(some_sets, some_requests, some_grants)
def test_an_allow_in_one_layer_never_makes_up_for_anothers_silence(
    policies: PolicySet, request: Any, grant: Any
) -> None:
    generous = policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
    silent = policy({"Effect": "Allow", "Action": "other:Thing", "Resource": "*"})
    organization = replace(
        policies, identity=(generous,), boundary=generous, session=generous, service_control=(generous, silent)
    )
    assert not may(organization, request, grant)
    for layer in ("boundary", "session"):
        limited = PolicySet(identity=(generous,), boundary=generous, session=generous, service_control=(generous,))
        if grant != "caller":
            assert not may(replace(limited, **{layer: silent}), request, grant)
    if grant not in ("caller", "role"):
        assert not may(replace(policies, identity=(silent,), boundary=generous, session=generous), request, grant)


@given(some_sets, some_requests, some_grants)
def test_another_limit_never_allows_more(policies: PolicySet, request: Any, grant: Any) -> None:
    limit = policy({"Effect": "Allow", "Action": "sqs:*", "Resource": "*"})
    limited = replace(policies, service_control=(*policies.service_control, limit))
    assert may(policies, request, grant) or not may(limited, request, grant)


@given(some_sets, some_requests, some_grants, some.randoms())
def test_the_order_of_statements_and_policies_means_nothing(
    policies: PolicySet, request: Any, grant: Any, random: Any
) -> None:
    def shuffled(one: Policy) -> Policy:
        return Policy(tuple(random.sample(one.statements, len(one.statements))))

    expected = may(policies, request, grant)
    assert all(may(other, request, grant) is expected for other in layers_with(policies, shuffled))
    assert may(replace(policies, identity=policies.identity[::-1]), request, grant) is expected
