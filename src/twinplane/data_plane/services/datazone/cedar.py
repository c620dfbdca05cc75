"""Policies of designations: what Cedar says that their holders may do."""

import json
from functools import lru_cache
from typing import Any

import cedarpy

from twinplane.cedar import excess
from twinplane.data_plane.services.datazone import rights, rules, store
from twinplane.data_plane.store import Transaction


def check(policy: str) -> None:
    """A designation's policy permits actions of DataZone, and forbids nothing. Raises ValidationException."""
    if too_much := excess(policy):
        raise rules.invalid(too_much)
    try:
        statements: list[dict[str, Any]] = list(
            json.loads(cedarpy.policies_to_json_str(policy))["staticPolicies"].values()
        )
    except ValueError as error:
        raise rules.invalid(f"The policy is not valid Cedar: {error}.") from None
    except RecursionError:
        raise rules.invalid("The policy's conditions are nested too deeply.") from None
    if not statements:
        raise rules.invalid("The policy must permit something.")
    for statement in statements:
        action = statement["action"]
        entities = [action["entity"]] if "entity" in action else action.get("entities", [])
        if statement["effect"] != "permit":
            raise rules.invalid("The policy of a designation permits; it cannot forbid.")
        if any(entity["type"] != "DataZone::Action" for entity in entities):
            raise rules.invalid('The policy\'s actions must have the form DataZone::Action::"CreateAsset".')


@lru_cache(maxsize=4096)
def _permits(policy: str, profile_id: str, action: str, project_id: str) -> bool:
    request = {
        "principal": f"DataZone::User::{json.dumps(profile_id)}",
        "action": f"DataZone::Action::{json.dumps(action)}",
        "resource": f"DataZone::Project::{json.dumps(project_id)}",
        "context": {},
    }
    return bool(cedarpy.is_authorized(request, policy, []).allowed)


def permits(tx: Transaction, domain_id: str, project_id: str, profile_id: str, held: frozenset[str], line: str) -> bool:
    """Whether what someone is in a project includes a designation, made in the domain, that permits an operation.

    Only what the table of rights has for members of projects can be permitted so.
    """
    if not rights.RIGHTS[line].of_projects:
        return False
    for identifier in held.difference(rights.DESIGNATIONS):
        made = tx.find(store.DESIGNATIONS, domain_id, identifier)
        if made is not None and _permits(made["policy"], profile_id, rights.cedar_action(line), project_id):
            return True
    return False
