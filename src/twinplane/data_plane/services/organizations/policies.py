"""Service control and resource control policies: written, attached, and in force from the next call on."""

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.organizations import store
from twinplane.data_plane.services.organizations.rules import (
    ACCOUNT,
    AWS_MANAGED,
    FULL_ACCESS_OF,
    MOST_ATTACHED,
    RESOURCE_CONTROL,
    ROOT,
    UNIT,
    changed_tags,
    check_content,
    check_type,
    invalid,
    violates,
)
from twinplane.data_plane.services.organizations.tree import arn, get_node, listed, may, organization_of
from twinplane.data_plane.store import AlreadyExists, Document


def create_policy(call: Call, request: Request) -> Answer:
    organization, policy_type = organization_of(call), request["Type"]
    check_type(policy_type)
    if organization["FeatureSet"] != "ALL":
        raise ServiceError(
            "PolicyTypeNotAvailableForOrganizationException", "The organization does not have all features enabled."
        )
    check_content(policy_type, request["Content"])
    policy_id = store.new_id("p-", 8)
    policy = {
        "Id": policy_id, "Arn": arn(organization, "policy", policy_type.lower(), policy_id), "Name": request["Name"],
        "Description": request["Description"], "Type": policy_type, "AwsManaged": False, "Content": request["Content"],
        "tags": changed_tags({}, request.get("Tags") or []),
    }  # fmt: skip
    try:
        call.tx.add(store.POLICIES, policy)
    except AlreadyExists:
        raise _duplicate(request["Name"]) from None
    call.resources.append({"ARN": policy["Arn"], "type": "AWS::Organizations::Policy"})
    return {"Policy": _view(policy)}


def describe_policy(call: Call, request: Request) -> Answer:
    return {"Policy": _view(_get(call, request))}


def update_policy(call: Call, request: Request) -> Answer:
    policy = _own(call, request)
    if request.get("Content"):
        check_content(policy["Type"], request["Content"])
    changes = {member: request[member] for member in ("Name", "Description", "Content") if request.get(member)}
    try:
        call.tx.put(store.POLICIES, policy | changes)
    except AlreadyExists:
        raise _duplicate(request["Name"]) from None
    return {"Policy": _view(policy | changes)}


def delete_policy(call: Call, request: Request) -> Answer:
    policy = _own(call, request)
    if call.tx.count(store.ATTACHMENTS, {"policy_id": policy["Id"]}):
        raise ServiceError("PolicyInUseException", "The policy is attached: detach it from every target first.")
    call.tx.remove(store.POLICIES, policy["Id"])
    return {}


def list_policies(call: Call, request: Request) -> Answer:
    organization_of(call)
    check_type(request["Filter"])
    managed = [policy for policy in AWS_MANAGED.values() if policy["Type"] == request["Filter"]]
    own = call.tx.select(store.POLICIES, {"Type": request["Filter"]})
    return listed(call, request, "Policies", [*managed, *own], _summary)


def attach_policy(call: Call, request: Request) -> Answer:
    policy, target = _get(call, request), _target(call, request)
    if policy["Type"] not in organization_of(call)["policy_types"]:
        raise ServiceError("PolicyTypeNotEnabledException", "This type of policy is not enabled in the root.")
    attached = store.attached_policies(call.tx, target["Id"], policy["Type"])
    if any(other["Id"] == policy["Id"] for other in attached):
        raise ServiceError("DuplicatePolicyAttachmentException", "The policy is attached to this target already.")
    if len(attached) >= MOST_ATTACHED:
        raise violates("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", f"At most {MOST_ATTACHED} can be attached.")
    call.tx.add(store.ATTACHMENTS, {"target_id": target["Id"], "policy_id": policy["Id"]})
    return {}


def detach_policy(call: Call, request: Request) -> Answer:
    policy, target = _get(call, request), _target(call, request)
    if call.tx.find(store.ATTACHMENTS, target["Id"], policy["Id"]) is None:
        raise ServiceError("PolicyNotAttachedException", "The policy is not attached to this target.")
    if policy["Id"] == FULL_ACCESS_OF[RESOURCE_CONTROL]:
        raise invalid("NON_DETACHABLE_POLICY", "RCPFullAWSAccess cannot be detached.")
    if len(store.attached_policies(call.tx, target["Id"], policy["Type"])) == 1:
        raise violates(
            "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", "At least one policy of this type must stay attached."
        )
    call.tx.remove(store.ATTACHMENTS, target["Id"], policy["Id"])
    return {}


def list_policies_for_target(call: Call, request: Request) -> Answer:
    check_type(request["Filter"])
    found = store.attached_policies(call.tx, _target(call, request)["Id"], request["Filter"])
    return listed(call, request, "Policies", found, _summary)


