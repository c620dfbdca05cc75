"""AWS Organizations: the organization that the plane's account is a member of, and whose policies bind it.

On AWS a member account can change policies when the management account delegates that to it. Here the plane's account
may do whatever its own policies (and the organization's) let it; the management account is another one, in which there
is nothing but a root user whose access key is the profile `management`. It is the way out of a lock-out.
"""

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.organizations import accounts, policies, store, units
from twinplane.data_plane.services.organizations.rules import (
    FULL_ACCESS_OF,
    ROOT,
    SERVICE_CONTROL,
    changed_tags,
    invalid,
)
from twinplane.data_plane.services.organizations.tree import arn, listed, may, organization_of
from twinplane.data_plane.store import Document, Kind
from twinplane.data_plane.tasks import TaskKind


def create_organization(call: Call, request: Request) -> Answer:
    """Creates the organization with the management account and the plane's account in it."""
    if store.find_organization(call.tx) is not None:
        raise ServiceError("AlreadyInOrganizationException", "The account is already a member of an organization.")
    features = request.get("FeatureSet") or "ALL"
    managing = store.management_account_id(call.account_id)
    organization: Document = {
        "Id": store.new_id("o-", 10), "root_id": store.new_id("r-", 4), "FeatureSet": features,
        "MasterAccountId": managing, "MasterAccountEmail": f"management@{managing}.example",
        "member_account_id": call.account_id, "policy_types": [SERVICE_CONTROL] if features == "ALL" else [],
    }  # fmt: skip
    call.tx.add(store.ORGANIZATION, organization)
    root = organization["root_id"]
    store.add_node(call.tx, organization, {
        "Id": root, "Arn": arn(organization, "root", root), "Name": "Root", "type": ROOT, "parent": None, "tags": {},
    })  # fmt: skip
    members = [(managing, "management", "INVITED"), (call.account_id, "data plane", "CREATED")]
    for account_id, name, method in members:
        email = organization["MasterAccountEmail"] if account_id == managing else f"plane@{account_id}.example"
        accounts.add_account(call, organization, account_id, name, email, method)
    return {"Organization": _view(organization)}


def describe_organization(call: Call, _request: Request) -> Answer:
    return {"Organization": _view(organization_of(call))}


def delete_organization(call: Call, _request: Request) -> Answer:
    """Possible when only the management account and the plane's account, and nothing else, is left in it."""
    organization = organization_of(call)
    if call.tx.count(store.NODES) > 3 or call.tx.count(store.POLICIES):
        raise ServiceError(
            "OrganizationNotEmptyException", "The organization isn't empty: remove its accounts, units and policies."
        )
    for node in call.tx.select(store.NODES):
        store.remove_node(call.tx, node["Id"])
    call.tx.remove(store.ORGANIZATION, organization["Id"])
    return {}


def list_roots(call: Call, request: Request) -> Answer:
    organization = organization_of(call)
    root = call.tx.get(store.NODES, organization["root_id"])
    shown = {
        **{member: root[member] for member in ("Id", "Arn", "Name")}, "PolicyTypes": _policy_types(organization),
    }  # fmt: skip
    return listed(call, request, "Roots", [root], lambda _root: shown)


def tag_resource(call: Call, request: Request) -> Answer:
    kind, document = _tagged(call, request["ResourceId"])
    call.tx.put(kind, document | {"tags": changed_tags(document["tags"], request["Tags"])})
    return {}


def untag_resource(call: Call, request: Request) -> Answer:
    kind, document = _tagged(call, request["ResourceId"])
    gone = set(request["TagKeys"])
    call.tx.put(kind, document | {"tags": {k: v for k, v in document["tags"].items() if k not in gone}})
    return {}


def list_tags_for_resource(call: Call, request: Request) -> Answer:
    tags = _tagged(call, request["ResourceId"])[1]["tags"]
    shown = [{"Key": key, "Value": value} for key, value in tags.items()]
    return listed(call, request, "Tags", shown, dict, key="Key")


def _tagged(call: Call, resource_id: str) -> tuple[Kind, Document]:
    organization_of(call)
    if resource_id in FULL_ACCESS_OF.values():
        raise invalid("IMMUTABLE_POLICY", "Policies of AWS have no tags of yours.")
    for kind in (store.NODES, store.POLICIES):
        document = call.tx.find(kind, resource_id)
        if document is not None:
            return kind, document
    raise ServiceError("TargetNotFoundException", f"You specified {resource_id}, which does not exist.")


def _view(organization: Document) -> dict[str, object]:
    members = ("Id", "FeatureSet", "MasterAccountId", "MasterAccountEmail")
    return {
        **{member: organization[member] for member in members},
        "Arn": arn(organization, "organization"),
        "MasterAccountArn": arn(organization, "account", organization["MasterAccountId"]),
        "AvailablePolicyTypes": _policy_types(organization),
    }


def _policy_types(organization: Document) -> list[dict[str, str]]:
    return [{"Type": policy_type, "Status": "ENABLED"} for policy_type in organization["policy_types"]]


OPERATIONS: dict[str, Operation] = {
    "CreateOrganization": writes(create_organization, may("CreateOrganization")),
    "DescribeOrganization": reads(describe_organization, may("DescribeOrganization")),
    "DeleteOrganization": writes(delete_organization, may("DeleteOrganization")),
    "ListRoots": reads(list_roots, may("ListRoots")),
    "TagResource": writes(tag_resource, may("TagResource")),
    "UntagResource": writes(untag_resource, may("UntagResource")),
    "ListTagsForResource": reads(list_tags_for_resource, may("ListTagsForResource")),
    **units.OPERATIONS,
    **accounts.OPERATIONS,
    **policies.OPERATIONS,
}
KINDS: list[Kind] = store.KINDS
TASKS: dict[str, TaskKind] = {}
