"""Notifications: what members of a project are told of, made in the transaction of the change itself.

They are derived where events are told (`events.tell`): a request for a subscription is a task for the publishing
project until it is decided or withdrawn; other moments are events for the project that they concern.
"""

import heapq
from typing import TYPE_CHECKING, Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import access, rights, store, subscribers
from twinplane.data_plane.store import Document, Kind, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

NOTIFICATIONS = Kind(
    "datazone_notification",
    key=("domainId", "id"),
    indexes=(
        ("domainId", "projectId", "stream", "createdAt", "id"),
        ("domainId", "projectId", "stream", "subject", "createdAt", "id"),
        ("domainId", "entityId", "stream"),
    ),
)
KINDS = [NOTIFICATIONS]

EVENT, ACTIVE, INACTIVE = "EVENT", "TASK ACTIVE", "TASK INACTIVE"  # streams: what a listing asks for
_END_OF_TIME = 1e12

_OF_THE_PROJECT = {
    "Project Creation Succeeded": "The project was created.",
    "Project Member Addition Succeeded": "A member was added to the project.",
    "Project Member Removal Succeeded": "A member was removed from the project.",
    "Project Member Role Change Succeeded": "The designation of a member of the project was changed.",
    "Project Owner Added With Override": "An owner was added to the project by who may override its owners.",
    "Environment Deployment Completed": "An environment of the project was deployed.",
    "Environment Deployment Failed": "The deployment of an environment of the project failed.",
    "Data Source Run Succeeded": "A run of a data source of the project succeeded.",
    "Data Source Run Failed": "A run of a data source of the project failed.",
}
_OF_THE_PUBLISHER = {"Subscription Cancelled": "A subscriber has ended a subscription to {what}."}
_OF_THE_SUBSCRIBER = {
    "Subscription Request Accepted": "The request for a subscription to {what} was accepted.",
    "Subscription Request Rejected": "The request for a subscription to {what} was rejected.",
    "Subscription Revoked": "The subscription to {what} was revoked by its publisher.",
    "Subscription Grant Completed": "Access by a subscription was granted.",
    "Subscription Grant Failed": "Access by a subscription could not be granted.",
    "Subscription Grant Revoke Completed": "Access by a subscription was taken back.",
    "Subscription Grant Revoke Failed": "Access by a subscription could not be taken back.",
}
_ENDS_TASK = ("Subscription Request Accepted", "Subscription Request Rejected", "Subscription Request Deleted")


def note(tx: Transaction, plane: "Plane", moment: str, about: Document, project_id: str | None) -> None:
    """Notifies whom `moment` (the detail type of the event) concerns; `project_id` owns what it is about."""
    if moment in _ENDS_TASK:
        settle(tx, about, plane.clock())
    if moment == "Subscription Request Created":
        message = "A subscription to {what} is requested: " + str(about["requestReason"])
        _add(tx, plane, moment, about, about["ownerProjectId"], ACTIVE, "PROJECT_OWNER", message)
    elif moment in _OF_THE_PROJECT:
        own = project_id or about.get("projectId")
        _add(tx, plane, moment, about, own, EVENT, "PROJECT_VIEWER", _OF_THE_PROJECT[moment])
    elif moment in _OF_THE_PUBLISHER:
        owner = about["ownerProjectId"]
        _add(tx, plane, moment, about, owner, EVENT, "PROJECT_VIEWER", _OF_THE_PUBLISHER[moment])
    elif moment in _OF_THE_SUBSCRIBER:
        _add(tx, plane, moment, about, _subscriber(about), EVENT, "PROJECT_SUBSCRIBER", _OF_THE_SUBSCRIBER[moment])


def settle(tx: Transaction, request: Document, now: float | None = None) -> None:
    """There is nothing more to do about a subscription request: it is decided, or gone."""
    for task in tx.select(
        NOTIFICATIONS, {"domainId": request["domainId"], "entityId": request["id"], "stream": ACTIVE}
    ):
        tx.put(NOTIFICATIONS, task | {"stream": INACTIVE, "updatedAt": now or task["updatedAt"]})


def forget(tx: Transaction, domain_id: str, project_id: str) -> None:
    """Removes the notifications of a project that goes."""
    while found := tx.select(NOTIFICATIONS, {"domainId": domain_id, "projectId": project_id}, limit=500):
        for notification in found:
            tx.remove(NOTIFICATIONS, domain_id, notification["id"])


