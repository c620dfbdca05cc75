"""The identity store of IAM Identity Center: people, groups and who is in which."""

from collections.abc import Callable
from typing import Any

from twinplane.data_plane.call import Access, Answer, Call, Operation, Request, reads, writes
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.services.identitystore import entities, memberships, rules, store
from twinplane.data_plane.services.identitystore.answers import get, identified, named, page_of, view
from twinplane.data_plane.services.identitystore.entities import GROUP, USER, Entity, bare, conflict, not_found
from twinplane.data_plane.services.identitystore.rules import invalid
from twinplane.data_plane.store import Document, Kind
from twinplane.data_plane.tasks import TaskKind

Function = Callable[[Call, Request], Answer]


def create(entity: Entity) -> Function:
    def operation(call: Call, request: Request) -> Answer:
        given = (*entity.attributes, *(("Extensions",) if entity is USER else ()))
        document = {member: request[member] for member in given if request.get(member) is not None}
        made = entities.add(call.tx, entity, document, now=call.now, who=call.principal.arn)
        call.resources.append({"ARN": entity.arn(made[entity.id]), "type": f"AWS::IdentityStore::{entity.noun}"})
        return named(call, entity, made)

    return operation


def describe(entity: Entity) -> Function:
    return lambda call, request: view(
        call, entity, get(call, entity, request[entity.id]), request.get("Extensions")
    )  # fmt: skip


def list_all(entity: Entity) -> Function:
    def operation(call: Call, request: Request) -> Answer:
        where = _filter(entity, request)

        def fetch(after: list[Any] | None, limit: int) -> list[Document]:
            return call.tx.select(entity.kind, where, order=("name_key",), after=after, limit=limit)

        found, more = page_of(call, request, fetch, ("name_key", entity.id))
        return {f"{entity.noun}s": [view(call, entity, d, request.get("Extensions")) for d in found], **more}

    return operation


def get_id(entity: Entity) -> Function:
    """Who has this unique attribute, or this id of the company's directory."""

    def operation(call: Call, request: Request) -> Answer:
        unique, external = (request["AlternateIdentifier"].get(m) for m in ("UniqueAttribute", "ExternalId"))
        if external is not None:
            found = entities.find_external(call.tx, entity, external["Issuer"], external["Id"])
            if found is None:
                raise not_found(entity.noun.upper(), external["Id"])
        else:
            found = entities.find_by(call.tx, entity, unique["AttributePath"], unique["AttributeValue"])
        return identified(call, entity, found)

    return operation


def update(entity: Entity) -> Function:
    def operation(call: Call, request: Request) -> Answer:
        document = get(call, entity, request[entity.id])
        _check_revision(request, document)
        changed = rules.changed(document, entity.attributes, request["Operations"])
        return named(
            call, entity, entities.replace(call.tx, entity, changed, now=call.now, who=call.principal.arn)
        )  # fmt: skip

    return operation


def delete(entity: Entity) -> Function:
    """Removes it and its memberships. Sessions of a person end at their next use."""

    def operation(call: Call, request: Request) -> Answer:
        document = get(call, entity, request[entity.id])
        _check_revision(request, document)
        entities.remove(call.tx, entity, document)
        return {}

    return operation


def describe_identity_store(call: Call, _request: Request) -> Answer:
    return _identity_store(call)


def list_identity_stores(call: Call, _request: Request) -> Answer:
    return {"IdentityStores": [_identity_store(call)]}


def update_identity_store(call: Call, request: Request) -> Answer:
    """There is no network between a plane and its callers that could be restricted: anything else is refused."""
    network = request.get("NetworkConfiguration") or {}
    if network.get("VpceAccessRequired") or len(network) > 1:
        raise invalid("This identity store is reached from its own machine alone: it has no network to configure.")
    return _identity_store(call)


def _identity_store(call: Call) -> Answer:
    return {
        "IdentityStoreId": store.identity_store_id(call.plane),
        "IdentityStoreArn": store.identity_store_arn(call.plane),
    }


def _filter(entity: Entity, request: Request) -> dict[str, Any]:
    where: dict[str, Any] = {}
    for condition in request.get("Filters") or ():
        if condition["AttributePath"].lower() != entity.name.lower():
            raise invalid(f"Unsupported filter attribute {condition['AttributePath']}")
        where["name_key"] = store.fold(condition["AttributeValue"])
    return where


def _check_revision(request: Request, document: Document) -> None:
    if request.get("Revision") not in (None, document["Revision"]):
        raise conflict(f"The resource was changed: its revision is {document['Revision']}")


# --- permission ---


def _access(action: str) -> Access:
    def arn(call: Call, request: Request) -> str:
        if bare(request["IdentityStoreId"]) != store.identity_store_id(call.plane):
            raise not_found("IDENTITY_STORE", request["IdentityStoreId"])
        return store.identity_store_arn(call.plane)

    return iam(f"identitystore:{action}", arn)


def _of(entity: Entity) -> dict[str, Operation]:
    noun = entity.noun
    reading = {f"Describe{noun}": describe, f"List{noun}s": list_all, f"Get{noun}Id": get_id}
    writing = {f"Create{noun}": create, f"Update{noun}": update, f"Delete{noun}": delete}
    return {
        **{name: reads(make(entity), _access(name)) for name, make in reading.items()},
        **{name: writes(make(entity), _access(name)) for name, make in writing.items()},
    }


_READS: dict[str, Function] = {
    "DescribeGroupMembership": memberships.describe_group_membership,
    "GetGroupMembershipId": memberships.get_group_membership_id,
    "ListGroupMemberships": memberships.list_group_memberships,
    "ListGroupMembershipsForMember": memberships.list_group_memberships_for_member,
    "IsMemberInGroups": memberships.is_member_in_groups,
    "DescribeIdentityStore": describe_identity_store,
}
_WRITES: dict[str, Function] = {
    "CreateGroupMembership": memberships.create_group_membership,
    "DeleteGroupMembership": memberships.delete_group_membership,
    "UpdateIdentityStore": update_identity_store,
}
OPERATIONS: dict[str, Operation] = {
    **_of(USER),
    **_of(GROUP),
    **{name: reads(function, _access(name)) for name, function in _READS.items()},
    **{name: writes(function, _access(name)) for name, function in _WRITES.items()},
    "ListIdentityStores": reads(list_identity_stores, iam("identitystore:ListIdentityStores")),
}
KINDS: list[Kind] = store.KINDS
TASKS: dict[str, TaskKind] = {}
