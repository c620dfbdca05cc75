"""Designations: what a member of a project is there. Two are managed; others are made, with a policy in Cedar."""

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.services.datazone import access, cedar, rights, rules, store
from twinplane.data_plane.services.datazone.paging import answer, offset_page
from twinplane.data_plane.store import Document, Transaction

_SHOWN = (
    "domainId", "id", "name", "description", "designationType", "policy", "deletionProtection", "createdBy",
    "createdAt", "lastUpdatedAt",
)  # fmt: skip
_LISTED = ("domainId", "id", "name", "description", "designationType", "deletionProtection", "createdBy", "createdAt")

NOTES = {
    "CreateDesignation": "The policy permits operations by name; conditions on attributes of projects or people permit "
    "nothing, because there are no attributes. What every member of a project may do needs no permission.",
    "ListDesignations": "The managed designations that are listed are Owner and Contributor, as AWS lists them; "
    "memberships take the older viewer, consumer and steward as well.",
}
ASSUMED = {
    "CreateDesignation": "Policies are of permits only. Who has a designation may do what its policy permits and what "
    "every member may. The secret of a connection needs the action GetEnvironmentCredentials.",
    "GetDesignation": "The ids of managed designations are those that memberships use, PROJECT_OWNER and "
    "PROJECT_CONTRIBUTOR; their policies list what the table of rights gives them.",
    "UpdateDesignation": "Changing a managed designation is a ValidationException.",
    "DeleteDesignation": "Deleting a managed designation is a ValidationException, a held or protected one a "
    "ConflictException.",
}


def create_designation(call: Call, request: Request) -> Answer:
    """Makes a designation of what its policy permits; for domain administrators."""
    domain_id = request["domainIdentifier"]
    who = access.require_domain_admin(call, domain_id)
    cedar.check(request["policy"])
    protected = request.get("deletionProtection")
    document: Document = {
        **store.pick(request, ("name", "description", "policy")),
        "domainId": domain_id,
        "id": new_id(),
        "designationType": "USER_CREATED",
        "deletionProtection": True if protected is None else protected,
        "createdBy": who.id,
        "createdAt": call.now,
        "lastUpdatedAt": call.now,
    }
    _check_name(call.tx, document)
    call.tx.add(store.DESIGNATIONS, document)
    return store.pick(document, _SHOWN)


def get_designation(call: Call, request: Request) -> Answer:
    """A designation with its policy; every user of the domain may read it."""
    access.require(call, request["domainIdentifier"])
    return store.pick(_found(call, request), _SHOWN)


def list_designations(call: Call, request: Request) -> Answer:
    """The managed designations, then the others by name."""
    domain_id = request["domainIdentifier"]
    access.require(call, domain_id)
    managed = _managed(call.tx, domain_id)

    def fetch(offset: int, limit: int) -> list[Document]:
        made = call.tx.select(
            store.DESIGNATIONS, {"domainId": domain_id}, order=("name",), limit=max(0, offset + limit - len(managed))
        )
        return (managed + made)[offset : offset + limit]

    rows, token = offset_page(call, request, fetch)
    return answer([store.pick(d, _LISTED) | {"updatedAt": d["lastUpdatedAt"]} for d in rows], token)


def update_designation(call: Call, request: Request) -> Answer:
    """Changes what is given of a designation. Whoever holds it may at once what the new policy permits."""
    access.require_domain_admin(call, request["domainIdentifier"])
    document = _own(call, request) | store.pick(request, ("name", "description", "policy", "deletionProtection"))
    cedar.check(document["policy"])
    document |= {"lastUpdatedAt": call.now}
    _check_name(call.tx, document)
    call.tx.put(store.DESIGNATIONS, document)
    return store.pick(document, _SHOWN)


def delete_designation(call: Call, request: Request) -> Answer:
    """Removes a designation that is not protected and that no member of a project has. One that is gone is fine."""
    domain_id, identifier = request["domainIdentifier"], request["identifier"]
    access.require_domain_admin(call, domain_id)
    if identifier not in _MANAGED and call.tx.find(store.DESIGNATIONS, domain_id, identifier) is None:
        return {}
    document = _own(call, request)
    if document["deletionProtection"]:
        raise rules.conflict(f"Designation {document['name']} is protected from deletion.")
    held = call.tx.select(store.MEMBERSHIPS, {"domainId": domain_id, "designation": rights.CUSTOM})
    if any(membership["userCreatedDesignationId"] == identifier for membership in held):
        raise rules.conflict(f"Designation {document['name']} is held by members of projects.")
    call.tx.remove(store.DESIGNATIONS, domain_id, identifier)
    return {}


_MANAGED = {rights.OWNER: "Owner", rights.CONTRIBUTOR: "Contributor"}


def _managed(tx: Transaction, domain_id: str) -> list[Document]:
    made_at = store.get_domain(tx, domain_id)["createdAt"]
    return [
        {
            "domainId": domain_id, "id": identifier, "name": name, "designationType": "MANAGED",
            "policy": _policy_of(identifier), "deletionProtection": True, "createdBy": "SYSTEM",
            "createdAt": made_at, "lastUpdatedAt": made_at,
        }
        for identifier, name in _MANAGED.items()
    ]  # fmt: skip


def _policy_of(designation: str) -> str:
    may = {rights.cedar_action(line) for line, right in rights.RIGHTS.items() if designation in right.of_projects}
    actions = ", ".join(f'DataZone::Action::"{action}"' for action in sorted(may))
    return f"permit(principal, action in [{actions}], resource);"


def _found(call: Call, request: Request) -> Document:
    domain_id, identifier = request["domainIdentifier"], request["identifier"]
    for managed in _managed(call.tx, domain_id):
        if managed["id"] == identifier:
            return managed
    return store.found(call.tx, store.DESIGNATIONS, "Designation", domain_id, identifier)


def _own(call: Call, request: Request) -> Document:
    document = _found(call, request)
    if document["designationType"] == "MANAGED":
        raise rules.invalid(f"Designation {document['name']} is managed by the service; it cannot be changed.")
    return document


def _check_name(tx: Transaction, document: Document) -> None:
    named = tx.first(store.DESIGNATIONS, {"domainId": document["domainId"], "name": document["name"]})
    if document["name"] in _MANAGED.values() or (named is not None and named["id"] != document["id"]):
        raise rules.conflict(f"A designation named {document['name']} exists in this domain.")


OPERATIONS: dict[str, Operation] = {
    "CreateDesignation": writes(create_designation, access.allowed("CreateDesignation")),
    "GetDesignation": reads(get_designation, access.allowed("GetDesignation")),
    "ListDesignations": reads(list_designations, access.allowed("ListDesignations")),
    "UpdateDesignation": writes(update_designation, access.allowed("UpdateDesignation")),
    "DeleteDesignation": writes(delete_designation, access.allowed("DeleteDesignation")),
}
