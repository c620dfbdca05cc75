"""The catalog's own policy and settings."""

import hashlib
import json

from twinplane.data_plane.call import Access, Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.glue import permissions, rules, store
from twinplane.data_plane.services.glue.permissions import CATALOG_POLICY, on_catalog
from twinplane.data_plane.services.iam.policy import MalformedPolicy, compile_policy
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.store import Document

_LONGEST = 10 * 1024
_ENCRYPTION = "encryption"
_OFF = {
    "EncryptionAtRest": {"CatalogEncryptionMode": "DISABLED"},
    "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": False},
}


def _check_arn(call: Call, request: Request) -> None:
    if request.get("ResourceArn") not in (None, "", permissions.arn(call)):
        raise ServiceError("EntityNotFoundException", f"{request['ResourceArn']} is not this account's catalog.")


def put_resource_policy(call: Call, request: Request) -> Answer:
    """Gives the catalog a policy, which decides with the callers' own from then on."""
    _check_arn(call, request)
    text = request["PolicyInJson"]
    if len(text.encode()) > _LONGEST:
        raise rules.invalid("The policy is larger than 10 KB.")
    try:
        compile_policy(text, "resource")
    except MalformedPolicy as error:
        raise rules.invalid(f"Policy is not valid: {error}") from None
    _check_resources(call, json.loads(text))
    old = call.tx.find(store.SETTINGS, CATALOG_POLICY)
    wanted = request.get("PolicyExistsCondition")
    if (wanted == "MUST_EXIST" and old is None) or (wanted == "NOT_EXIST" and old is not None):
        raise ServiceError("ConditionCheckFailureException", "The condition on the policy's existence is not met.")
    _check_hash(old, request)
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    created = call.now if old is None else old["CreateTime"]
    call.tx.put(store.SETTINGS, {
        "id": CATALOG_POLICY, "PolicyInJson": text, "PolicyHash": digest, "CreateTime": created, "UpdateTime": call.now,
    })  # fmt: skip
    return {"PolicyHash": digest}


def _check_resources(call: Call, policy: Document) -> None:
    own = permissions.arn(call).removesuffix("catalog")
    statements = policy["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        for member in ("Resource", "NotResource"):
            given = statement.get(member) or []
            for resource in [given] if isinstance(given, str) else given:
                if not resource.startswith(own):
                    raise rules.invalid("Policy is not valid: a resource is not of this catalog.")


def _check_hash(found: Document | None, request: Request) -> None:
    wanted = request.get("PolicyHashCondition")
    if wanted is not None and (found is None or found["PolicyHash"] != wanted):
        raise ServiceError("ConditionCheckFailureException", "The policy is not the one of that hash.")


def _policy(call: Call) -> Document:
    found = call.tx.find(store.SETTINGS, CATALOG_POLICY)
    if found is None:
        raise ServiceError("EntityNotFoundException", "Policy not found")
    return {member: value for member, value in found.items() if member != "id"}


def get_resource_policy(call: Call, request: Request) -> Answer:
    _check_arn(call, request)
    return _policy(call)


def get_resource_policies(call: Call, _request: Request) -> Answer:
    """The policies of this account's catalog; there are no shares by AWS RAM, which AWS lists too."""
    found = call.tx.find(store.SETTINGS, CATALOG_POLICY)
    return {"GetResourcePoliciesResponseList": [] if found is None else [_policy(call)]}


def delete_resource_policy(call: Call, request: Request) -> Answer:
    _check_arn(call, request)
    _check_hash(_policy(call), request)
    call.tx.remove(store.SETTINGS, CATALOG_POLICY)
    return {}


def get_data_catalog_encryption_settings(call: Call, _request: Request) -> Answer:
    found = call.tx.find(store.SETTINGS, _ENCRYPTION)
    return {"DataCatalogEncryptionSettings": _OFF if found is None else found["settings"]}


def put_data_catalog_encryption_settings(call: Call, request: Request) -> Answer:
    given = request["DataCatalogEncryptionSettings"]
    at_rest, passwords = given.get("EncryptionAtRest") or {}, given.get("ConnectionPasswordEncryption") or {}
    if at_rest.get("CatalogEncryptionMode", "DISABLED") != "DISABLED" or passwords.get(
        "ReturnConnectionPasswordEncrypted"
    ):
        raise ServiceError("NotImplemented", "Encrypting the catalog with keys of AWS KMS is not served.", 501)
    settings = {member: given.get(member) or _OFF[member] for member in _OFF}
    call.tx.put(store.SETTINGS, {"id": _ENCRYPTION, "settings": settings})
    return {}


def get_catalog_import_status(_call: Call, _request: Request) -> Answer:
    """There never was a catalog of Athena's own here to import."""
    return {"ImportStatus": {"ImportCompleted": True}}


def import_catalog_to_glue(_call: Call, _request: Request) -> Answer:
    return {}


def _on_policy(action: str) -> Access:
    """Access to the catalog's policy: by the caller's own policies alone, so that none can lock everybody out."""
    return iam(action, lambda call, _request: permissions.arn(call))


OPERATIONS: dict[str, Operation] = {
    "PutResourcePolicy": writes(put_resource_policy, _on_policy("glue:PutResourcePolicy")),
    "GetResourcePolicy": reads(get_resource_policy, _on_policy("glue:GetResourcePolicy")),
    "GetResourcePolicies": reads(get_resource_policies, _on_policy("glue:GetResourcePolicies")),
    "DeleteResourcePolicy": writes(delete_resource_policy, _on_policy("glue:DeleteResourcePolicy")),
    "GetDataCatalogEncryptionSettings": reads(
        get_data_catalog_encryption_settings, on_catalog("glue:GetDataCatalogEncryptionSettings")
    ),
    "PutDataCatalogEncryptionSettings": writes(
        put_data_catalog_encryption_settings, on_catalog("glue:PutDataCatalogEncryptionSettings")
    ),
    "GetCatalogImportStatus": reads(get_catalog_import_status, on_catalog("glue:GetCatalogImportStatus")),
    "ImportCatalogToGlue": writes(import_catalog_to_glue, on_catalog("glue:ImportCatalogToGlue")),
}
