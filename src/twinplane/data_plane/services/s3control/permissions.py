"""Who may manage grants: IAM's actions on the instance, its locations and its grants."""

from twinplane.data_plane.call import Access, Call, Request, ServiceError
from twinplane.data_plane.services.iam.rules import require


def instance_arn(call: Call) -> str:
    return f"arn:aws:s3:{call.region}:{call.account_id}:access-grants/default"


def location_arn(call: Call, location_id: str) -> str:
    return f"{instance_arn(call)}/location/{location_id}"


def grant_arn(call: Call, grant_id: str) -> str:
    return f"{instance_arn(call)}/grant/{grant_id}"


def on_instance(action: str) -> Access:
    """Access by `action` on the account's instance."""

    def access(call: Call, request: Request) -> None:
        _check_account(call, request)
        require(call, action, instance_arn(call))

    return access


def on_location(action: str) -> Access:
    """Access by `action` on the location that the request names."""

    def access(call: Call, request: Request) -> None:
        _check_account(call, request)
        require(call, action, location_arn(call, request["AccessGrantsLocationId"]))

    return access


def on_grant(action: str) -> Access:
    """Access by `action` on the grant that the request names."""

    def access(call: Call, request: Request) -> None:
        _check_account(call, request)
        require(call, action, grant_arn(call, request["AccessGrantId"]))

    return access


def _check_account(call: Call, request: Request) -> None:
    if request["AccountId"] != call.account_id:
        raise ServiceError("AccessDenied", "Access Denied", 403)
