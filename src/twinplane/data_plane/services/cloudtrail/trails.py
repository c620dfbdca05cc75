"""Trails: what is recorded, written to a bucket."""

import base64
from typing import Any

from twinplane.data_plane.call import Access, Answer, Call, Operation, Request, ServiceError, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.cloudtrail import store, trail_delivery, trail_files
from twinplane.data_plane.services.cloudtrail.trail_delivery import KEYS, TRAILS, bucket_lets_in
from twinplane.data_plane.services.iam.rules import iam, require
from twinplane.data_plane.services.s3 import store as s3
from twinplane.data_plane.store import Document

_ALL_MANAGEMENT = [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [],
                    "ExcludeManagementEventSources": []}]  # fmt: skip
_NOT_SERVED = ("SnsTopicName", "CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn", "KmsKeyId", "IsOrganizationTrail")
_MOST_TRAILS = 5


def _arn(call: Call, name: str) -> str:
    return f"arn:aws:cloudtrail:{call.region}:{call.account_id}:trail/{name}"


def _name(call: Call, given: str) -> str:
    """The trail that a name or an ARN means. Raises `CloudTrailARNInvalidException`."""
    if not given.startswith("arn:"):
        return given
    name = given.rpartition("/")[2]
    if given != _arn(call, name):
        raise ServiceError("CloudTrailARNInvalidException", f"{given} is not the ARN of a trail here.")
    return name


def _get(call: Call, given: str) -> Document:
    """Raises `TrailNotFoundException`."""
    name = _name(call, given)
    trail = call.tx.find(TRAILS, name)
    if trail is None:
        raise ServiceError(
            "TrailNotFoundException", f"Unknown trail: {_arn(call, name)} for the user: {call.account_id}"
        )
    return trail


def create_trail(call: Call, request: Request) -> Answer:
    name = request["Name"]
    trail_files.check_name(name)
    if call.tx.find(TRAILS, name) is not None:
        raise ServiceError("TrailAlreadyExistsException", f"Trail {name} already exists.")
    if len(call.tx.select(TRAILS)) >= _MOST_TRAILS:
        raise ServiceError("MaximumNumberOfTrailsExceededException", f"There are {_MOST_TRAILS} trails already.")
    trail = {
        "name": name, "arn": _arn(call, name), "bucket": request["S3BucketName"], "prefix": "", "validated": False,
        "global": True, "multi_region": False, "selectors": _ALL_MANAGEMENT, "logging": False, "stamp": new_id(12),
        "delivered": 0, "files": [], "digest": {"end": call.now}, "delivered_at": None, "error": None,
        "tags": {tag["Key"]: tag.get("Value", "") for tag in request.get("TagsList") or []},
    }  # fmt: skip
    return _put(call, trail, request)


def update_trail(call: Call, request: Request) -> Answer:
    return _put(call, _get(call, request["Name"]), request)


def _put(call: Call, trail: Document, request: Request) -> Answer:
    strange = next((member for member in _NOT_SERVED if request.get(member)), None)
    if strange is not None:
        raise ServiceError("NotImplemented", f"{strange} of a trail is not served.", 501)
    for member, name in (
        ("S3BucketName", "bucket"), ("EnableLogFileValidation", "validated"), ("IncludeGlobalServiceEvents", "global"),
        ("IsMultiRegionTrail", "multi_region"),
    ):  # fmt: skip
        if request.get(member) is not None:
            trail[name] = request[member]
    if request.get("S3KeyPrefix") is not None:
        if len(request["S3KeyPrefix"]) > 200:
            raise ServiceError("InvalidS3PrefixException", "The prefix must not be longer than 200 characters.")
        trail["prefix"] = f"{request['S3KeyPrefix'].strip('/')}/" if request["S3KeyPrefix"].strip("/") else ""
    if s3.find_bucket(call.tx, trail["bucket"]) is None:
        raise ServiceError("S3BucketDoesNotExistException", f"S3 bucket {trail['bucket']} does not exist!")
    if not bucket_lets_in(call.tx, trail, call.account_id, call.region):
        raise ServiceError(
            "InsufficientS3BucketPolicyException",
            f"Incorrect S3 bucket policy is detected for bucket: {trail['bucket']}",
        )
    call.tx.put(TRAILS, trail)
    view = _view(trail)
    return {member: view[member] for member in view if member not in ("HomeRegion", "HasCustomEventSelectors",
            "HasInsightSelectors")}  # fmt: skip


