"""Domain units: the tree that projects live in, and who owns its parts."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import access, events, people, quotas, rules, store
from twinplane.data_plane.store import Document

_SHOWN = (
    "id",
    "domainId",
    "name",
    "parentDomainUnitId",
    "description",
    "owners",
    "createdAt",
    "createdBy",
    "lastUpdatedAt",
    "lastUpdatedBy",
)


ASSUMED = {
    "CreateDomainUnit": "The creator owns the unit; owners of a unit own the units below it as well.",
    "DeleteDomainUnit": "A unit with project profiles stays, like one with projects or child units; its policy grants "
    "go with it.",
    "AddEntityOwner": "Adding an owner again changes nothing. The model shows at most 20 owners of a unit; the next is "
    "a ServiceQuotaExceededException.",
    "RemoveEntityOwner": "The root unit keeps an owner; any other unit is then for the owners of the units above it.",
}


def create_domain_unit(call: Call, request: Request) -> Answer:
    """Makes a unit under a parent. Its creator owns it."""
    domain_id, parent_id = request["domainIdentifier"], request["parentDomainUnitIdentifier"]
    who = access.caller(call, domain_id)
    ancestors = [unit["id"] for unit in store.unit_path(call.tx, domain_id, parent_id)]
    access.require_unit_owner(call, domain_id, parent_id)
    quotas.check(quotas.UNIT_LEVELS, len(ancestors))
    quotas.check_domain(call.tx, quotas.DOMAIN_UNITS, domain_id)
    unit: Document = {
        "domainId": domain_id,
        "id": new_id(),
        "name": request["name"],
        "parentDomainUnitId": parent_id,
        "description": request.get("description"),
        "owners": [{"user": {"userId": who.id}}],
        "createdAt": call.now,
        "createdBy": who.id,
    }
    access.add_unique(call.tx, store.DOMAIN_UNITS, unit, _taken(request["name"]))
    _tell(call, "Created", unit, who.id)
    return store.pick(unit, _SHOWN) | {"ancestorDomainUnitIds": ancestors}


def get_domain_unit(call: Call, request: Request) -> Answer:
    """A domain unit, for every user of the domain."""
    access.caller(call, request["domainIdentifier"])
    return store.pick(_unit(call, request), _SHOWN)


def update_domain_unit(call: Call, request: Request) -> Answer:
    """Renames or describes a unit; for its owners."""
    unit = _unit(call, request)
    who = access.require_unit_owner(call, unit["domainId"], unit["id"])
    unit |= store.pick(request, ("name", "description")) | {"lastUpdatedAt": call.now, "lastUpdatedBy": who.id}
    siblings = {"domainId": unit["domainId"], "parentDomainUnitId": unit["parentDomainUnitId"], "name": unit["name"]}
    if any(other["id"] != unit["id"] for other in call.tx.select(store.DOMAIN_UNITS, siblings)):
        raise rules.conflict(_taken(unit["name"]))
    call.tx.put(store.DOMAIN_UNITS, unit)
    _tell(call, "Updated", unit, who.id)
    return store.pick(unit, _SHOWN)


def delete_domain_unit(call: Call, request: Request) -> Answer:
    """Removes a unit that is empty; for its owners. The root goes with its domain only."""
    unit = _unit(call, request)
    who = access.require_unit_owner(call, unit["domainId"], unit["id"])
    if unit["parentDomainUnitId"] is None:
        raise rules.invalid("The root domain unit cannot be deleted.")
    here = {"domainId": unit["domainId"]}
    if call.tx.count(store.DOMAIN_UNITS, here | {"parentDomainUnitId": unit["id"]}):
        raise rules.conflict(f"Domain unit {unit['id']} has child units; delete them first.")
    if call.tx.count(store.PROJECTS, here | {"domainUnitId": unit["id"]}):
        raise rules.conflict(f"Domain unit {unit['id']} has projects; delete or move them first.")
    if any(p["domainUnitId"] == unit["id"] for p in call.tx.select(store.PROJECT_PROFILES, here)):
        raise rules.conflict(f"Domain unit {unit['id']} has project profiles; delete or move them first.")
    for grant in call.tx.select(store.POLICY_GRANTS, here | {"entityIdentifier": unit["id"]}):
        call.tx.remove(store.POLICY_GRANTS, unit["domainId"], grant["grantId"])
    call.tx.remove(store.DOMAIN_UNITS, unit["domainId"], unit["id"])
    _tell(call, "Deleted", unit, who.id)
    return {}


def list_domain_units_for_parent(call: Call, request: Request) -> Answer:
    """The children of a unit, by name."""
    domain_id = request["domainIdentifier"]
    access.caller(call, domain_id)
    where = {"domainId": domain_id, "parentDomainUnitId": request["parentDomainUnitIdentifier"]}
    rows, token = page(
        call,
        request,
        lambda after, limit: call.tx.select(store.DOMAIN_UNITS, where, order=("name",), after=after, limit=limit),
        lambda unit: [unit["name"], unit["domainId"], unit["id"]],
        default=25,
        most=25,
    )
    return {"items": [store.pick(unit, ("name", "id")) for unit in rows], "nextToken": token}


def add_entity_owner(call: Call, request: Request) -> Answer:
    """Makes a user or group an owner of a domain unit; for those who own it or may assume its ownership."""
    domain_id, unit = request["domainIdentifier"], _entity(call, request)
    who = access.require_unit_owner(call, domain_id, unit["id"])
    owner = _owner(call, request)
    if owner not in unit["owners"]:
        quotas.check(quotas.UNIT_OWNERS, len(unit["owners"]))
        call.tx.put(store.DOMAIN_UNITS, unit | {"owners": [*unit["owners"], owner]})
        _tell(call, "Owner Added", unit, who.id, owner=owner)
    return {}


def remove_entity_owner(call: Call, request: Request) -> Answer:
    """Ends an ownership; for owners. The last owner of the root unit stays."""
    domain_id, unit = request["domainIdentifier"], _entity(call, request)
    who = access.require_unit_owner(call, domain_id, unit["id"])
    owner = _owner(call, request)
    if owner not in unit["owners"]:
        [(_, named)] = owner.items()
        raise store.not_found("Owner", *named.values())
    if unit["parentDomainUnitId"] is None and unit["owners"] == [owner]:
        raise rules.invalid("The root domain unit must keep an owner.")
    call.tx.put(store.DOMAIN_UNITS, unit | {"owners": [o for o in unit["owners"] if o != owner]})
    _tell(call, "Owner Removed", unit, who.id, owner=owner)
    return {}


def list_entity_owners(call: Call, request: Request) -> Answer:
    """The owners of a domain unit, in the order they were made owners."""
    access.caller(call, request["domainIdentifier"])
    owners: list[dict[str, Any]] = [
        {"at": position, "owner": owner} for position, owner in enumerate(_entity(call, request)["owners"])
    ]
    rows, token = page(
        call,
        request,
        lambda after, limit: owners[0 if after is None else after[0] + 1 :][:limit],
        lambda row: [row["at"]],
        default=25,
        most=25,
    )
    return {"owners": [row["owner"] for row in rows], "nextToken": token}


def update_root_domain_unit_owner(call: Call, request: Request) -> Answer:
    """Puts one owner of the root domain unit in another's place; for domain administrators."""
    domain_id = request["domainIdentifier"]
    who = access.require_domain_admin(call, domain_id)
    root = store.get_domain_unit(call.tx, domain_id, store.get_domain(call.tx, domain_id)["rootDomainUnitId"])
    old = {"user": {"userId": people.get_user(call, domain_id, request["currentOwner"])["id"]}}
    new = {"user": {"userId": people.ensure_user(call, domain_id, request["newOwner"])["id"]}}
    if old not in root["owners"]:
        raise rules.invalid(f"{request['currentOwner']} is not an owner of the root domain unit.")
    owners = [o for o in root["owners"] if o not in (old, new)]
    call.tx.put(store.DOMAIN_UNITS, root | {"owners": [*owners, new]})
    if old != new:
        _tell(call, "Owner Removed", root, who.id, owner=old)
        _tell(call, "Owner Added", root, who.id, owner=new)
    return {}


