"""Locations that S3 Access Grants may give access to, and the grants of what lies below them."""

import uuid
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.pages import Fetch, page
from twinplane.data_plane.services.iam import store as iam_store
from twinplane.data_plane.services.iam.policy import compile_policy
from twinplane.data_plane.services.iam.rules import require_pass_role
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.services.s3.store import find_bucket
from twinplane.data_plane.services.s3control import rules, store
from twinplane.data_plane.services.s3control.permissions import (
    grant_arn,
    instance_arn,
    location_arn,
    on_grant,
    on_instance,
    on_location,
)
from twinplane.data_plane.services.s3control.trust import trust_context
from twinplane.data_plane.store import AlreadyExists, Document


def _page(call: Call, request: Request, fetch: Fetch, id_member: str) -> tuple[list[Document], str | None]:
    return page(
        call, request, fetch, lambda document: [document[id_member]],
        size="MaxResults", token="NextToken", default=1000, error="InvalidRequest",  # noqa: S106 - a member's name
    )  # fmt: skip


def create_access_grants_location(call: Call, request: Request) -> Answer:
    store.get_instance(call.tx)
    _refuse_tags(request)
    scope = rules.location_scope(request["LocationScope"])
    if scope != rules.DEFAULT_SCOPE and find_bucket(call.tx, scope.split("/")[2]) is None:
        raise ServiceError("InvalidAccessGrantsLocation", "The specified S3 Prefix is invalid", 400)
    _check_role(call, request["IAMRoleArn"])
    location = {
        "AccessGrantsLocationId": "default" if scope == rules.DEFAULT_SCOPE else str(uuid.uuid4()),
        "LocationScope": scope,
        "IAMRoleArn": request["IAMRoleArn"],
        "CreatedAt": call.now,
    }
    try:
        return _location(call, call.tx.add(store.LOCATIONS, location))
    except AlreadyExists:
        raise ServiceError(
            "AccessGrantsLocationAlreadyExistsError", "The specified access grants location already exists.", 409
        ) from None


def get_access_grants_location(call: Call, request: Request) -> Answer:
    return _location(call, store.get_location(call.tx, request["AccessGrantsLocationId"]))


def list_access_grants_locations(call: Call, request: Request) -> Answer:
    store.get_instance(call.tx)
    where = {"LocationScope": request["LocationScope"]} if request.get("LocationScope") else {}
    found, token = _page(
        call,
        request,
        lambda after, limit: call.tx.select(store.LOCATIONS, where, after=after, limit=limit),
        "AccessGrantsLocationId",
    )
    listed = [_location(call, location) for location in found]
    return {"AccessGrantsLocationsList": listed, **({"NextToken": token} if token else {})}


def update_access_grants_location(call: Call, request: Request) -> Answer:
    location = store.get_location(call.tx, request["AccessGrantsLocationId"])
    _check_role(call, request["IAMRoleArn"])
    return _location(call, call.tx.put(store.LOCATIONS, location | {"IAMRoleArn": request["IAMRoleArn"]}))


def delete_access_grants_location(call: Call, request: Request) -> Answer:
    location_id = store.get_location(call.tx, request["AccessGrantsLocationId"])["AccessGrantsLocationId"]
    if call.tx.first(store.GRANTS, {"AccessGrantsLocationId": location_id}) is not None:
        raise ServiceError(
            "AccessGrantsLocationNotEmptyError",
            "Please clean up access grants before deleting access grants location.",
            400,
        )
    call.tx.remove(store.LOCATIONS, location_id)
    return {"_status": 204}


def _check_role(call: Call, arn: str) -> None:
    """The caller hands the role to the service, whose role it must be willing to be."""
    require_pass_role(call, arn, rules.SERVICE)
    role = iam_store.find_role_by_arn(call.tx, arn)
    if role is None or not rules.lets_access_grants_in(
        compile_policy(role["AssumeRolePolicyDocument"], "trust"), ("sts:AssumeRole",), trust_context(call)
    ):
        raise ServiceError("InvalidIamRole", "The specified IAM Role is invalid.", 400)


def _location(call: Call, location: Document) -> dict[str, Any]:
    return {**location, "AccessGrantsLocationArn": location_arn(call, location["AccessGrantsLocationId"])}


# Grants


def create_access_grant(call: Call, request: Request) -> Answer:
    instance = store.get_instance(call.tx)
    _refuse_tags(request)
    if request.get("ApplicationArn"):
        raise ServiceError("NotImplemented", "Grants to one application are not served.", 501)
    location = store.get_location(call.tx, request["AccessGrantsLocationId"])
    _check_grantee(call, instance, request["Grantee"])
    configuration = request.get("AccessGrantsLocationConfiguration")
    scope = rules.grant_scope(
        location["LocationScope"],
        (configuration or {}).get("S3SubPrefix"),
        to_object=request.get("S3PrefixType") == "Object",
    )
    grant = {
        "AccessGrantId": str(uuid.uuid4()),
        "AccessGrantsLocationId": location["AccessGrantsLocationId"],
        "AccessGrantsLocationConfiguration": configuration,
        "Grantee": request["Grantee"],
        "grantee_type": request["Grantee"]["GranteeType"],
        "grantee_id": request["Grantee"]["GranteeIdentifier"],
        "Permission": request["Permission"],
        "GrantScope": scope,
        "CreatedAt": call.now,
    }
    try:
        return grant_members(call, call.tx.add(store.GRANTS, grant))
    except AlreadyExists:
        raise ServiceError("AccessGrantAlreadyExists", "The specified access grant already exists.", 409) from None