def _view(trail: Document) -> Answer:
    view = {
        "Name": trail["name"], "TrailARN": trail["arn"], "S3BucketName": trail["bucket"],
        "S3KeyPrefix": trail["prefix"].rstrip("/"), "IncludeGlobalServiceEvents": trail["global"],
        "IsMultiRegionTrail": trail["multi_region"], "LogFileValidationEnabled": trail["validated"],
        "IsOrganizationTrail": False, "HomeRegion": trail["arn"].split(":")[3],
        "HasCustomEventSelectors": trail["selectors"] != _ALL_MANAGEMENT, "HasInsightSelectors": False,
    }  # fmt: skip
    return {member: value for member, value in view.items() if value not in (None, "")}


def delete_trail(call: Call, request: Request) -> Answer:
    """Deletes a trail; the files it wrote stay."""
    call.tx.remove(TRAILS, _get(call, request["Name"])["name"])
    return {}


def get_trail(call: Call, request: Request) -> Answer:
    return {"Trail": _view(_get(call, request["Name"]))}


def describe_trails(call: Call, request: Request) -> Answer:
    """The trails named, or all; like AWS it leaves out what is not there."""
    wanted = {_name(call, given) for given in request.get("trailNameList") or []}
    found = [trail for trail in call.tx.select(TRAILS) if not wanted or trail["name"] in wanted]
    return {"trailList": [_view(trail) for trail in found]}


def list_trails(call: Call, request: Request) -> Answer:
    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return call.tx.select(TRAILS, after=after, limit=limit)

    found, token = page(
        call, request, fetch, lambda trail: [trail["name"]],
        size="MaxResults", token="NextToken", error="InvalidNextTokenException",  # noqa: S106
    )  # fmt: skip
    views = [{"TrailARN": t["arn"], "Name": t["name"], "HomeRegion": call.region} for t in found]
    return {"Trails": views} | ({"NextToken": token} if token else {})


# Logging


def start_logging(call: Call, request: Request) -> Answer:
    """Writes down what is recorded from now on."""
    trail = _get(call, request["Name"])
    if not trail["logging"]:
        trail |= {
            "logging": True, "started_at": call.now, "stamp": new_id(12), "delivered": store.newest(call.tx),
            "digest": trail["digest"] | {"end": call.now},
        }  # fmt: skip
        call.tx.put(TRAILS, trail)
        trail_delivery.ask(call.tx, call.plane, trail, call.now + 5)
    return {}


def stop_logging(call: Call, request: Request) -> Answer:
    """Writes down what is left, with its digest, and then nothing more."""
    trail = _get(call, request["Name"])
    if trail["logging"]:
        trail |= {"logging": False, "stopped_at": call.now, "stamp": new_id(12)}
        call.tx.put(TRAILS, trail)
        trail_delivery.ask(call.tx, call.plane, trail)
    return {}


def get_trail_status(call: Call, request: Request) -> Answer:
    trail = _get(call, request["Name"])
    status = {
        "IsLogging": trail["logging"], "LatestDeliveryTime": trail["delivered_at"],
        "LatestDeliveryError": trail["error"], "StartLoggingTime": trail.get("started_at"),
        "StopLoggingTime": trail.get("stopped_at"), "LatestDigestDeliveryTime": trail.get("digested_at"),
        "TimeLoggingStarted": store.iso(trail["started_at"]) if trail.get("started_at") else None,
        "TimeLoggingStopped": store.iso(trail["stopped_at"]) if trail.get("stopped_at") else None,
    }  # fmt: skip
    return {member: value for member, value in status.items() if value is not None}


