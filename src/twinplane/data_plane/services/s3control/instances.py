"""The account's instance of S3 Access Grants, and its tie to the directory of people and groups."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.services.s3control import rules, store
from twinplane.data_plane.services.s3control.permissions import instance_arn, on_instance


def create_access_grants_instance(call: Call, request: Request) -> Answer:
    if call.tx.find(store.INSTANCES, store.INSTANCE_ID) is not None:
        raise ServiceError("AccessGrantsInstanceAlreadyExists", "Access Grants Instance already exists.", 409)
    if request.get("Tags"):
        raise ServiceError("NotImplemented", "Tags of S3 Access Grants are not served.", 501)
    instance: dict[str, Any] = {"AccessGrantsInstanceId": store.INSTANCE_ID, "CreatedAt": call.now}
    if request.get("IdentityCenterArn"):
        _check_identity_center(call, request["IdentityCenterArn"])
        instance["IdentityCenterInstanceArn"] = request["IdentityCenterArn"]
    return _described(call, call.tx.add(store.INSTANCES, instance))


def get_access_grants_instance(call: Call, _request: Request) -> Answer:
    return _described(call, store.get_instance(call.tx))


def list_access_grants_instances(call: Call, _request: Request) -> Answer:
    found = call.tx.find(store.INSTANCES, store.INSTANCE_ID)
    return {"AccessGrantsInstancesList": [] if found is None else [_described(call, found)]}


def get_access_grants_instance_for_prefix(call: Call, request: Request) -> Answer:
    store.get_instance(call.tx)
    rules.target_scope(request["S3Prefix"], to_object=False)
    return {"AccessGrantsInstanceArn": instance_arn(call), "AccessGrantsInstanceId": store.INSTANCE_ID}


def delete_access_grants_instance(call: Call, _request: Request) -> Answer:
    instance = store.get_instance(call.tx)
    if call.tx.first(store.LOCATIONS, {}) is not None or instance.get("IdentityCenterInstanceArn"):
        raise ServiceError(
            "AccessGrantsInstanceNotEmptyError",
            "Please clean up locations before deleting the access grants instance.",
            400,
        )
    call.tx.remove(store.INSTANCES, store.INSTANCE_ID)
    return {"_status": 204}


def associate_access_grants_identity_center(call: Call, request: Request) -> Answer:
    instance = store.get_instance(call.tx)
    _check_identity_center(call, request["IdentityCenterArn"])
    call.tx.put(store.INSTANCES, instance | {"IdentityCenterInstanceArn": request["IdentityCenterArn"]})
    return {}


def dissociate_access_grants_identity_center(call: Call, _request: Request) -> Answer:
    """Grants to people and groups stay, and give nothing, until an instance is associated again."""
    instance = store.get_instance(call.tx)
    call.tx.put(store.INSTANCES, instance | {"IdentityCenterInstanceArn": None})
    return {"_status": 204}


def _check_identity_center(call: Call, arn: str) -> None:
    if arn != identity_store.instance_arn(call.plane):
        raise ServiceError(
            "InvalidIdentityCenterInstance",
            "Must be one of the customer's IdC instance ARNs of the same region.",
            400,
        )


def _described(call: Call, instance: dict[str, Any]) -> Answer:
    shown = {name: value for name, value in instance.items() if value is not None}
    if "IdentityCenterInstanceArn" in shown:
        shown["IdentityCenterArn"] = shown["IdentityCenterInstanceArn"]
    return {**shown, "AccessGrantsInstanceArn": instance_arn(call)}


OPERATIONS: dict[str, Operation] = {
    "CreateAccessGrantsInstance": writes(create_access_grants_instance, on_instance("s3:CreateAccessGrantsInstance")),
    "GetAccessGrantsInstance": reads(get_access_grants_instance, on_instance("s3:GetAccessGrantsInstance")),
    "ListAccessGrantsInstances": reads(list_access_grants_instances, on_instance("s3:ListAccessGrantsInstances")),
    "GetAccessGrantsInstanceForPrefix": reads(
        get_access_grants_instance_for_prefix, on_instance("s3:GetAccessGrantsInstanceForPrefix")
    ),
    "DeleteAccessGrantsInstance": writes(delete_access_grants_instance, on_instance("s3:DeleteAccessGrantsInstance")),
    "AssociateAccessGrantsIdentityCenter": writes(
        associate_access_grants_identity_center, on_instance("s3:AssociateAccessGrantsIdentityCenter")
    ),
    "DissociateAccessGrantsIdentityCenter": writes(
        dissociate_access_grants_identity_center, on_instance("s3:DissociateAccessGrantsIdentityCenter")
    ),
}
