"""Organizational units, and who is above and below whom."""

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.organizations import store
from twinplane.data_plane.services.organizations.rules import ACCOUNT, ROOT, UNIT, changed_tags, check_depth
from twinplane.data_plane.services.organizations.tree import (
    arn,
    get_node,
    listed,
    may,
    organization_of,
    unit_view,
)
from twinplane.data_plane.store import AlreadyExists, Document

_NOT_FOUND = "OrganizationalUnitNotFoundException"


def create_organizational_unit(call: Call, request: Request) -> Answer:
    organization = organization_of(call)
    parent = get_node(call, request["ParentId"], (ROOT, UNIT), "ParentNotFoundException")
    check_depth(len(store.ancestry(call.tx, parent["Id"])))
    unit_id = store.new_id(f"ou-{organization['root_id'][2:]}-", 8)
    unit = {
        "Id": unit_id, "Arn": arn(organization, "ou", unit_id), "Name": request["Name"], "unit_name": request["Name"],
        "type": UNIT, "parent": parent["Id"], "tags": changed_tags({}, request.get("Tags") or []),
    }  # fmt: skip
    try:
        store.add_node(call.tx, organization, unit)
    except AlreadyExists:
        raise _duplicate(request["Name"]) from None
    return {"OrganizationalUnit": unit_view(call, unit)}


def describe_organizational_unit(call: Call, request: Request) -> Answer:
    return {"OrganizationalUnit": unit_view(call, _get(call, request))}


def update_organizational_unit(call: Call, request: Request) -> Answer:
    unit = _get(call, request)
    if request.get("Name"):
        unit |= {"Name": request["Name"], "unit_name": request["Name"]}
        try:
            call.tx.put(store.NODES, unit)
        except AlreadyExists:
            raise _duplicate(request["Name"]) from None
    return {"OrganizationalUnit": unit_view(call, unit)}


def delete_organizational_unit(call: Call, request: Request) -> Answer:
    unit = _get(call, request)
    if call.tx.count(store.NODES, {"parent": unit["Id"]}):
        raise ServiceError(
            "OrganizationalUnitNotEmptyException", "The unit isn't empty: move its accounts and remove its units first."
        )
    store.remove_node(call.tx, unit["Id"])
    return {}


def list_organizational_units_for_parent(call: Call, request: Request) -> Answer:
    parent = get_node(call, request["ParentId"], (ROOT, UNIT), "ParentNotFoundException")
    found = _children(call, parent, UNIT)
    return listed(call, request, "OrganizationalUnits", found, lambda unit: unit_view(call, unit))


def list_children(call: Call, request: Request) -> Answer:
    parent = get_node(call, request["ParentId"], (ROOT, UNIT), "ParentNotFoundException")
    found = _children(call, parent, request["ChildType"])
    return listed(call, request, "Children", found, lambda node: {"Id": node["Id"], "Type": node["type"]})


def list_parents(call: Call, request: Request) -> Answer:
    node = get_node(call, request["ChildId"], (UNIT, ACCOUNT), "ChildNotFoundException")
    parent = call.tx.get(store.NODES, node["parent"])
    return listed(call, request, "Parents", [parent], lambda above: {"Id": above["Id"], "Type": above["type"]})


def _children(call: Call, parent: Document, kind: str) -> list[Document]:
    return call.tx.select(store.NODES, {"parent": parent["Id"], "type": kind})


def _get(call: Call, request: Request) -> Document:
    return get_node(call, request["OrganizationalUnitId"], (UNIT,), _NOT_FOUND)


def _duplicate(name: str) -> ServiceError:
    return ServiceError("DuplicateOrganizationalUnitException", f"A unit named {name} is there already.")


OPERATIONS: dict[str, Operation] = {
    "CreateOrganizationalUnit": writes(create_organizational_unit, may("CreateOrganizationalUnit", "ParentId")),
    "DescribeOrganizationalUnit": reads(
        describe_organizational_unit, may("DescribeOrganizationalUnit", "OrganizationalUnitId")
    ),
    "UpdateOrganizationalUnit": writes(
        update_organizational_unit, may("UpdateOrganizationalUnit", "OrganizationalUnitId")
    ),
    "DeleteOrganizationalUnit": writes(
        delete_organizational_unit, may("DeleteOrganizationalUnit", "OrganizationalUnitId")
    ),
    "ListOrganizationalUnitsForParent": reads(
        list_organizational_units_for_parent, may("ListOrganizationalUnitsForParent", "ParentId")
    ),
    "ListChildren": reads(list_children, may("ListChildren", "ParentId")),
    "ListParents": reads(list_parents, may("ListParents", "ChildId")),
}
