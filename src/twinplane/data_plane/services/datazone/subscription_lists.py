"""Lists of what lies between a publisher and a subscriber: requests, subscriptions, grants.

A caller sees what the projects she is in publish, what they, she and her groups subscribe to, and what she made. Each
of these is a stream that an index has in the wanted order, and a page merges the beginnings of the streams: its time
depends on the number of the caller's projects, not on how much there is.
"""

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import Any

from twinplane.data_plane.call import Call, Request
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import access, rights, store, subscribers
from twinplane.data_plane.store import Document, Kind, Transaction

Where = dict[str, Any]

_PAGE = 50
_ANCHORS: tuple[tuple[str, ...], ...] = (
    (), ("ownerProjectId",), ("subscriberKey",), ("createdBy",), ("listingId",), ("ownerProjectId", "subscriberKey"),
    ("subscriberKey", "listingId"), ("createdBy", "listingId"), ("createdBy", "subscriberKey"),
)  # fmt: skip
_NARROW = ("subscriptionId", "subscriptionRequestId")
"""Conditions that leave so few documents that all of them may be looked at."""


def indexes(*more: tuple[str, ...], status: bool) -> tuple[tuple[str, ...], ...]:
    """The indexes a kind needs for its lists, for these anchors besides the usual ones.

    `status`: lists are of one status.
    """
    middle = ("status",) if status else ()
    anchors = (*_ANCHORS, *more)
    return tuple(("domainId", *a, *middle, by, "id") for a in anchors for by in ("createdAt", "updatedAt"))


def list_page(
    call: Call, request: Request, kind: Kind, filters: dict[str, str], get: str
) -> tuple[list[Document], str | None]:
    """One page of what the caller may see, in the order the request asks for, and the token of the next.

    `filters`: a request's member to the column that it restricts; `get`: the operation whose right is to see one.
    """
    domain_id = request["domainIdentifier"]
    who = access.caller(call, domain_id)
    where: Where = {"domainId": domain_id, **subscribers.owner_filter(request)}
    where |= {column: request[member] for member, column in filters.items() if request.get(member)}
    by = "updatedAt" if request.get("sortBy") == "UPDATED_AT" else "createdAt"
    descending = request.get("sortOrder") != "ASCENDING"

    def place(document: Document) -> list[Any]:
        return [document[by], document["domainId"], document["id"]]

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        if any(column in where for column in _NARROW):
            return _narrow(call, who, kind, where, get, (by, descending), after)[:limit]
        streams = _streams(call.tx, who, kind, where, get)
        size = max(4, 2 * limit // len(streams)) if len(streams) > 1 else limit
        merged = heapq.merge(
            *(_follow(call.tx, kind, stream, by, descending, after, size) for stream in streams),
            key=place,
            reverse=descending,
        )
        return list(islice(_distinct(merged), limit))

    return page(call, request, fetch, place, default=_PAGE, most=_PAGE)


def _streams(tx: Transaction, who: access.Caller, kind: Kind, where: Where, get: str) -> list[Where]:
    """Conditions that together select what the caller may see of `where`."""
    right, domain_id = rights.RIGHTS[get], where["domainId"]
    projects = subscribers.projects_of(tx, domain_id, who)
    publishing = {p for p, held in projects.items() if not held.isdisjoint(right.members)}
    keys = subscribers.keys_of(who, [p for p, held in projects.items() if not held.isdisjoint(right.subscribers)])
    owner = where.get("ownerProjectId")
    if "listingId" in where:
        publisher = _publisher(tx, kind, where)
        if publisher is None or owner not in (None, publisher):
            return []
        owner, where = publisher, {column: value for column, value in where.items() if column != "ownerProjectId"}
    sees_all = owner in publishing
    key = where.get("subscriberKey")
    if "environmentId" in where:
        environment = tx.find(store.ENVIRONMENTS, domain_id, where["environmentId"]) or {}
        key = f"project:{environment.get('projectId')}"
    if sees_all or key in keys or (right.domain_owners and access.is_domain_admin(tx, domain_id, who)):
        return [where]
    found = [where | {"createdBy": who.id}] if right.creator else []
    if owner is None:
        found += [where | {"ownerProjectId": project} for project in sorted(publishing)]
    if key is None:
        found += [where | {"subscriberKey": own} for own in keys]
    return found


def _publisher(tx: Transaction, kind: Kind, where: Where) -> str | None:
    """The project whose listing the documents are of; None when there are none. The listing itself may be gone."""
    of_listing: Where = {column: where[column] for column in ("domainId", "listingId", "status") if column in where}
    found = tx.select(kind, of_listing, order=("createdAt",), limit=1)
    return str(found[0]["ownerProjectId"]) if found else None


def _follow(
    tx: Transaction, kind: Kind, where: Where, by: str, descending: bool, after: list[Any] | None, size: int
) -> Iterator[Document]:
    """The documents of a stream in order, read some at a time."""
    while True:
        rows = tx.select(kind, where, order=(by,), after=after, limit=size, descending=descending)
        yield from rows
        if len(rows) < size:
            return
        after = [rows[-1][by], rows[-1]["domainId"], rows[-1]["id"]]


def _distinct(documents: Iterator[Document]) -> Iterator[Document]:
    """Without those that come again: the same is in several streams, at the same place."""
    last = None
    for document in documents:
        if document["id"] != last:
            yield document
        last = document["id"]


def _narrow(
    call: Call, who: access.Caller, kind: Kind, where: Where, get: str, order: tuple[str, bool], after: list[Any] | None
) -> list[Document]:
    by, descending = order
    narrow = {column: where[column] for column in ("domainId", *_NARROW) if column in where}
    sides = subscribers.sides(call.tx, who)
    found = call.tx.select(kind, narrow, order=(by,), after=after, descending=descending)
    return [d for d in found if all(d.get(c) == v for c, v in where.items()) and sides.may(get, d)]
