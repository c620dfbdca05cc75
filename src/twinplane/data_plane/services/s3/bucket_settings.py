"""Settings of a bucket that are kept and given back: tags, ownership, encryption; and the ACLs that ownership implies.

Every bucket is "bucket owner enforced", as buckets are on AWS unless asked otherwise: ACLs decide nothing. Objects
are reported as encrypted with S3's own keys, which is AWS's default; other keys are not served.
"""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.s3 import rules, store
from twinplane.data_plane.services.s3.buckets import owner
from twinplane.data_plane.services.s3.permissions import existing_object, on_bucket, on_object

_ENFORCED = "BucketOwnerEnforced"


def put_bucket_tagging(call: Call, request: Request) -> Answer:
    bucket = store.get_bucket(call.tx, request["Bucket"])
    call.tx.put(store.BUCKETS, bucket | {"tags": rules.bucket_tags(request["Tagging"]["TagSet"])})
    return {"_status": 204}


def get_bucket_tagging(call: Call, request: Request) -> Answer:
    tags = store.get_bucket(call.tx, request["Bucket"]).get("tags")
    if not tags:
        raise ServiceError("NoSuchTagSet", "The TagSet does not exist", 404, BucketName=request["Bucket"])
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


def delete_bucket_tagging(call: Call, request: Request) -> Answer:
    bucket = store.get_bucket(call.tx, request["Bucket"])
    call.tx.put(store.BUCKETS, bucket | {"tags": {}})
    return {}


# Ownership and ACLs


def put_bucket_ownership_controls(call: Call, request: Request) -> Answer:
    store.get_bucket(call.tx, request["Bucket"])
    chosen = [rule["ObjectOwnership"] for rule in request["OwnershipControls"]["Rules"]]
    if len(chosen) != 1:
        raise ServiceError("MalformedXML", "The XML you provided was not well-formed or did not validate", 400)
    if chosen != [_ENFORCED]:
        raise ServiceError("NotImplemented", f"Object ownership {chosen[0]}, which needs ACLs, is not served.", 501)
    return {}


def get_bucket_ownership_controls(call: Call, request: Request) -> Answer:
    store.get_bucket(call.tx, request["Bucket"])
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": _ENFORCED}]}}


def _acl(call: Call) -> Answer:
    grantee = {**owner(call), "Type": "CanonicalUser"}
    return {"Owner": owner(call), "Grants": [{"Grantee": grantee, "Permission": "FULL_CONTROL"}]}


def get_bucket_acl(call: Call, request: Request) -> Answer:
    store.get_bucket(call.tx, request["Bucket"])
    return _acl(call)


def put_bucket_acl(call: Call, request: Request) -> Answer:
    store.get_bucket(call.tx, request["Bucket"])
    _check_acl(call, request)
    return {}


def get_object_acl(call: Call, request: Request) -> Answer:
    existing_object(call, request["Bucket"], request["Key"], request.get("VersionId"))
    return _acl(call)


def put_object_acl(call: Call, request: Request) -> Answer:
    existing_object(call, request["Bucket"], request["Key"], request.get("VersionId"))
    _check_acl(call, request)
    return {}


def _check_acl(call: Call, request: Request) -> None:
    """With ACLs disabled only what gives the bucket's owner full control is taken, and changes nothing."""
    policy = request.get("AccessControlPolicy")
    grants_others = any(name.startswith("Grant") and value for name, value in request.items())
    accepted = request.get("ACL") == "bucket-owner-full-control" or (
        policy is not None and _gives_the_owner_all(call, policy)
    )
    if grants_others or not accepted:
        raise ServiceError("AccessControlListNotSupported", "The bucket does not allow ACLs", 400)


def _gives_the_owner_all(call: Call, policy: dict[str, Any]) -> bool:
    given = [(grant.get("Grantee", {}).get("ID"), grant.get("Permission")) for grant in policy.get("Grants") or ()]
    return given == [(owner(call)["ID"], "FULL_CONTROL")]


# Encryption


def put_bucket_encryption(call: Call, request: Request) -> Answer:
    bucket = store.get_bucket(call.tx, request["Bucket"])
    chosen = request["ServerSideEncryptionConfiguration"]["Rules"]
    if len(chosen) != 1:
        raise ServiceError("MalformedXML", "The XML you provided was not well-formed or did not validate", 400)
    default = chosen[0].get("ApplyServerSideEncryptionByDefault") or {"SSEAlgorithm": "AES256"}
    if default["SSEAlgorithm"] != "AES256":
        raise ServiceError("NotImplemented", f"Encryption by {default['SSEAlgorithm']} is not served.", 501)
    if default.get("KMSMasterKeyID"):
        raise ServiceError(
            "InvalidArgument", "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms", 400
        )
    call.tx.put(store.BUCKETS, bucket | {"bucket_key": bool(chosen[0].get("BucketKeyEnabled"))})
    return {}


def get_bucket_encryption(call: Call, request: Request) -> Answer:
    bucket = store.get_bucket(call.tx, request["Bucket"])
    default = {"SSEAlgorithm": "AES256"}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bool(bucket.get("bucket_key"))}
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}


def delete_bucket_encryption(call: Call, request: Request) -> Answer:
    bucket = store.get_bucket(call.tx, request["Bucket"])
    call.tx.put(store.BUCKETS, bucket | {"bucket_key": False})
    return {}


OPERATIONS: dict[str, Operation] = {
    "PutBucketTagging": writes(put_bucket_tagging, on_bucket("s3:PutBucketTagging")),
    "GetBucketTagging": reads(get_bucket_tagging, on_bucket("s3:GetBucketTagging")),
    "DeleteBucketTagging": writes(delete_bucket_tagging, on_bucket("s3:PutBucketTagging")),
    "PutBucketOwnershipControls": writes(put_bucket_ownership_controls, on_bucket("s3:PutBucketOwnershipControls")),
    "GetBucketOwnershipControls": reads(get_bucket_ownership_controls, on_bucket("s3:GetBucketOwnershipControls")),
    "PutBucketAcl": writes(put_bucket_acl, on_bucket("s3:PutBucketAcl")),
    "GetBucketAcl": reads(get_bucket_acl, on_bucket("s3:GetBucketAcl")),
    "PutObjectAcl": writes(put_object_acl, on_object("s3:PutObjectAcl")),
    "GetObjectAcl": reads(get_object_acl, on_object("s3:GetObjectAcl")),
    "PutBucketEncryption": writes(put_bucket_encryption, on_bucket("s3:PutEncryptionConfiguration")),
    "GetBucketEncryption": reads(get_bucket_encryption, on_bucket("s3:GetEncryptionConfiguration")),
    "DeleteBucketEncryption": writes(delete_bucket_encryption, on_bucket("s3:PutEncryptionConfiguration")),
}
