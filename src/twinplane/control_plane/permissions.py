"""What a route of the app needs. Every route declares one; policy says who has it (`policy/default/app.cedar`)."""

from enum import Enum

from twinplane.control_plane.errors import NotPermitted
from twinplane.control_plane.identity import Person
from twinplane.control_plane.policy.model import Decision, Entity
from twinplane.control_plane.policy.policies import PolicySet

APP = Entity("App", "management-app")


class Permission(Enum):
    """PUBLIC needs no session. The others are actions of the policy's schema."""

    PUBLIC = "public"
    USE_APP = "use_app"
    READ_OWN_AUDIT = "read_own_audit"
    READ_ALL_AUDIT = "read_all_audit"
    VERIFY_AUDIT = "verify_audit"
    READ_ALL_REQUESTS = "read_all_requests"
    RETRY_ANY_REQUEST = "retry_any_request"
    REVOKE_ANY_REQUEST = "revoke_any_request"


def principal(person: Person) -> Entity:
    """The person as policies see her."""
    attributes = {"name": person.name, "roles": sorted(person.roles)}
    return Entity("Person", person.user_id, attributes, tuple(("Group", group) for group in sorted(person.groups)))


def may(policies: PolicySet, person: Person, permission: Permission) -> Decision:
    """Whether policy gives the person the permission, and why."""
    return policies.decide(principal(person), permission.value, APP, {}, *groups(person))


def check(policies: PolicySet, person: Person, permission: Permission) -> None:
    """Raises `NotPermitted`, with policy's reasons."""
    decision = may(policies, person, permission)
    if not decision.allowed:
        raise NotPermitted(" ".join(decision.reasons), policy=decision.as_json())


def groups(person: Person) -> tuple[Entity, ...]:
    """The person's groups as entities."""
    return tuple(Entity("Group", group) for group in sorted(person.groups))
