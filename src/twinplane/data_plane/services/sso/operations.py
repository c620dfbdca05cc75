"""The AWS access portal: a person's accounts, her permission sets in them, and credentials for one.

Requests carry a bearer token of `ssooidc` instead of a signature. What a token may reach is looked up at every call.
"""

from dataclasses import replace

from twinplane.data_plane import sessions
from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, unsigned
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.iam import store as iam_store
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.services.identitystore.rules import ENTERPRISE
from twinplane.data_plane.services.ssoadmin import store as sso_store
from twinplane.data_plane.services.ssoadmin.rules import session_tags
from twinplane.data_plane.services.ssooidc import store as oidc_store
from twinplane.data_plane.services.ssooidc.clients import person
from twinplane.data_plane.services.ssooidc.rules import may_reach_accounts
from twinplane.data_plane.store import Document, Kind
from twinplane.data_plane.tasks import TaskKind


def list_accounts(call: Call, request: Request) -> Answer:
    mine = sorted({each["AccountId"] for each in sso_store.account_assignments(call.tx, _user_id(call))})
    accounts = [{"accountId": account_id, "accountName": account_id} for account_id in mine]
    found, more = _page(call, request, accounts, "accountId")
    return {"accountList": found, **more}


def list_account_roles(call: Call, request: Request) -> Answer:
    """The permission sets that the person has in an account; in one that she has none in, there are none."""
    account_id = request["accountId"]
    mine = sso_store.account_assignments(call.tx, _user_id(call), account_id)
    names = [call.tx.get(sso_store.PERMISSION_SETS, each["PermissionSetArn"])["Name"] for each in mine]
    roles = [{"roleName": name, "accountId": account_id} for name in sorted(names)]
    found, more = _page(call, request, roles, "roleName")
    return {"roleList": found, **more}


def get_role_credentials(call: Call, request: Request) -> Answer:
    """Credentials for the role of a permission set. They end with the assignment that they come of."""
    user_id, account_id = _user_id(call), request["accountId"]
    assigned = sso_store.assigned_role(call.tx, user_id, account_id, request["roleName"])
    role = iam_store.find_role(call.tx, assigned[1]) if assigned is not None else None
    if role is None:
        raise ServiceError("ForbiddenException", "No access", 403)
    user = call.tx.get(identity_store.USERS, user_id)
    instance = sso_store.find_instance(call.tx, identity_store.instance_arn(call.plane))
    made = sessions.issue(
        call.plane, role_arn=role["Arn"], session_name=_session_name(user["UserName"]), now=call.now,
        duration_seconds=role["MaxSessionDuration"], signed_in=user_id,
        session_tags=tuple(sorted(session_tags(instance["attributes"] or [], user, ENTERPRISE).items())),
    )  # fmt: skip
    call.resources.append({"ARN": role["Arn"], "type": "AWS::IAM::Role"})
    return {
        "roleCredentials": {
            "accessKeyId": made["AccessKeyId"], "secretAccessKey": made["SecretAccessKey"],
            "sessionToken": made["SessionToken"], "expiration": int(made["Expiration"] * 1000),
        }
    }  # fmt: skip


def logout(call: Call, request: Request) -> Answer:
    """Ends the sign-in: its portal tokens and its refresh tokens. Credentials that were given out stay."""
    oidc_store.end_family(call.tx, _token(call, request)["family"])
    return {}


def _token(call: Call, request: Request) -> Document:
    token = oidc_store.find_portal_token(call.tx, request["accessToken"], call.now)
    if token is None or identity_store.find_active_user(call.tx, token["user_id"]) is None:
        raise ServiceError("UnauthorizedException", "Session token not found or invalid", 401)
    return token


def _bearer(call: Call, request: Request) -> None:
    """The person's token is what these operations ask for. Raises `ServiceError` UnauthorizedException."""
    token = _token(call, request)
    call.principal = person(call, token["user_id"], token["family"])
    if not may_reach_accounts(token["scopes"]):
        raise ServiceError("UnauthorizedException", "The token's scopes do not reach accounts.", 401)


def _user_id(call: Call) -> str:
    return call.principal.on_behalf_of or ""


def _session_name(user_name: str) -> str:
    """The user's name as the name of a role's session may be written."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "_=,.@-") else "-" for c in user_name)
    return plain[:64].ljust(2, "-")


def _page(
    call: Call, request: Request, items: list[dict[str, str]], member: str
) -> tuple[list[dict[str, str]], dict[str, str]]:
    asked = {name: value for name, value in request.items() if name != "accessToken"}
    found, token = page(
        call, asked, lambda after, limit: [i for i in items if after is None or i[member] > after[0]][:limit],
        lambda item: [item[member]], most=100, error="InvalidRequestException",
    )  # fmt: skip
    return found, ({"nextToken": token} if token else {})


OPERATIONS: dict[str, Operation] = {
    "ListAccounts": replace(reads(list_accounts, _bearer), signed=False),
    "ListAccountRoles": replace(reads(list_account_roles, _bearer), signed=False),
    "GetRoleCredentials": replace(reads(get_role_credentials, _bearer), signed=False),
    "Logout": unsigned(logout, _bearer),
}
KINDS: list[Kind] = oidc_store.KINDS
TASKS: dict[str, TaskKind] = {}