def _tell(call: Call, moment: str, unit: Document, by: str, **data: Any) -> None:
    shown = store.pick(unit, ("name", "description", "parentDomainUnitId"))
    events.tell(call.tx, call.plane, f"Domain Unit {moment}", unit, "DomainUnit", by=by, **shown, **data)


def _taken(name: str) -> str:
    return f"A domain unit named {name} exists under this parent."


def _unit(call: Call, request: Request) -> Document:
    access.caller(call, request["domainIdentifier"])  # whoever is not let in learns nothing of what there is
    return store.get_domain_unit(call.tx, request["domainIdentifier"], request["identifier"])


def _entity(call: Call, request: Request) -> Document:
    access.caller(call, request["domainIdentifier"])
    if request["entityType"] != "DOMAIN_UNIT":
        raise rules.invalid(f"A {request['entityType']} has no owners; only a DOMAIN_UNIT has.")
    return store.get_domain_unit(call.tx, request["domainIdentifier"], request["entityIdentifier"])


def _owner(call: Call, request: Request) -> dict[str, Any]:
    kind, who = rules.exactly_one(request["owner"], "owner")
    if kind == "user":
        return {"user": {"userId": people.ensure_user(call, request["domainIdentifier"], who["userIdentifier"])["id"]}}
    return {"group": {"groupId": people.get_group(call, request["domainIdentifier"], who["groupIdentifier"])["id"]}}


OPERATIONS: dict[str, Operation] = {
    "CreateDomainUnit": writes(create_domain_unit, access.allowed("CreateDomainUnit")),
    "GetDomainUnit": reads(get_domain_unit, access.allowed("GetDomainUnit")),
    "UpdateDomainUnit": writes(update_domain_unit, access.allowed("UpdateDomainUnit")),
    "DeleteDomainUnit": writes(delete_domain_unit, access.allowed("DeleteDomainUnit")),
    "ListDomainUnitsForParent": reads(list_domain_units_for_parent, access.allowed("ListDomainUnitsForParent")),
    "AddEntityOwner": writes(add_entity_owner, access.allowed("AddEntityOwner")),
    "RemoveEntityOwner": writes(remove_entity_owner, access.allowed("RemoveEntityOwner")),
    "ListEntityOwners": reads(list_entity_owners, access.allowed("ListEntityOwners")),
    "UpdateRootDomainUnitOwner": writes(update_root_domain_unit_owner, access.allowed("UpdateRootDomainUnitOwner")),
}
