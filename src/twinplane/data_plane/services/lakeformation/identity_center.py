"""Lake Formation's application in IAM Identity Center: that people and groups can have permissions."""

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.identitystore import store as identitystore
from twinplane.data_plane.services.lakeformation import access, store
from twinplane.data_plane.services.lakeformation.access import check_catalog, invalid

_MEMBERS = ("ExternalFiltering", "ShareRecipients", "ServiceIntegrations")


def create_lake_formation_identity_center_configuration(call: Call, request: Request) -> Answer:
    """Lets people and groups of IAM Identity Center be principals of grants."""
    check_catalog(call, request.get("CatalogId"))
    access.check_admin(call, "catalog")
    if call.tx.find(store.IDENTITY_CENTER, "configuration") is not None:
        raise ServiceError("AlreadyExistsException", "Lake Formation Identity Center configuration already exists")
    instance = request.get("InstanceArn") or ""
    if instance != identitystore.instance_arn(call.plane):
        raise invalid("InstanceArn is not an IAM Identity Center instance of this account")
    number = call.plane.keys.derive("lake formation application").hex()[:16]
    arn = f"arn:aws:sso::{call.account_id}:application/{instance.rpartition('/')[2]}/apl-{number}"
    kept = {member: request[member] for member in _MEMBERS if request.get(member) is not None}
    call.tx.put(
        store.IDENTITY_CENTER, {"id": "configuration", "InstanceArn": instance, "ApplicationArn": arn, **kept}
    )  # fmt: skip
    return {"ApplicationArn": arn}


def describe_lake_formation_identity_center_configuration(call: Call, request: Request) -> Answer:
    """The Identity Center configuration."""
    check_catalog(call, request.get("CatalogId"))
    found = call.tx.find(store.IDENTITY_CENTER, "configuration")
    if found is None:
        raise _no_identity_center()
    return {"CatalogId": call.account_id} | {k: v for k, v in found.items() if k not in ("id", "ApplicationStatus")}


def update_lake_formation_identity_center_configuration(call: Call, request: Request) -> Answer:
    """Replaces the members that are given. While the application is disabled, people and groups have no permissions."""
    check_catalog(call, request.get("CatalogId"))
    access.check_admin(call, "catalog")
    found = call.tx.find(store.IDENTITY_CENTER, "configuration")
    if found is None:
        raise _no_identity_center()
    given = {member: request[member] for member in (*_MEMBERS, "ApplicationStatus") if request.get(member) is not None}
    call.tx.put(store.IDENTITY_CENTER, found | given)
    return {}


def delete_lake_formation_identity_center_configuration(call: Call, request: Request) -> Answer:
    """Removes the Identity Center configuration."""
    check_catalog(call, request.get("CatalogId"))
    access.check_admin(call, "catalog")
    if not call.tx.remove(store.IDENTITY_CENTER, "configuration"):
        raise _no_identity_center()
    return {}


def _no_identity_center() -> ServiceError:
    return ServiceError("EntityNotFoundException", "Lake Formation Identity Center configuration not found")