def put_event_selectors(call: Call, request: Request) -> Answer:
    trail, selectors = _get(call, request["TrailName"]), request.get("EventSelectors")
    if request.get("AdvancedEventSelectors"):
        raise ServiceError("NotImplemented", "Advanced event selectors are not served; event selectors are.", 501)
    if not selectors or len(selectors) > 5:
        raise ServiceError("InvalidEventSelectorsException", "A trail has 1 to 5 event selectors.")
    kinds = {resource.get("Type") for selector in selectors for resource in selector.get("DataResources") or []}
    if kinds - {"AWS::S3::Object"}:
        raise ServiceError("NotImplemented", "Data resources other than AWS::S3::Object are not served.", 501)
    call.tx.put(TRAILS, trail | {"selectors": selectors})
    return {"TrailARN": trail["arn"], "EventSelectors": selectors}


def get_event_selectors(call: Call, request: Request) -> Answer:
    trail = _get(call, request["TrailName"])
    return {"TrailARN": trail["arn"], "EventSelectors": trail["selectors"]}


# Tags and keys


def add_tags(call: Call, request: Request) -> Answer:
    trail = _get(call, request["ResourceId"])
    given = {tag["Key"]: tag.get("Value", "") for tag in request["TagsList"]}
    call.tx.put(TRAILS, trail | {"tags": trail["tags"] | given})
    return {}


def remove_tags(call: Call, request: Request) -> Answer:
    trail = _get(call, request["ResourceId"])
    gone = {tag["Key"] for tag in request["TagsList"]}
    call.tx.put(TRAILS, trail | {"tags": {key: value for key, value in trail["tags"].items() if key not in gone}})
    return {}


def list_tags(call: Call, request: Request) -> Answer:
    found = [_get(call, each) for each in request["ResourceIdList"]]
    return {
        "ResourceTagList": [
            {"ResourceId": t["arn"], "TagsList": [{"Key": key, "Value": value} for key, value in t["tags"].items()]}
            for t in found
        ]
    }


def list_public_keys(call: Call, _request: Request) -> Answer:
    """The key that the plane's digests are checked with."""
    found = call.tx.select(KEYS)
    return {
        "PublicKeyList": [
            {
                "Value": base64.b64decode(key["public"]), "Fingerprint": key["fingerprint"],
                "ValidityStartTime": key["made_at"], "ValidityEndTime": key["made_at"] + 10 * 365 * 86_400,
            }
            for key in found
        ]
    }  # fmt: skip


def _on_trail(action: str, member: str = "Name") -> Access:
    def access(call: Call, request: Request) -> None:
        given = request[member]
        for each in given if isinstance(given, list) else [given]:
            arn = _arn(call, each.rpartition("/")[2])
            call.resources.append({"ARN": arn, "type": "AWS::CloudTrail::Trail"})
            require(call, action, arn)

    return access


OPERATIONS: dict[str, Operation] = {
    "CreateTrail": writes(create_trail, _on_trail("cloudtrail:CreateTrail")),
    "UpdateTrail": writes(update_trail, _on_trail("cloudtrail:UpdateTrail")),
    "DeleteTrail": writes(delete_trail, _on_trail("cloudtrail:DeleteTrail")),
    "GetTrail": reads(get_trail, _on_trail("cloudtrail:GetTrail")),
    "DescribeTrails": reads(describe_trails, iam("cloudtrail:DescribeTrails")),
    "ListTrails": reads(list_trails, iam("cloudtrail:ListTrails")),
    "StartLogging": writes(start_logging, _on_trail("cloudtrail:StartLogging")),
    "StopLogging": writes(stop_logging, _on_trail("cloudtrail:StopLogging")),
    "GetTrailStatus": reads(get_trail_status, _on_trail("cloudtrail:GetTrailStatus")),
    "PutEventSelectors": writes(put_event_selectors, _on_trail("cloudtrail:PutEventSelectors", "TrailName")),
    "GetEventSelectors": reads(get_event_selectors, _on_trail("cloudtrail:GetEventSelectors", "TrailName")),
    "AddTags": writes(add_tags, _on_trail("cloudtrail:AddTags", "ResourceId")),
    "RemoveTags": writes(remove_tags, _on_trail("cloudtrail:RemoveTags", "ResourceId")),
    "ListTags": reads(list_tags, _on_trail("cloudtrail:ListTags", "ResourceIdList")),
    "ListPublicKeys": reads(list_public_keys, iam("cloudtrail:ListPublicKeys")),
}
