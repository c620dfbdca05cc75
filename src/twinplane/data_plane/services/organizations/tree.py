"""What the operations share: the organization of a request, its nodes, and how they are shown and listed."""

from collections.abc import Callable
from typing import Any

from twinplane.data_plane.call import Access, Call, Request, ServiceError
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.services.organizations import store
from twinplane.data_plane.services.organizations.rules import ACCOUNT, ROOT, UNIT
from twinplane.data_plane.store import Document

_PAGE = 20


def organization_of(call: Call) -> Document:
    """The organization. Raises `ServiceError` AWSOrganizationsNotInUseException."""
    organization = store.find_organization(call.tx)
    if organization is None:
        raise ServiceError("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
    return organization


def get_node(call: Call, node_id: str, kinds: tuple[str, ...], error: str) -> Document:
    """The node with this id, if it is of these kinds. Raises `ServiceError(error)`."""
    organization_of(call)
    node = call.tx.find(store.NODES, node_id)
    if node is None or node["type"] not in kinds:
        raise ServiceError(error, f"You specified {node_id}, which does not exist in the organization.")
    call.resources.append({"ARN": node["Arn"], "type": f"AWS::Organizations::{_RECORD_TYPES[node['type']]}"})
    return node


_RECORD_TYPES = {ROOT: "Root", UNIT: "OrganizationalUnit", ACCOUNT: "Account"}


def arn(organization: Document, kind: str, *rest: str) -> str:
    """The ARN of something in the organization; the management account owns it all."""
    path = "/".join([kind, organization["Id"], *rest])
    return f"arn:aws:organizations::{organization['MasterAccountId']}:{path}"


def path_of(call: Call, node: Document) -> str:
    """Where a node is, from the organization's id down to its own."""
    levels = store.ancestry(call.tx, node["Id"])
    return "/".join([organization_of(call)["Id"], *(level["Id"] for level in levels), ""])


def unit_view(call: Call, node: Document) -> dict[str, Any]:
    return {**{member: node[member] for member in ("Id", "Arn", "Name")}, "Path": path_of(call, node)}


def account_view(call: Call, node: Document) -> dict[str, Any]:
    members = ("Id", "Arn", "Name", "Email", "Status", "JoinedMethod", "JoinedTimestamp")
    return {
        **{member: node[member] for member in members}, "State": node["Status"], "Paths": [path_of(call, node)],
    }  # fmt: skip


def listed(
    call: Call, request: Request, member: str, documents: list[Document], view: Callable[[Document], dict[str, Any]],
    key: str = "Id",
) -> dict[str, Any]:  # fmt: skip
    """One page of documents, in the order of their member `key`."""
    ordered = sorted(documents, key=lambda document: str(document[key]))

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return [d for d in ordered if after is None or d[key] > after[0]][:limit]

    found, token = page(
        call, request, fetch, lambda document: [document[key]], size="MaxResults", token="NextToken",  # noqa: S106
        default=_PAGE, most=_PAGE, error="InvalidInputException",
    )  # fmt: skip
    return {member: [view(document) for document in found], **({"NextToken": token} if token else {})}


def may(operation: str, member: str | None = None) -> Access:
    """Access by IAM policy to an operation on the node or policy that a request's member names."""
    action = f"organizations:{operation}"
    if member is None:
        return iam(action)

    def resource(call: Call, request: Request) -> str:
        found = call.tx.find(store.NODES, request[member]) or store.find_policy(call.tx, request[member])
        return "*" if found is None else str(found["Arn"])

    return iam(action, resource, shown=lambda _call, request: str(request[member]))