def _check_grantee(call: Call, instance: Document, grantee: dict[str, str]) -> None:
    kind, name = grantee.get("GranteeType"), grantee.get("GranteeIdentifier") or ""
    if kind == "IAM":
        if not name.startswith(f"arn:aws:iam::{call.account_id}:"):
            raise ServiceError("InvalidAccessGrant", "The grantee must be an IAM user or role of this account", 400)
        return
    if instance.get("IdentityCenterInstanceArn") is None:
        raise ServiceError(
            "InvalidAccessGrant",
            "The access grants instance must be associated with an identity center instance",
            400,
        )
    find = identity_store.get_user if kind == "DIRECTORY_USER" else identity_store.get_group
    if find(call.tx, name) is None:
        raise ServiceError("InvalidAccessGrant", "The grantee is not in the directory", 400)


def get_access_grant(call: Call, request: Request) -> Answer:
    return grant_members(call, store.get_grant(call.tx, request["AccessGrantId"]))


def list_access_grants(call: Call, request: Request) -> Answer:
    store.get_instance(call.tx)
    columns = {
        "grantee_type": "GranteeType", "grantee_id": "GranteeIdentifier", "Permission": "Permission",
        "GrantScope": "GrantScope",
    }  # fmt: skip
    where = {column: request[member] for column, member in columns.items() if request.get(member)}
    found, token = _page(
        call,
        request,
        lambda after, limit: call.tx.select(store.GRANTS, where, after=after, limit=limit),
        "AccessGrantId",
    )
    listed = [grant_members(call, grant) for grant in found]
    return {"AccessGrantsList": listed, **({"NextToken": token} if token else {})}


def delete_access_grant(call: Call, request: Request) -> Answer:
    """Nothing is vended by it any more; what was vended before ends with its own time, as on AWS."""
    call.tx.remove(store.GRANTS, store.get_grant(call.tx, request["AccessGrantId"])["AccessGrantId"])
    return {"_status": 204}


def grant_members(call: Call, grant: Document) -> dict[str, Any]:
    """A grant as AWS describes it."""
    hidden = ("grantee_type", "grantee_id")
    shown = {name: value for name, value in grant.items() if name not in hidden and value is not None}
    return {**shown, "AccessGrantArn": grant_arn(call, grant["AccessGrantId"])}


def _refuse_tags(request: Request) -> None:
    if request.get("Tags"):
        raise ServiceError("NotImplemented", "Tags of S3 Access Grants are not served.", 501)


def caller_grants(call: Call) -> list[Document]:
    """The grants to whoever calls: to the IAM user or role, and to the person it acts for and her groups."""
    instance = store.get_instance(call.tx)
    found = call.tx.select(store.GRANTS, {"grantee_type": "IAM", "grantee_id": call.principal.iam_arn})
    person = call.principal.on_behalf_of
    if person is not None and instance.get("IdentityCenterInstanceArn") is not None:
        found += call.tx.select(store.GRANTS, {"grantee_type": "DIRECTORY_USER", "grantee_id": person})
        groups = identity_store.group_ids(call.tx, person)
        if groups:
            found += call.tx.select(store.GRANTS, {"grantee_type": "DIRECTORY_GROUP", "grantee_id": groups})
    return found


def list_caller_access_grants(call: Call, request: Request) -> Answer:
    wanted = request.get("GrantScope") or ""
    mine = sorted(caller_grants(call), key=lambda grant: str(grant["AccessGrantId"]))
    mine = [grant for grant in mine if grant["GrantScope"].startswith(wanted)]
    found, token = _page(
        call,
        request,
        lambda after, limit: [g for g in mine if after is None or g["AccessGrantId"] > after[0]][:limit],
        "AccessGrantId",
    )
    listed = [
        {
            "Permission": grant["Permission"],
            "GrantScope": grant["GrantScope"],
            "AccessGrantsInstanceArn": instance_arn(call),
        }
        for grant in found
    ]
    return {"CallerAccessGrantsList": listed, **({"NextToken": token} if token else {})}


OPERATIONS: dict[str, Operation] = {
    "CreateAccessGrantsLocation": writes(create_access_grants_location, on_instance("s3:CreateAccessGrantsLocation")),
    "GetAccessGrantsLocation": reads(get_access_grants_location, on_location("s3:GetAccessGrantsLocation")),
    "ListAccessGrantsLocations": reads(list_access_grants_locations, on_instance("s3:ListAccessGrantsLocations")),
    "UpdateAccessGrantsLocation": writes(update_access_grants_location, on_location("s3:UpdateAccessGrantsLocation")),
    "DeleteAccessGrantsLocation": writes(delete_access_grants_location, on_location("s3:DeleteAccessGrantsLocation")),
    "CreateAccessGrant": writes(create_access_grant, on_location("s3:CreateAccessGrant")),
    "GetAccessGrant": reads(get_access_grant, on_grant("s3:GetAccessGrant")),
    "ListAccessGrants": reads(list_access_grants, on_instance("s3:ListAccessGrants")),
    "DeleteAccessGrant": writes(delete_access_grant, on_grant("s3:DeleteAccessGrant")),
    "ListCallerAccessGrants": reads(list_caller_access_grants, on_instance("s3:ListCallerAccessGrants")),
}
