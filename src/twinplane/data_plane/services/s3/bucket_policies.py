"""A bucket's policy, and whether it may be public."""

import json
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.iam.policy import MalformedPolicy, compile_policy
from twinplane.data_plane.services.s3 import public_access, store
from twinplane.data_plane.services.s3.permissions import ACCESS_DENIED, bucket_arn, on_bucket
from twinplane.data_plane.store import Document

_LONGEST_BYTES = 20 * 1024


def put_bucket_policy(call: Call, request: Request) -> Answer:
    bucket = store.get_bucket(call.tx, request["Bucket"])
    policy = request["Policy"]
    check_policy(policy, request["Bucket"])
    if public_access.refuses(bucket, policy):
        raise ServiceError("AccessDenied", ACCESS_DENIED, 403)
    call.tx.put(store.BUCKETS, bucket | {"policy": policy})
    return {"_status": 204}


def get_bucket_policy(call: Call, request: Request) -> Answer:
    return {"Policy": _policy(store.get_bucket(call.tx, request["Bucket"]))}


def delete_bucket_policy(call: Call, request: Request) -> Answer:
    bucket = store.get_bucket(call.tx, request["Bucket"])
    call.tx.put(store.BUCKETS, bucket | {"policy": None})
    return {}


def get_bucket_policy_status(call: Call, request: Request) -> Answer:
    bucket = store.get_bucket(call.tx, request["Bucket"])
    return {"PolicyStatus": {"IsPublic": public_access.is_public(_policy(bucket))}}


def _policy(bucket: Document) -> str:
    policy = bucket.get("policy")
    if not policy:
        raise ServiceError(
            "NoSuchBucketPolicy", "The bucket policy does not exist", 404, BucketName=str(bucket["name"])
        )
    return str(policy)


def check_policy(policy: str, bucket: str) -> None:
    """Raises `MalformedPolicy` unless the text is a policy about this bucket and what is in it."""
    if len(policy.encode()) > _LONGEST_BYTES:
        raise _malformed("Policies must not be larger than 20480 bytes")
    try:
        compile_policy(policy, "resource")
    except MalformedPolicy as error:
        raise _malformed(str(error)) from None
    statements = json.loads(policy)["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        _check_statement(statement, bucket_arn(bucket))


def _check_statement(statement: dict[str, Any], arn: str) -> None:
    member = "Action" if "Action" in statement else "NotAction"
    for action in _texts(statement[member]):
        if action != "*" and action.partition(":")[0].lower() not in ("s3", "s3express", "*"):
            raise _malformed("Policy has invalid action")
    member = "Resource" if "Resource" in statement else "NotResource"
    for resource in _texts(statement[member]):
        if not (resource == arn or resource.startswith((f"{arn}/", f"{arn}*"))) and resource not in (
            "*",
            "arn:aws:s3:::*",
        ):
            raise _malformed("Policy has invalid resource")


def _texts(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _malformed(message: str) -> ServiceError:
    return ServiceError("MalformedPolicy", message, 400)


# Block Public Access


def put_public_access_block(call: Call, request: Request) -> Answer:
    bucket = store.get_bucket(call.tx, request["Bucket"])
    given = request["PublicAccessBlockConfiguration"]
    chosen = {name: bool(given.get(name)) for name in public_access.SETTINGS}
    call.tx.put(store.BUCKETS, bucket | {"public_access_block": chosen})
    return {}


def get_public_access_block(call: Call, request: Request) -> Answer:
    found = public_access.settings(store.get_bucket(call.tx, request["Bucket"]))
    if found is None:
        raise ServiceError(
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
            404,
            BucketName=request["Bucket"],
        )
    return {"PublicAccessBlockConfiguration": found}


def delete_public_access_block(call: Call, request: Request) -> Answer:
    bucket = store.get_bucket(call.tx, request["Bucket"])
    call.tx.put(store.BUCKETS, bucket | {"public_access_block": None})
    return {}


OPERATIONS: dict[str, Operation] = {
    "PutBucketPolicy": writes(put_bucket_policy, on_bucket("s3:PutBucketPolicy")),
    "GetBucketPolicy": reads(get_bucket_policy, on_bucket("s3:GetBucketPolicy")),
    "DeleteBucketPolicy": writes(delete_bucket_policy, on_bucket("s3:DeleteBucketPolicy")),
    "GetBucketPolicyStatus": reads(get_bucket_policy_status, on_bucket("s3:GetBucketPolicyStatus")),
    "PutPublicAccessBlock": writes(put_public_access_block, on_bucket("s3:PutBucketPublicAccessBlock")),
    "GetPublicAccessBlock": reads(get_public_access_block, on_bucket("s3:GetBucketPublicAccessBlock")),
    "DeletePublicAccessBlock": writes(delete_public_access_block, on_bucket("s3:PutBucketPublicAccessBlock")),
}
