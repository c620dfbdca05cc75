"""How a call of this service fetches, lists and answers people and groups."""

from collections.abc import Callable
from typing import Any

from twinplane.data_plane.call import Answer, Call, Request
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.identitystore import entities, store
from twinplane.data_plane.services.identitystore.entities import STAMPS, USER, Entity
from twinplane.data_plane.store import Document


def get(call: Call, entity: Entity, identifier: str) -> Document:
    """The document with this id or ARN, named in the call's record. Raises `ServiceError`."""
    document = entities.get(call.tx, entity, identifier)
    call.resources.append({"ARN": entity.arn(document[entity.id]), "type": f"AWS::IdentityStore::{entity.noun}"})
    return document


def page_of(
    call: Call, request: Request, fetch: Callable[[list[Any] | None, int], list[Document]], sort: tuple[str, ...]
) -> tuple[list[Document], dict[str, str]]:
    """One page of what `fetch` gives in the order of `sort`, and the member NextToken when more follow."""
    found, token = page(
        call, request, fetch, lambda document: [document[member] for member in sort],
        size="MaxResults", token="NextToken", default=100, most=100,  # noqa: S106
    )  # fmt: skip
    return found, ({"NextToken": token} if token else {})


def identified(call: Call, entity: Entity, document: Document) -> Answer:
    """Which one it is."""
    return {
        "IdentityStoreId": store.identity_store_id(call.plane), entity.id: document[entity.id],
        f"{entity.noun}Arn": entity.arn(document[entity.id]),
    }  # fmt: skip


def named(call: Call, entity: Entity, document: Document) -> Answer:
    """Which one it is, in which revision."""
    return {**identified(call, entity, document), "Revision": document["Revision"]}


def view(call: Call, entity: Entity, document: Document, extensions: list[str] | None = None) -> dict[str, Any]:
    """Everything the API shows of it; of the extensions those asked for."""
    members = {m: document[m] for m in (*entity.attributes, "ExternalIds", *STAMPS) if document.get(m) is not None}
    answer = {**named(call, entity, document), **members}
    if entity is USER:
        answer["UserStatus"] = document.get("UserStatus", "ENABLED")
        known = document.get("Extensions") or {}
        shown = {name: known[name] for name in extensions or () if name in known}
        if shown:
            answer["Extensions"] = shown
    return answer