def list_notifications(call: Call, request: Request) -> Answer:
    """What concerns the caller's projects, latest first. Tasks are for those of their members who may do them."""
    domain_id, tx = request["domainIdentifier"], call.tx
    who = access.require(call, domain_id)
    roles = subscribers.projects_of(tx, domain_id, who)
    asked = [
        {"domainId": domain_id, "projectId": project_id, "stream": stream, **subject}
        for project_id, held in sorted(roles.items())
        for stream in _streams(request)
        if stream == EVENT or not held.isdisjoint(rights.RIGHTS["AcceptSubscriptionRequest"].members)
        for subject in ([{"subject": s} for s in sorted(set(request["subjects"]))] if request.get("subjects") else [{}])
    ]
    since, until = request.get("afterTimestamp", -_END_OF_TIME), request.get("beforeTimestamp", _END_OF_TIME)

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        time, identifier = after or [until, ""]
        found = (
            tx.select(
                NOTIFICATIONS, where, order=("createdAt",), after=[time, domain_id, identifier], limit=limit,
                descending=True,
            )
            for where in asked
        )  # fmt: skip
        merged = heapq.merge(*found, key=lambda n: (n["createdAt"], n["id"]), reverse=True)
        return [n for n, _ in zip(merged, range(limit), strict=False) if n["createdAt"] > since]

    rows, token = page(call, request, fetch, lambda n: [n["createdAt"], n["id"]], most=50)
    shown = {"notifications": [_shown(tx, n) for n in rows]}
    return shown if token is None else shown | {"nextToken": token}


def _streams(request: Request) -> list[str]:
    status = request.get("taskStatus")
    if request["type"] == "EVENT":
        return [] if status else [EVENT]
    return [f"TASK {status}"] if status else [ACTIVE, INACTIVE]


def _subscriber(about: Document) -> str | None:
    """The subscribing project; None when it is a person, a group or a role that subscribes."""
    if "projectId" in about:  # a grant
        return None if about["projectId"] is None else str(about["projectId"])
    principal = about.get("subscribedPrincipal") or about["subscribedPrincipals"][0]
    return principal["project"]["id"] if "project" in principal else None


def _listing_name(about: Document) -> str:
    listing = about.get("subscribedListing") or (about.get("subscribedListings") or [{}])[0]
    return str(listing.get("name") or "a listing")


def _add(
    tx: Transaction, plane: "Plane", moment: str, about: Document, project_id: str | None, stream: str, role: str,
    message: str,
) -> None:  # fmt: skip
    if project_id is None or tx.find(store.PROJECTS, about["domainId"], project_id) is None:
        return
    now = plane.clock()
    document = {
        "domainId": about["domainId"], "id": new_id(), "projectId": project_id, "stream": stream, "subject": moment,
        "role": role, "message": message.replace("{what}", _listing_name(about))[:16384], "entityId": about["id"],
        "createdAt": now, "updatedAt": now,
    }  # fmt: skip
    tx.add(NOTIFICATIONS, document)


def _shown(tx: Transaction, notification: Document) -> Answer:
    domain_id, project_id = notification["domainId"], notification["projectId"]
    kind, _, status = notification["stream"].partition(" ")
    project, portal = store.get_project(tx, domain_id, project_id), store.get_domain(tx, domain_id)["portalUrl"]
    shown: Answer = {
        "identifier": notification["id"], "domainIdentifier": domain_id, "type": kind,
        "topic": {
            "subject": notification["subject"], "role": notification["role"],
            "resource": {"type": "PROJECT", "id": project_id, "name": project["name"]},
        },
        "title": notification["subject"], "message": notification["message"],
        "actionLink": f"{portal}/projects/{project_id}", "creationTimestamp": notification["createdAt"],
        "lastUpdatedTimestamp": notification["updatedAt"], "metadata": {"entityId": notification["entityId"]},
    }  # fmt: skip
    return shown | ({"status": status} if status else {})


OPERATIONS: dict[str, Operation] = {
    "ListNotifications": reads(list_notifications, access.allowed("ListNotifications")),
}

NOTES = {
    "ListNotifications": "Of projects only: a person, group or role that subscribes for itself is not notified, "
    "because a notification's topic names a project. Notifications are kept until their project is deleted.",
}

ASSUMED = {
    "ListNotifications": "The subject and title are the detail type of the EventBridge event; a task is for members "
    "who may accept the request and becomes INACTIVE when it is accepted, rejected or deleted; an event is for every "
    "member of the project; neither time is included; the latest comes first.",
}
