from pathlib import Path
from typing import Any

import pytest

from twinplane.control_plane.policy.model import Entity
from twinplane.control_plane.policy.policies import PolicyInvalid, PolicySet, read_policies

POLICIES = read_policies()
SCHEMA = (Path(__file__).parents[2] / "src/twinplane/control_plane/policy/default/schema.cedarschema").read_text()


def person(name: str = "analyst", *roles: str) -> Entity:
    return Entity("Person", name, {"name": name, "roles": list(roles)})


def listing(**attributes: Any) -> Entity:
    defaults = {
        "classification": "Internal", "max_days": 180, "purpose_required": False, "named_people_only": False,
        "stages": ["dev", "staging", "prod"],
    }  # fmt: skip
    return Entity("Listing", "l", defaults | attributes)


def request_of(requester: str, stage: str) -> Entity:
    attributes = {"kind": "project", "stage": stage, "requester": {"__entity": {"type": "Person", "id": requester}}}
    return Entity("Request", "r", attributes)


@pytest.mark.parametrize(
    ("who", "stage", "is_owner", "may"),
    [
        (person("owner"), "owner", True, True),
        (person("owner"), "owner", False, False),
        (person("steward", "steward"), "steward", False, True),
        (person("steward", "steward"), "owner", False, False),
        (person("owner"), "steward", True, False),
        (person("privacy", "privacy_officer"), "privacy_officer", False, True),
        (person("admin", "platform_admin"), "owner", False, False),
        (person("asker"), "owner", True, False),
        (person("asker", "steward", "privacy_officer", "platform_admin"), "steward", True, False),
    ],
)
def test_who_decides_at_a_stage(who: Entity, stage: str, is_owner: bool, may: bool) -> None:
    decision = POLICIES.decide(who, "decide", request_of("asker", stage), {"is_owner": is_owner}, person("asker"))
    assert decision.allowed is may
    assert decision.reasons


@pytest.mark.parametrize(
    ("resource", "context", "refused_by"),
    [
        (listing(), {}, None),
        (listing(), {"days": 180}, None),
        (listing(), {"days": 181}, "subscription.longest"),
        (listing(purpose_required=True), {"has_reason": False}, "subscription.purpose"),
        (listing(named_people_only=True), {}, None),
        (listing(named_people_only=True), {"for_project": True, "stage": "prod"}, "subscription.named-people"),
        (listing(stages=["prod"]), {"for_project": True, "stage": "dev"}, "subscription.stage"),
        (listing(stages=["prod"]), {"for_project": True, "stage": "prod"}, None),
    ],
)
def test_who_may_ask_for_data(resource: Entity, context: dict[str, Any], refused_by: str | None) -> None:
    asked = {"days": 1, "has_reason": True, "for_project": False, "stage": ""} | context
    decision = POLICIES.decide(person(), "subscribe", resource, asked)
    assert decision.allowed is (refused_by is None)
    assert refused_by is None or decision.policy_ids == (refused_by,)


@pytest.mark.parametrize(
    ("automatic", "in_unit", "granted"),
    [
        ("always", False, True), ("always", True, True), ("same_domain_unit", True, True),
        ("same_domain_unit", False, False), ("never", True, False), ("", True, False),
    ],
)  # fmt: skip
def test_what_is_granted_automatically(automatic: str, in_unit: bool, granted: bool) -> None:
    context = {"automatic": automatic, "in_unit": in_unit}
    assert POLICIES.decide(person(), "grant_automatically", listing(), context).allowed is granted


@pytest.mark.parametrize(
    ("action", "roles", "may"),
    [
        ("use_app", (), True), ("read_own_audit", (), True), ("read_all_audit", (), False),
        ("read_all_audit", ("auditor",), True), ("read_all_audit", ("platform_admin",), False),
        ("read_all_audit", ("steward",), False), ("verify_audit", ("auditor",), True), ("verify_audit", (), False),
        ("read_all_requests", ("steward",), True), ("read_all_requests", ("auditor",), True),
        ("read_all_requests", (), False), ("revoke_any_request", ("privacy_officer",), True),
        ("revoke_any_request", ("auditor",), False), ("retry_any_request", ("platform_admin",), True),
        ("retry_any_request", ("steward",), False),
    ],
)  # fmt: skip
def test_what_roles_may_do_in_the_app(action: str, roles: tuple[str, ...], may: bool) -> None:
    assert POLICIES.decide(person("p", *roles), action, Entity("App", "management-app")).allowed is may


def test_the_hash_names_exactly_this_set_of_policies() -> None:
    policy = '@id("a") @why("because") permit (principal, action == Action::"use_app", resource);'
    assert PolicySet(policy, SCHEMA).hash == PolicySet(policy, SCHEMA).hash
    assert PolicySet(policy, SCHEMA).hash != PolicySet(policy.replace("because", "so"), SCHEMA).hash


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        ('@id("a") @why("b") permit (principal, action == Action::"fly", resource);', "fly"),
        ('@id("a") @why("b") permit (principal, action, resource) when { principal.clearence > 1 };', "clearence"),
        ('@id("a") permit (principal, action == Action::"use_app", resource);', "@why"),
        ("permit (principal", "cannot be read"),
        ('@id("a") @why("b") permit (principal, action == Action::"use_app", resource);' * 2, "Two policies"),
    ],
)
def test_policies_that_are_wrong_are_refused_at_start(policy: str, says: str) -> None:
    with pytest.raises(PolicyInvalid, match=says):
        PolicySet(policy, SCHEMA)


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("(" * 5_000 + "true" + ")" * 5_000, "200 opening brackets"),
        ("principal has " + "a." * 4_000 + "a", "500 dots"),
        ("1 == 1" + "+1" * 50_000, "10000 characters"),
    ],
)
def test_policies_that_would_end_or_hold_up_the_process_are_refused(condition: str, says: str) -> None:
    fine = '@id("a") @why("See (here) // and there; so.") permit (principal, action == Action::"use_app", resource);'
    PolicySet(fine, SCHEMA)
    with pytest.raises(PolicyInvalid, match=says):
        PolicySet(f'{fine} @id("b") @why("c") permit (principal, action, resource) when {{ {condition} }};', SCHEMA)


def test_a_mesh_adds_its_own_policies(tmp_path: Path) -> None:
    (tmp_path / "ours.cedar").write_text(
        '@id("ours.no-restricted") @why("Not here.") forbid (principal, action == Action::"subscribe", resource) '
        'when { resource.classification == "Restricted" };'
    )
    asked = {"days": 1, "has_reason": True, "for_project": False, "stage": ""}
    decision = read_policies(tmp_path).decide(person(), "subscribe", listing(classification="Restricted"), asked)
    assert decision.reasons == ("Not here.",)


def test_a_folder_of_policies_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="not there"):
        read_policies(tmp_path / "none")
