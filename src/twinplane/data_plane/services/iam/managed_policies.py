"""Managed policies: documents of up to five versions under an ARN that entities and boundaries refer to."""

from typing import Any

from twinplane.data_plane.call import Access, Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.iam import store
from twinplane.data_plane.services.iam.entities import (
    already_exists,
    changed_tags,
    characters_of,
    checked_policy,
    no_such,
    on_the_wire,
    page_of_list,
    quota,
    request_values,
    tag_list,
    without_tags,
)
from twinplane.data_plane.services.iam.policy import Values
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.store import AlreadyExists, Document

MOST_POLICIES = 1500
MOST_VERSIONS = 5
_MOST_CHARACTERS = 6144
_KEYS = ("aws:requesttag/", "aws:tagkeys", "aws:resourcetag/", "iam:")


def create_policy(call: Call, request: Request) -> Answer:
    quota(call.tx.count(store.POLICIES) + 1, MOST_POLICIES, "PoliciesPerAccount")
    text = _document(request)
    policy = {
        "PolicyName": request["PolicyName"], "name_key": request["PolicyName"].casefold(),
        "PolicyId": store.new_policy_id(), "Arn": _new_arn(call, request), "Path": request.get("Path") or "/",
        "Description": request.get("Description"), "CreateDate": call.now, "UpdateDate": call.now, "document": text,
        "versions": [store.policy_version("v1", text, call.now)], "default": "v1", "made": 1,
        "tags": changed_tags({}, request.get("Tags")),
    }  # fmt: skip
    try:
        call.tx.add(store.POLICIES, policy)
    except AlreadyExists:
        raise already_exists("A policy", request["PolicyName"]) from None
    _note(call, policy["Arn"])
    return {"Policy": _view(call, policy)}


def get_policy(call: Call, request: Request) -> Answer:
    return {"Policy": _view(call, _get(call, request))}


def list_policies(call: Call, request: Request) -> Answer:
    scope, prefix = request.get("Scope") or "All", request.get("PathPrefix") or "/"
    found = [] if scope == "AWS" else call.tx.select(store.POLICIES)
    if scope != "Local":
        found += store.aws_managed_policies()
    found = [policy for policy in found if policy["Path"].startswith(prefix)]
    if request.get("OnlyAttached") or request.get("PolicyUsageFilter"):
        uses = {policy["Arn"]: _uses(call, policy["Arn"]) for policy in found}
        which = {"PermissionsPolicy": (0,), "PermissionsBoundary": (1,)}.get(request.get("PolicyUsageFilter") or "")
        found = [policy for policy in found if any(uses[policy["Arn"]][i] for i in which or (0, 1))]
    policies, more = page_of_list(call, request, found, "Arn")
    return {"Policies": [_view(call, policy) for policy in policies], **more}


def delete_policy(call: Call, request: Request) -> Answer:
    policy = _own(call, request)
    if any(_uses(call, policy["Arn"])):
        raise ServiceError("DeleteConflictException", "Cannot delete a policy attached to entities.")
    if len(store.versions_of(policy)) > 1:
        raise ServiceError(
            "DeleteConflictException", "This policy has more than one version. Delete all but the default one first."
        )
    call.tx.remove(store.POLICIES, policy["Arn"])
    return {}


def create_policy_version(call: Call, request: Request) -> Answer:
    policy = _own(call, request)
    versions = store.versions_of(policy)
    quota(len(versions) + 1, MOST_VERSIONS, "VersionsPerPolicy")
    made = policy.get("made", 1) + 1
    version = store.policy_version(f"v{made}", _document(request), call.now)
    policy |= {"versions": [*versions, version], "made": made, "UpdateDate": call.now}
    if request.get("SetAsDefault"):
        policy |= {"default": version["id"], "document": version["document"]}
    call.tx.put(store.POLICIES, policy)
    return {"PolicyVersion": _version_view(policy, version, document=False)}


def get_policy_version(call: Call, request: Request) -> Answer:
    policy = _get(call, request)
    return {"PolicyVersion": _version_view(policy, _version(policy, request))}


def list_policy_versions(call: Call, request: Request) -> Answer:
    policy = _get(call, request)
    versions = [_version_view(policy, version, document=False) for version in store.versions_of(policy)]
    found, more = page_of_list(call, request, versions, "VersionId")
    return {"Versions": found, **more}


def set_default_policy_version(call: Call, request: Request) -> Answer:
    policy = _own(call, request)
    version = _version(policy, request)
    changes = {"default": version["id"], "document": version["document"], "UpdateDate": call.now}
    call.tx.put(store.POLICIES, policy | changes)
    return {}


def delete_policy_version(call: Call, request: Request) -> Answer:
    policy = _own(call, request)
    version = _version(policy, request)
    if version["id"] == policy.get("default", "v1"):
        raise ServiceError("DeleteConflictException", "Cannot delete the default version of a policy.")
    kept = [other for other in store.versions_of(policy) if other["id"] != version["id"]]
    call.tx.put(store.POLICIES, policy | {"versions": kept})
    return {}


