"""Access keys of users. Their secrets are derived, never stored: see `store.access_key_secret`."""

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads, writes
from twinplane.data_plane.services.cloudtrail.rules import Lookup
from twinplane.data_plane.services.cloudtrail.store import find_events
from twinplane.data_plane.services.iam import store
from twinplane.data_plane.services.iam.entities import USER, no_such, page_of_list, quota
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.store import Document

MOST_ACCESS_KEYS = 2


def create_access_key(call: Call, request: Request) -> Answer:
    user = USER.get(call, request)
    count = call.tx.count(store.ACCESS_KEYS, {"UserName": user["UserName"]})
    quota(count + 1, MOST_ACCESS_KEYS, "AccessKeysPerUser")
    key = store.new_access_key(call.tx, user["UserName"], call.now)
    return {"AccessKey": key | {"SecretAccessKey": store.access_key_secret(call.plane, key["AccessKeyId"])}}


def list_access_keys(call: Call, request: Request) -> Answer:
    keys = call.tx.select(store.ACCESS_KEYS, {"UserName": USER.get(call, request)["UserName"]})
    found, more = page_of_list(call, request, keys, "AccessKeyId")
    return {"AccessKeyMetadata": found, **more}


def update_access_key(call: Call, request: Request) -> Answer:
    call.tx.put(store.ACCESS_KEYS, _get(call, request) | {"Status": request["Status"]})
    return {}


def delete_access_key(call: Call, request: Request) -> Answer:
    call.tx.remove(store.ACCESS_KEYS, _get(call, request)["AccessKeyId"])
    return {}


def get_access_key_last_used(call: Call, request: Request) -> Answer:
    """When a key last signed a call, as far as CloudTrail's events are indexed and kept."""
    key = store.find_access_key(call.tx, request["AccessKeyId"])
    if key is None:
        raise no_such(f"The Access Key with id {request['AccessKeyId']} cannot be found.")
    lookup = Lookup(0.0, call.now, "access_key_id", key["AccessKeyId"])
    events = find_events(call.tx, lookup, None, 1)
    used = {"ServiceName": "N/A", "Region": "N/A"}
    if events:
        service = events[0]["event_source"].partition(".")[0]
        used = {"LastUsedDate": events[0]["time"], "ServiceName": service, "Region": call.region}
    return {"UserName": key["UserName"], "AccessKeyLastUsed": used}


def _get(call: Call, request: Request) -> Document:
    user = USER.get(call, request)
    key = store.find_access_key(call.tx, request["AccessKeyId"])
    if key is None or key["UserName"] != user["UserName"]:
        raise no_such(f"The Access Key with id {request['AccessKeyId']} cannot be found.")
    return key


def _users_arn(call: Call, request: Request) -> str:
    key = store.find_access_key(call.tx, request["AccessKeyId"])
    user = None if key is None else store.find_user(call.tx, key["UserName"])
    return "*" if user is None else str(user["Arn"])


OPERATIONS: dict[str, Operation] = {
    "CreateAccessKey": writes(create_access_key, USER.may("CreateAccessKey")),
    "ListAccessKeys": reads(list_access_keys, USER.may("ListAccessKeys")),
    "UpdateAccessKey": writes(update_access_key, USER.may("UpdateAccessKey")),
    "DeleteAccessKey": writes(delete_access_key, USER.may("DeleteAccessKey")),
    "GetAccessKeyLastUsed": reads(
        get_access_key_last_used,
        iam("iam:GetAccessKeyLastUsed", _users_arn, shown=lambda _call, request: str(request["AccessKeyId"])),
    ),
}