def list_targets_for_policy(call: Call, request: Request) -> Answer:
    rows = call.tx.select(store.ATTACHMENTS, {"policy_id": _get(call, request)["Id"]})
    found = [call.tx.get(store.NODES, row["target_id"]) for row in rows]
    return listed(
        call, request, "Targets", found,
        lambda node: {"TargetId": node["Id"], "Arn": node["Arn"], "Name": node["Name"], "Type": node["type"]},
    )  # fmt: skip


def enable_policy_type(call: Call, request: Request) -> Answer:
    """Puts a type of policy into force; full access is attached everywhere, so that nothing changes by that alone."""
    organization, root, policy_type = _type_in_root(call, request)
    if policy_type in organization["policy_types"]:
        raise ServiceError("PolicyTypeAlreadyEnabledException", "This type of policy is enabled in the root already.")
    organization["policy_types"].append(policy_type)
    call.tx.put(store.ORGANIZATION, organization)
    for node in call.tx.select(store.NODES):
        call.tx.put(store.ATTACHMENTS, {"target_id": node["Id"], "policy_id": FULL_ACCESS_OF[policy_type]})
    return {"Root": _root_view(organization, root)}


def disable_policy_type(call: Call, request: Request) -> Answer:
    """Ends the force of a type of policy; everything of that type is detached everywhere, for good."""
    organization, root, policy_type = _type_in_root(call, request)
    if policy_type not in organization["policy_types"]:
        raise ServiceError("PolicyTypeNotEnabledException", "This type of policy is not enabled in the root.")
    organization["policy_types"].remove(policy_type)
    call.tx.put(store.ORGANIZATION, organization)
    for row in call.tx.select(store.ATTACHMENTS):
        policy = store.find_policy(call.tx, row["policy_id"])
        if policy is not None and policy["Type"] == policy_type:
            call.tx.remove(store.ATTACHMENTS, row["target_id"], row["policy_id"])
    return {"Root": _root_view(organization, root)}


def _type_in_root(call: Call, request: Request) -> tuple[Document, Document, str]:
    organization = organization_of(call)
    root = get_node(call, request["RootId"], (ROOT,), "RootNotFoundException")
    check_type(request["PolicyType"])
    if organization["FeatureSet"] != "ALL":
        raise ServiceError(
            "PolicyTypeNotAvailableForOrganizationException", "The organization does not have all features enabled."
        )
    return organization, root, request["PolicyType"]


def _root_view(organization: Document, root: Document) -> Document:
    types = [{"Type": policy_type, "Status": "ENABLED"} for policy_type in organization["policy_types"]]
    return {"Id": root["Id"], "Arn": root["Arn"], "Name": root["Name"], "PolicyTypes": types}


def _get(call: Call, request: Request) -> Document:
    organization_of(call)
    policy = store.find_policy(call.tx, request["PolicyId"])
    if policy is None:
        raise ServiceError("PolicyNotFoundException", f"There is no policy {request['PolicyId']}.")
    call.resources.append({"ARN": policy["Arn"], "type": "AWS::Organizations::Policy"})
    return policy


def _own(call: Call, request: Request) -> Document:
    policy = _get(call, request)
    if policy["AwsManaged"]:
        raise invalid("IMMUTABLE_POLICY", "Policies of AWS cannot be changed.")
    return policy


def _target(call: Call, request: Request) -> Document:
    return get_node(call, request["TargetId"], (ROOT, UNIT, ACCOUNT), "TargetNotFoundException")


def _duplicate(name: str) -> ServiceError:
    return ServiceError("DuplicatePolicyException", f"A policy named {name} of this type is there already.")


def _summary(policy: Document) -> Document:
    members = ("Id", "Arn", "Name", "Description", "Type", "AwsManaged")
    return {member: policy[member] for member in members}


def _view(policy: Document) -> Document:
    return {"PolicySummary": _summary(policy), "Content": policy["Content"]}


OPERATIONS: dict[str, Operation] = {
    "CreatePolicy": writes(create_policy, may("CreatePolicy")),
    "DescribePolicy": reads(describe_policy, may("DescribePolicy", "PolicyId")),
    "UpdatePolicy": writes(update_policy, may("UpdatePolicy", "PolicyId")),
    "DeletePolicy": writes(delete_policy, may("DeletePolicy", "PolicyId")),
    "ListPolicies": reads(list_policies, may("ListPolicies")),
    "AttachPolicy": writes(attach_policy, may("AttachPolicy", "PolicyId")),
    "DetachPolicy": writes(detach_policy, may("DetachPolicy", "PolicyId")),
    "ListPoliciesForTarget": reads(list_policies_for_target, may("ListPoliciesForTarget")),
    "ListTargetsForPolicy": reads(list_targets_for_policy, may("ListTargetsForPolicy", "PolicyId")),
    "EnablePolicyType": writes(enable_policy_type, may("EnablePolicyType")),
    "DisablePolicyType": writes(disable_policy_type, may("DisablePolicyType")),
}