def list_entities_for_policy(call: Call, request: Request) -> Answer:
    arn, prefix = _get(call, request)["Arn"], request.get("PathPrefix") or "/"
    usage, wanted = request.get("PolicyUsageFilter"), request.get("EntityFilter")
    found = []
    for word, kind in _ENTITIES.items():
        for entity in call.tx.select(kind) if wanted in (None, word) else []:
            attached = usage != "PermissionsBoundary" and arn in entity["attached"]
            bounds = usage != "PermissionsPolicy" and entity.get("boundary_arn") == arn
            if (attached or bounds) and entity["Path"].startswith(prefix):
                found.append({"key": f"{word} {entity[word + 'Name']}", "word": word, "entity": entity})
    page, more = page_of_list(call, request, found, "key")
    lists: dict[str, Any] = {f"Policy{word}s": [] for word in _ENTITIES}
    for each in page:
        word, entity = each["word"], each["entity"]
        lists[f"Policy{word}s"].append({f"{word}Name": entity[f"{word}Name"], f"{word}Id": entity[f"{word}Id"]})
    return {**lists, **more}


def tag_policy(call: Call, request: Request) -> Answer:
    policy = _own(call, request)
    call.tx.put(store.POLICIES, policy | {"tags": changed_tags(policy["tags"], request["Tags"])})
    return {}


def untag_policy(call: Call, request: Request) -> Answer:
    policy = _own(call, request)
    call.tx.put(store.POLICIES, policy | {"tags": without_tags(policy["tags"], request["TagKeys"])})
    return {}


def list_policy_tags(call: Call, request: Request) -> Answer:
    found, more = page_of_list(call, request, tag_list(_get(call, request)["tags"]), "Key")
    return {"Tags": found, **more}


_ENTITIES = {"Group": store.GROUPS, "User": store.USERS, "Role": store.ROLES}


def _uses(call: Call, arn: str) -> tuple[int, int]:
    """How many entities the policy is attached to, and of how many it is the boundary."""
    entities = [entity for kind in _ENTITIES.values() for entity in call.tx.select(kind)]
    return sum(arn in e["attached"] for e in entities), sum(e.get("boundary_arn") == arn for e in entities)


def _document(request: Request) -> str:
    text: str = request["PolicyDocument"]
    quota(characters_of(text), _MOST_CHARACTERS, "PolicySize")
    return checked_policy(text)


def _get(call: Call, request: Request) -> Document:
    arn = request["PolicyArn"]
    policy = call.tx.find(store.POLICIES, arn) or store.aws_managed_policy(arn)
    if policy is None:
        raise no_such(f"Policy {arn} was not found.")
    _note(call, arn)
    return policy


def _own(call: Call, request: Request) -> Document:
    if store.aws_managed_policy(request["PolicyArn"]) is not None:
        raise ServiceError("InvalidInputException", "Policies of AWS cannot be changed.")
    return _get(call, request)


def _note(call: Call, arn: str) -> None:
    call.resources.append({"ARN": arn, "type": "AWS::IAM::ManagedPolicy"})


def _version(policy: Document, request: Request) -> Document:
    for version in store.versions_of(policy):
        if version["id"] == request["VersionId"]:
            return version
    raise no_such(f"Policy {policy['Arn']} version {request['VersionId']} does not exist.")


def _version_view(policy: Document, version: Document, *, document: bool = True) -> dict[str, Any]:
    shown = {
        "VersionId": version["id"], "IsDefaultVersion": version["id"] == policy.get("default", "v1"),
        "CreateDate": version["at"],
    }  # fmt: skip
    return shown | {"Document": on_the_wire(version["document"])} if document else shown


def _view(call: Call, policy: Document) -> dict[str, Any]:
    members = ("PolicyName", "PolicyId", "Arn", "Path", "CreateDate")
    attached, boundary = _uses(call, policy["Arn"])
    return {
        **{member: policy[member] for member in members},
        **({"Description": policy["Description"]} if policy.get("Description") else {}),
        "DefaultVersionId": policy.get("default", "v1"), "UpdateDate": policy.get("UpdateDate", policy["CreateDate"]),
        "IsAttachable": True, "AttachmentCount": attached, "PermissionsBoundaryUsageCount": boundary,
        "Tags": tag_list(policy["tags"]),
    }  # fmt: skip


def detail(call: Call, policy: Document) -> dict[str, Any]:
    """A policy as GetAccountAuthorizationDetails shows it: with all its versions."""
    shown = _view(call, policy)
    del shown["Tags"]
    return shown | {"PolicyVersionList": [_version_view(policy, version) for version in store.versions_of(policy)]}


def _new_arn(call: Call, request: Request) -> str:
    return f"arn:aws:iam::{call.account_id}:policy{request.get('Path') or '/'}{request['PolicyName']}"


def _may(operation: str) -> Access:
    def values(call: Call, request: Request) -> Values:
        return request_values(request, call.tx.find(store.POLICIES, request["PolicyArn"]))

    return iam(f"iam:{operation}", lambda _call, request: str(request["PolicyArn"]), values, known=_KEYS)


_writing = {
    "DeletePolicy": delete_policy,
    "CreatePolicyVersion": create_policy_version,
    "SetDefaultPolicyVersion": set_default_policy_version,
    "DeletePolicyVersion": delete_policy_version,
    "TagPolicy": tag_policy,
    "UntagPolicy": untag_policy,
}
_reading = {
    "GetPolicy": get_policy,
    "GetPolicyVersion": get_policy_version,
    "ListPolicyVersions": list_policy_versions,
    "ListEntitiesForPolicy": list_entities_for_policy,
    "ListPolicyTags": list_policy_tags,
}
OPERATIONS: dict[str, Operation] = {
    "CreatePolicy": writes(
        create_policy, iam("iam:CreatePolicy", _new_arn, lambda _call, r: request_values(r, None), known=_KEYS)
    ),
    "ListPolicies": reads(list_policies, iam("iam:ListPolicies")),
    **{name: writes(function, _may(name)) for name, function in _writing.items()},
    **{name: reads(function, _may(name)) for name, function in _reading.items()},
}
