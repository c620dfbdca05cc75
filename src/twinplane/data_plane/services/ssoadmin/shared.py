"""What the operations of this service have in common: the one instance, finding things, pages, tags."""

from typing import Any

from twinplane.data_plane.call import Access, Call, Request, ServiceError
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.services.ssoadmin import store
from twinplane.data_plane.services.ssoadmin.rules import checked_tags
from twinplane.data_plane.store import Document, Kind


def check_instance(call: Call, request: Request) -> None:
    """Raises `ServiceError` AccessDeniedException unless the request is about the plane's own instance."""
    if request["InstanceArn"] != identity_store.instance_arn(call.plane):
        raise ServiceError("AccessDeniedException", f"There is no access to the instance {request['InstanceArn']}.")


def instance_id(call: Call) -> str:
    """The part of ARNs that names the instance."""
    return identity_store.instance_arn(call.plane).rpartition("/")[2]


def check_principal(call: Call, kind: str, principal_id: str) -> None:
    """Raises `ServiceError` ResourceNotFoundException unless there is this USER or GROUP."""
    find = identity_store.get_user if kind == "USER" else identity_store.get_group
    if find(call.tx, principal_id) is None:
        raise not_found(f"There is no {kind} {principal_id}.")


def page_of(
    call: Call, request: Request, kind: Kind, where: dict[str, Any] | None = None, order: tuple[str, ...] = ()
) -> tuple[list[Document], dict[str, str]]:
    """One page of the documents, and the member NextToken when more follow."""
    sort = tuple(dict.fromkeys((*order, *kind.key)))
    found, token = page(
        call, request, lambda after, limit: call.tx.select(kind, where, order=order, after=after, limit=limit),
        lambda document: [document[member] for member in sort],
        size="MaxResults", token="NextToken", most=100,  # noqa: S106
    )  # fmt: skip
    return found, ({"NextToken": token} if token else {})


def page_of_list(
    call: Call, request: Request, items: list[Document], member: str
) -> tuple[list[Document], dict[str, str]]:
    """One page of a short list, in the order of `member`."""
    items = sorted(items, key=lambda item: str(item[member]))

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return [item for item in items if after is None or item[member] > after[0]][:limit]

    found, token = page(
        call, request, fetch, lambda item: [item[member]], size="MaxResults", token="NextToken", most=100,  # noqa: S106
    )  # fmt: skip
    return found, ({"NextToken": token} if token else {})


def tag_new(call: Call, arn: str, request: Request) -> None:
    """Gives a new resource the tags of the request that made it."""
    store.put_tags(call.tx, arn, checked_tags(request.get("Tags") or []))


def name_resource(call: Call, arn: str, kind: str) -> None:
    """Names a resource in the call's record."""
    call.resources.append({"ARN": arn, "type": f"AWS::SSO::{kind}"})


def not_found(message: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", message)


def conflict(message: str) -> ServiceError:
    return ServiceError("ConflictException", message)


def on(action: str, *members: str) -> Access:
    """Access by IAM to everything that these members of the request name; policies may ask for its tags."""

    def resources(_call: Call, request: Request) -> list[str]:
        named = [str(request[member]) for member in members if request.get(member)]
        return [f"arn:aws:sso:::account/{each}" if each.isdigit() else each for each in named] or ["*"]

    def tags(call: Call, request: Request) -> dict[str, str]:
        arn = str(request.get(members[-1]) or "") if members else ""
        return {f"aws:ResourceTag/{key}": value for key, value in store.tags_of(call.tx, arn).items()} if arn else {}

    return iam(f"sso:{action}", resources, tags)
