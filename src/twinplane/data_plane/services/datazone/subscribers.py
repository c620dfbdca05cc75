"""The two sides of a subscription: who subscribes, who publishes, and on which side a caller stands."""

import re
from typing import Any

from twinplane.data_plane.call import Call, Request
from twinplane.data_plane.services.datazone import access, cedar, rights, rules, store
from twinplane.data_plane.services.identitystore import store as identities
from twinplane.data_plane.store import Document, Transaction

_ROLE_OF_PROJECT = re.compile(r":role/(?:.*/)?datazone_usr_role_([a-z0-9]+)_")


def resolve(call: Call, domain_id: str, principal: dict[str, Any], who: access.Caller) -> tuple[str, Document]:
    """Who a request is for: the key documents are found by, and AWS's SubscribedPrincipal.

    A project's owners, contributors and consumers may ask for it; people for themselves and their groups; domain
    administrators for anyone. Raises ResourceNotFoundException, AccessDeniedException.
    """
    tx = call.tx
    kind, body = rules.exactly_one(principal, "subscribedPrincipals")
    identifier = body.get("identifier")
    if not identifier:
        raise rules.invalid(f"The subscribed {kind} needs an identifier.")
    key = f"{kind}:{identifier}"
    if kind == "project":
        access.require_project_role(call, domain_id, identifier)
        project = store.get_project(tx, domain_id, identifier)
        return key, {"project": {"id": identifier, "name": project["name"]}}
    own = {"user": identifier == who.id, "group": identifier in who.group_ids, "iam": identifier == who.iam_arn}
    if who.user_id is not None:
        own["iam"] = False  # the role a person comes through is not hers
    if not own[kind]:
        access.require(call, domain_id, rule="CreateSubscriptionRequest for someone else")
    return key, {kind: _described(call, domain_id, kind, identifier)}


def _described(call: Call, domain_id: str, kind: str, identifier: str) -> Document:
    tx = call.tx
    if kind == "iam":
        return {"principalArn": identifier}
    if kind == "group":
        group = identities.get_group(tx, identifier)
        if group is None:
            raise store.not_found("Group", identifier)
        return {"id": identifier, "name": group["DisplayName"]}
    profile = tx.find(store.USER_PROFILES, domain_id, identifier)
    profile = profile or access.person_profile(tx, domain_id, identifier, "ASSIGNED")
    if profile is None:
        raise store.not_found("User", identifier)
    return {"id": identifier, "details": profile["details"]}


class Sides:
    """What a caller is to the documents of subscriptions (each has domainId, ownerProjectId, subscriberKey)."""

    def __init__(self, tx: Transaction, who: access.Caller) -> None:
        self._tx, self._who = tx, who
        self._roles: dict[tuple[str, str], frozenset[str]] = {}
        self._admin: bool | None = None

    def may_see(self, document: Document) -> bool:
        """Members of the publishing or the subscribing project, the subscribed, who asked, domain administrators."""
        return self.may("GetSubscription", document)

    def may(self, operation: str, document: Document) -> bool:
        """Whether `rights.RIGHTS` has a line for the operation that the caller meets."""
        right = rights.RIGHTS[operation]
        return (
            (bool(right.members) and self._has(document, document["ownerProjectId"], right.members, operation))
            or (bool(right.subscribers) and self._is_subscriber(document, right.subscribers, operation))
            or (right.creator and document["createdBy"] == self._who.id)
            or (right.domain_owners and self._is_admin(document))
        )

    def _has(self, document: Document, project_id: str, designations: tuple[str, ...], operation: str) -> bool:
        held = self._roles_in(document, project_id)
        return not held.isdisjoint(designations) or cedar.permits(
            self._tx, document["domainId"], project_id, self._who.id, held, operation
        )

    def _is_subscriber(self, document: Document, designations: tuple[str, ...], operation: str) -> bool:
        kind, _, identifier = document["subscriberKey"].partition(":")
        if kind == "project":
            return self._has(document, identifier, designations, operation)
        if kind == "group":
            return identifier in self._who.group_ids
        if kind == "iam":
            return self._who.user_id is None and identifier == self._who.iam_arn
        return bool(identifier == self._who.id)

    def _roles_in(self, document: Document, project_id: str) -> frozenset[str]:
        key = (document["domainId"], project_id)
        if key not in self._roles:
            self._roles[key] = access.designations(self._tx, *key, self._who)
        return self._roles[key]

    def _is_admin(self, document: Document) -> bool:
        if self._admin is None:
            self._admin = access.is_domain_admin(self._tx, document["domainId"], self._who)
        return self._admin


def sides(tx: Transaction, who: access.Caller) -> Sides:
    """On which side of subscriptions the caller stands."""
    return Sides(tx, who)


def owner_filter(request: Request) -> dict[str, Any]:
    """The subscriber that a listing is restricted to, as a condition on documents."""
    members = {
        "owningProjectId": "project",
        "owningUserId": "user",
        "owningGroupId": "group",
        "owningIamPrincipalArn": "iam",
    }
    given = [f"{kind}:{request[member]}" for member, kind in members.items() if request.get(member)]
    if len(given) > 1:
        raise rules.invalid("A listing is restricted to one subscriber.")
    return {"subscriberKey": given[0]} if given else {}


def projects_of(tx: Transaction, domain_id: str, who: access.Caller) -> dict[str, set[str]]:
    """The projects that the caller is in, with all that she is there."""
    found: dict[str, set[str]] = {}
    for membership in tx.select(store.MEMBERSHIPS, {"domainId": domain_id, "memberId": [who.id, *who.group_ids]}):
        found.setdefault(membership["projectId"], set()).add(membership["designation"])
    role = _ROLE_OF_PROJECT.search(who.iam_arn) if who.kind == "IAM_ROLE" else None
    if role is not None and role[1] not in found and store.project_role_arn(tx, domain_id, role[1]) == who.iam_arn:
        found[role[1]] = set(access.designations(tx, domain_id, role[1], who))
    return found


def keys_of(who: access.Caller, project_ids: list[str]) -> list[str]:
    """The keys of the subscribers that the caller is, or acts for: these projects, herself, her groups."""
    own = f"iam:{who.iam_arn}" if who.user_id is None else f"user:{who.user_id}"
    return [
        *(f"project:{p}" for p in project_ids),
        *dict.fromkeys((own, f"user:{who.id}")),
        *(f"group:{g}" for g in who.group_ids),
    ]
