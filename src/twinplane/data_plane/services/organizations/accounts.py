"""Accounts of the organization. Only the plane's own account has anything in it; the others are names and places."""

import secrets

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.organizations import store
from twinplane.data_plane.services.organizations.rules import (
    ACCOUNT,
    ROOT,
    UNIT,
    changed_tags,
    check_role_name,
    violates,
)
from twinplane.data_plane.services.organizations.tree import (
    account_view,
    arn,
    get_node,
    listed,
    may,
    organization_of,
)
from twinplane.data_plane.store import AlreadyExists, Document

_NOT_FOUND = "AccountNotFoundException"


def add_account(
    call: Call, organization: Document, account_id: str, name: str, email: str, method: str = "CREATED",
    tags: dict[str, str] | None = None,
) -> Document:  # fmt: skip
    """Adds an account below the root. Raises `AlreadyExists` when the address is another account's."""
    account = {
        "Id": account_id, "Arn": arn(organization, "account", account_id), "Name": name, "Email": email,
        "email_key": email.casefold(), "Status": "ACTIVE", "JoinedMethod": method, "JoinedTimestamp": call.now,
        "type": ACCOUNT, "parent": organization["root_id"], "tags": tags or {},
    }  # fmt: skip
    return store.add_node(call.tx, organization, account)


def create_account(call: Call, request: Request) -> Answer:
    """Creates the account at once: the answer is already the final status."""
    organization = organization_of(call)
    check_role_name(request.get("RoleName"))
    status: Document = {
        "Id": store.new_id("car-", 32), "AccountName": request["AccountName"], "State": "SUCCEEDED",
        "RequestedTimestamp": call.now, "CompletedTimestamp": call.now, "AccountId": _free_account_id(call),
    }  # fmt: skip
    tags = changed_tags({}, request.get("Tags") or [])
    try:
        add_account(call, organization, status["AccountId"], request["AccountName"], request["Email"], tags=tags)
    except AlreadyExists:
        del status["AccountId"]
        status |= {"State": "FAILED", "FailureReason": "EMAIL_ALREADY_EXISTS"}
    call.tx.add(store.ACCOUNT_REQUESTS, status)
    return {"CreateAccountStatus": status}


def describe_create_account_status(call: Call, request: Request) -> Answer:
    organization_of(call)
    status = call.tx.find(store.ACCOUNT_REQUESTS, request["CreateAccountRequestId"])
    if status is None:
        raise ServiceError("CreateAccountStatusNotFoundException", "There is no such request for an account.")
    return {"CreateAccountStatus": status}


def list_create_account_status(call: Call, request: Request) -> Answer:
    organization_of(call)
    states = request.get("States")
    found = call.tx.select(store.ACCOUNT_REQUESTS, {"State": states} if states else None)
    return listed(call, request, "CreateAccountStatuses", found, dict)


def describe_account(call: Call, request: Request) -> Answer:
    return {"Account": account_view(call, _get(call, request))}


def list_accounts(call: Call, request: Request) -> Answer:
    organization_of(call)
    found = call.tx.select(store.NODES, {"type": ACCOUNT})
    return listed(call, request, "Accounts", found, lambda account: account_view(call, account))


def list_accounts_for_parent(call: Call, request: Request) -> Answer:
    parent = get_node(call, request["ParentId"], (ROOT, UNIT), "ParentNotFoundException")
    found = call.tx.select(store.NODES, {"parent": parent["Id"], "type": ACCOUNT})
    return listed(call, request, "Accounts", found, lambda account: account_view(call, account))


def move_account(call: Call, request: Request) -> Answer:
    """Puts an account below another parent. What that parent's policies say holds from the next call on."""
    account = _get(call, request)
    source = get_node(call, request["SourceParentId"], (ROOT, UNIT), "SourceParentNotFoundException")
    if account["parent"] != source["Id"]:
        raise ServiceError("SourceParentNotFoundException", f"The account is not in {source['Id']}.")
    target = get_node(call, request["DestinationParentId"], (ROOT, UNIT), "DestinationParentNotFoundException")
    if target["Id"] == source["Id"]:
        raise ServiceError("DuplicateAccountException", f"The account is in {target['Id']} already.")
    call.tx.put(store.NODES, account | {"parent": target["Id"]})
    return {}


def close_account(call: Call, request: Request) -> Answer:
    account = _get(call, request)
    organization = organization_of(call)
    if account["Id"] == organization["MasterAccountId"]:
        raise violates("CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "The management account cannot be closed.")
    _check_not_ours(call, account)
    if account["Status"] != "ACTIVE":
        raise ServiceError("AccountAlreadyClosedException", "The account is closed already.")
    call.tx.put(store.NODES, account | {"Status": "SUSPENDED"})
    return {}


def remove_account_from_organization(call: Call, request: Request) -> Answer:
    account = _get(call, request)
    if account["Id"] == organization_of(call)["MasterAccountId"]:
        raise ServiceError("MasterCannotLeaveOrganizationException", "The management account cannot be removed.")
    _check_not_ours(call, account)
    store.remove_node(call.tx, account["Id"])
    return {}


def _check_not_ours(call: Call, account: Document) -> None:
    if account["Id"] == call.account_id:
        raise violates(
            "ACCOUNT_CANNOT_LEAVE_ORGANIZATION",
            "The plane's own account stays in its organization.",
        )


def _free_account_id(call: Call) -> str:
    while True:
        account_id = str(100_000_000_000 + secrets.randbelow(900_000_000_000))
        if call.tx.find(store.NODES, account_id) is None:
            return account_id


def _get(call: Call, request: Request) -> Document:
    return get_node(call, request["AccountId"], (ACCOUNT,), _NOT_FOUND)


OPERATIONS: dict[str, Operation] = {
    "CreateAccount": writes(create_account, may("CreateAccount")),
    "DescribeCreateAccountStatus": reads(describe_create_account_status, may("DescribeCreateAccountStatus")),
    "ListCreateAccountStatus": reads(list_create_account_status, may("ListCreateAccountStatus")),
    "DescribeAccount": reads(describe_account, may("DescribeAccount", "AccountId")),
    "ListAccounts": reads(list_accounts, may("ListAccounts")),
    "ListAccountsForParent": reads(list_accounts_for_parent, may("ListAccountsForParent", "ParentId")),
    "MoveAccount": writes(move_account, may("MoveAccount", "AccountId")),
    "CloseAccount": writes(close_account, may("CloseAccount", "AccountId")),
    "RemoveAccountFromOrganization": writes(
        remove_account_from_organization, may("RemoveAccountFromOrganization", "AccountId")
    ),
}
