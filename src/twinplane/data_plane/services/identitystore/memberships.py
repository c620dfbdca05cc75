"""Who is in which group."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Request
from twinplane.data_plane.services.identitystore import entities, store
from twinplane.data_plane.services.identitystore.answers import get, page_of
from twinplane.data_plane.services.identitystore.entities import GROUP, STAMPS, USER, bare, not_found
from twinplane.data_plane.services.identitystore.rules import invalid
from twinplane.data_plane.store import Document


def create_group_membership(call: Call, request: Request) -> Answer:
    group, user = get(call, GROUP, request["GroupId"]), get(call, USER, _member(request))
    made = entities.join(call.tx, group["GroupId"], user["UserId"], now=call.now, who=call.principal.arn)
    return _named(call, made)


def describe_group_membership(call: Call, request: Request) -> Answer:
    return _view(call, _get(call, request["MembershipId"]))


def get_group_membership_id(call: Call, request: Request) -> Answer:
    where = {"GroupId": bare(request["GroupId"]), "UserId": bare(_member(request))}
    membership = call.tx.first(store.MEMBERSHIPS, where)
    if membership is None:
        raise not_found("GROUP_MEMBERSHIP", f"{request['GroupId']}/{_member(request)}")
    return _named(call, membership)


def delete_group_membership(call: Call, request: Request) -> Answer:
    call.tx.remove(store.MEMBERSHIPS, _get(call, request["MembershipId"])["MembershipId"])
    return {}


def list_group_memberships(call: Call, request: Request) -> Answer:
    return _list(call, request, {"GroupId": get(call, GROUP, request["GroupId"])["GroupId"]})


def list_group_memberships_for_member(call: Call, request: Request) -> Answer:
    return _list(call, request, {"UserId": get(call, USER, _member(request))["UserId"]})


def is_member_in_groups(call: Call, request: Request) -> Answer:
    user_id = get(call, USER, _member(request))["UserId"]
    mine = set(store.group_ids(call.tx, user_id))
    return {
        "Results": [
            {"GroupId": group_id, "MemberId": {"UserId": user_id}, "MembershipExists": bare(group_id) in mine}
            for group_id in request["GroupIds"]
        ]
    }


def _get(call: Call, identifier: str) -> Document:
    membership = call.tx.find(store.MEMBERSHIPS, bare(identifier))
    if membership is None:
        raise not_found("GROUP_MEMBERSHIP", bare(identifier))
    return membership


def _member(request: Request) -> str:
    user_id = request["MemberId"].get("UserId")
    if not user_id:
        raise invalid("MemberId.UserId is required")
    return str(user_id)


def _list(call: Call, request: Request, where: dict[str, Any]) -> Answer:
    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return call.tx.select(store.MEMBERSHIPS, where, after=after, limit=limit)

    found, more = page_of(call, request, fetch, ("MembershipId",))
    return {"GroupMemberships": [_view(call, membership) for membership in found], **more}


def _named(call: Call, membership: Document) -> Answer:
    return {
        "IdentityStoreId": store.identity_store_id(call.plane), "MembershipId": membership["MembershipId"],
        "MembershipArn": f"arn:aws:identitystore:::membership/{membership['MembershipId']}",
    }  # fmt: skip


def _view(call: Call, membership: Document) -> dict[str, Any]:
    return {
        **_named(call, membership), "GroupId": membership["GroupId"],
        "MemberId": {"UserId": membership["UserId"]}, **{member: membership[member] for member in STAMPS},
    }  # fmt: skip
