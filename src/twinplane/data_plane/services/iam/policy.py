"""IAM's policy language: documents compiled once by their text, then asked in microseconds.

What cannot be decided is decided closed: a condition on a key this plane cannot know, or a policy variable without a
value, neither lets an Allow through nor holds a Deny back.
Checked against AWS's documentation of policy evaluation and of policy elements; not against AWS itself.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from twinplane.data_plane.services.iam.conditions import Condition, conditions_of
from twinplane.data_plane.services.iam.patterns import (
    Context,
    MalformedPolicy,
    Patterns,
    Values,
    expression,
    parse_pattern,
    patterns_of,
    texts_of,
)

__all__ = [
    "Context",
    "MalformedPolicy",
    "Policy",
    "PolicyKind",
    "Statement",
    "Values",
    "Verdict",
    "compile_policy",
    "joined",
]

Verdict = Literal["allow", "deny"]
PolicyKind = Literal["identity", "trust", "resource", "resource_control"]


@dataclass(frozen=True, slots=True)
class Statement:
    allow: bool
    actions: re.Pattern[str]
    not_action: bool
    resources: Patterns | None
    not_resource: bool
    principals: tuple[tuple[str, str], ...] | None
    not_principal: bool
    conditions: tuple[Condition, ...]

    def applies(self, action: str, resource: str, context: Context) -> bool:
        if (self.actions.match(action) is not None) == self.not_action:
            return False
        unknown = False
        if self.resources is not None:
            hit = self.resources.match(resource, context)
            if hit is None:
                if self.allow or not self.not_resource:
                    return False
                unknown = True
            elif hit == self.not_resource:
                return False
        for condition in self.conditions:
            met = condition.test(context.get(condition.key), context)
            if met is False:
                return False
            unknown = unknown or met is None
        return not (unknown and self.allow)


@dataclass(frozen=True, slots=True)
class Policy:
    statements: tuple[Statement, ...]

    def verdict(self, action: str, resource: str, context: Context) -> Verdict | None:
        """What the policy says; None when it says nothing. A Deny outweighs every Allow."""
        verdict: Verdict | None = None
        for statement in self.statements:
            if (not statement.allow or verdict is None) and statement.applies(action, resource, context):
                if not statement.allow:
                    return "deny"
                verdict = "allow"
        return verdict


@lru_cache(maxsize=4096)
def compile_policy(text: str, kind: PolicyKind = "identity") -> Policy:
    """The policy that `text` (JSON) says. Raises `MalformedPolicy`.

    "identity": of a role, user or organization, names resources. "trust": of a role, names principals. "resource":
    names both. "resource_control": of an organization, denies everyone something on its accounts' resources.
    """
    try:
        document = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise MalformedPolicy("The policy is nested too deeply.") from None
    except ValueError as error:
        raise MalformedPolicy(f"The policy is not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise MalformedPolicy("The policy must be a JSON object.")
    _only(document, {"Version", "Id", "Statement"}, "policy")
    version = document.get("Version", "2008-10-17")
    if version not in ("2012-10-17", "2008-10-17"):
        raise MalformedPolicy("Version must be 2012-10-17 or 2008-10-17.")
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise MalformedPolicy("The policy has no Statement.")
    policy = Policy(tuple(_statement(s, kind, variables=version == "2012-10-17") for s in statements))
    names = [statement["Sid"] for statement in statements if statement.get("Sid")]
    if len(set(names)) != len(names):
        raise MalformedPolicy("Statement IDs (SID) in a single policy must be unique.")
    return policy


def joined(policies: Iterable[Policy]) -> Policy:
    """One policy that says what any of these says."""
    return Policy(tuple(statement for policy in policies for statement in policy.statements))


def context_keys(text: str) -> set[str]:
    """The condition keys and policy variables that a policy asks for, as it writes them."""
    found: set[str] = set()
    statements = json.loads(text)["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        found |= {key for keys in statement.get("Condition", {}).values() for key in keys}
        found |= set(re.findall(r"\$\{([\w:/.-]+)", json.dumps(statement)))
    return found


_ABOUT = {
    "identity": {"Resource", "NotResource"},
    "trust": {"Principal"},
    "resource": {"Principal", "NotPrincipal", "Resource", "NotResource"},
    "resource_control": {"Principal", "Resource", "NotResource"},
}
_PRINCIPAL = re.compile(
    r"\*|\d{12}|A[A-Z]{3}[A-Z0-9]{12,}|"
    r"arn:aws[\w-]*:(iam|sts)::\d{12}:(root|(user|role|assumed-role|federated-user)/[\w+=,.@/-]+)",
    re.ASCII,
)


def _statement(raw: Any, kind: PolicyKind, variables: bool) -> Statement:
    if not isinstance(raw, dict):
        raise MalformedPolicy("A Statement must be a JSON object.")
    _only(raw, {"Sid", "Effect", "Action", "NotAction", "Condition"} | _ABOUT[kind], "statement")
    if not isinstance(raw.get("Sid", ""), str):
        raise MalformedPolicy("Sid must be a text.")
    if raw.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicy("Effect must be Allow or Deny.")
    action = _one_of(raw, "Action", "NotAction")
    for name in texts_of(raw[action], action):
        if name != "*" and not re.fullmatch(r"[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+", name):
            raise MalformedPolicy(f"{name} is not an action: it must be service:Action.")
    resources, not_resource, principals, not_principal = None, False, None, False
    if kind != "identity":
        member = _one_of(raw, "Principal", "NotPrincipal")
        not_principal = member == "NotPrincipal"
        principals = _principals(raw[member])
    if not_principal and raw["Effect"] == "Allow":
        raise MalformedPolicy("NotPrincipal belongs in a statement that denies.")
    if kind == "resource_control":
        _check_resource_control(raw, action, principals)
    if kind != "trust":
        member = _one_of(raw, "Resource", "NotResource")
        not_resource = member == "NotResource"
        parsed = [parse_pattern(text, variables) for text in texts_of(raw[member], member)]
        resources = patterns_of(parsed)
    conditions = raw.get("Condition", {})
    if not isinstance(conditions, dict):
        raise MalformedPolicy("Condition must be a JSON object.")
    return Statement(
        allow=raw["Effect"] == "Allow",
        actions=expression(tuple(parse_pattern(a, False).tokens for a in texts_of(raw[action], action)), re.IGNORECASE),
        not_action=action == "NotAction",
        resources=resources,
        not_resource=not_resource,
        principals=principals,
        not_principal=not_principal,
        conditions=tuple(c for operator, keys in conditions.items() for c in conditions_of(operator, keys, variables)),
    )


def _principals(raw: Any) -> tuple[tuple[str, str], ...]:
    if raw == "*":
        return (("AWS", "*"),)
    if not isinstance(raw, dict) or not raw:
        raise MalformedPolicy("Principal must be * or a JSON object.")
    _only(raw, {"AWS", "Service", "Federated", "CanonicalUser"}, "Principal")
    found = tuple((kind, value) for kind, values in raw.items() for value in texts_of(values, kind))
    for kind, value in found:
        if kind == "AWS" and not _PRINCIPAL.fullmatch(value):
            raise MalformedPolicy(f'Invalid principal in policy: "AWS":"{value}"')
    return found


def _check_resource_control(raw: dict[str, Any], action: str, principals: tuple[tuple[str, str], ...] | None) -> None:
    if raw["Effect"] != "Deny" or action != "Action" or principals != (("AWS", "*"),):
        raise MalformedPolicy("A resource control policy denies actions (Action) to everyone (Principal *).")


# --- reading documents ---


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedPolicy("A member is there twice in the policy.")
    return members


def _only(document: dict[str, Any], known: set[str], what: str) -> None:
    strange = sorted(set(document) - known)
    if strange:
        raise MalformedPolicy(f"{strange[0]} does not belong in this {what}.")


def _one_of(raw: dict[str, Any], first: str, second: str) -> str:
    if (first in raw) == (second in raw):
        raise MalformedPolicy(f"A statement needs either {first} or {second}.")
    return first if first in raw else second
