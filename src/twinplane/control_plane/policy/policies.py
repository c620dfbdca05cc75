"""The policy set: read from files, validated against the schema, hashed, and asked."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cedarpy

from twinplane.cedar import excess
from twinplane.control_plane.policy.model import Decision, Entity

DEFAULT = Path(__file__).parent / "default"
NO_POLICY_ALLOWS = "No policy allows this."


class PolicyInvalid(RuntimeError):
    """The policies are not fit to decide. The text names the policy and what is wrong with it."""


class PolicySet:
    """An immutable set of policies. `hash` names exactly this set and schema; it goes into every record."""

    def __init__(self, policies: str, schema: str) -> None:
        self.hash = hashlib.sha256(f"{schema}\0{policies}".encode()).hexdigest()
        if too_much := excess(policies):
            raise PolicyInvalid(f"The policies cannot be read: {too_much}")
        try:
            self._schema = cedarpy.Schema.from_str(schema)
            self._policies = cedarpy.PolicySet.from_str(policies)
        except ValueError as error:
            raise PolicyInvalid(f"The policies cannot be read: {error}") from error
        result = cedarpy.validate_policies(policies, schema)
        if not result.validation_passed:
            raise PolicyInvalid("; ".join(f"{error.policy_id}: {error.error}" for error in result.errors))
        self._annotations = _annotations(policies)

    def decide(
        self,
        principal: Entity,
        action: str,
        resource: Entity,
        context: Mapping[str, Any] | None = None,
        *others: Entity,
    ) -> Decision:
        """May the principal do the action on the resource? Denied unless a policy permits it and none forbids it."""
        request = {
            "principal": f'{principal.type}::"{_escaped(principal.id)}"',
            "action": f'Action::"{action}"',
            "resource": f'{resource.type}::"{_escaped(resource.id)}"',
            "context": dict(context or {}),
        }
        entities = {(e.type, e.id): e for e in (*others, resource, principal)}
        document = [
            {"uid": e.uid, "attrs": e.attributes, "parents": [{"type": t, "id": i} for t, i in e.parents]}
            for e in entities.values()
        ]
        result = cedarpy.is_authorized(request, self._policies, json.dumps(document), schema=self._schema)
        if result.diagnostics.errors:
            raise RuntimeError(f"Policies could not be evaluated: {result.diagnostics.errors}")
        known = [self._annotations[policy_id] for policy_id in result.diagnostics.reasons]
        reasons = tuple(why for _, why in known) or ((NO_POLICY_ALLOWS,) if not result.allowed else ())
        return Decision(result.allowed, tuple(policy for policy, _ in known), reasons, self.hash)


def read_policies(more: Path | None = None) -> PolicySet:
    """The policies that ship with the app and those in the folder `more`. Raises `PolicyInvalid`."""
    files = sorted(DEFAULT.glob("*.cedar"))
    if more is not None:
        if not more.is_dir():
            raise PolicyInvalid(f"The mesh names a folder of policies that is not there: {more}")
        files += sorted(more.glob("*.cedar"))
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return PolicySet(text, (DEFAULT / "schema.cedarschema").read_text(encoding="utf-8"))


def _annotations(policies: str) -> dict[str, tuple[str, str]]:
    """Cedar's id of each policy, with our own @id and @why, which every policy must have."""
    parsed = json.loads(cedarpy.policies_to_json_str(policies))["staticPolicies"]
    found: dict[str, tuple[str, str]] = {}
    for policy_id, policy in parsed.items():
        annotations = policy.get("annotations", {})
        if not annotations.get("id") or not annotations.get("why"):
            raise PolicyInvalid(f"Policy {annotations.get('id', policy_id)} must have an @id and a @why")
        found[policy_id] = (annotations["id"], annotations["why"])
    ids = [own for own, _ in found.values()]
    for own in ids:
        if ids.count(own) > 1:
            raise PolicyInvalid(f"Two policies have the id {own}")
    return found


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
