"""Roles, users, access keys and customer managed policies."""

import base64
import hmac
import json
import secrets
import string
from typing import TYPE_CHECKING, Any

from twinplane.data_plane.call import Principal
from twinplane.data_plane.store import Document, Kind, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

# Policies are kept as the text they were given as. Names that differ only in case are the same name (`name_key`).
ROLES = Kind("iam_role", key=("RoleName",), columns=("Path",), unique=(("Arn",), ("name_key",)))
USERS = Kind("iam_user", key=("UserName",), columns=("Path",), unique=(("Arn",), ("name_key",)))
ACCESS_KEYS = Kind("iam_access_key", key=("AccessKeyId",), indexes=(("UserName",),))
POLICIES = Kind("iam_policy", key=("Arn",), columns=("Path",), unique=(("name_key",),))
OIDC_PROVIDERS = Kind("iam_oidc_provider", key=("Arn",), unique=(("name",),))
KINDS = [ROLES, USERS, ACCESS_KEYS, POLICIES, OIDC_PROVIDERS]

ADMINISTRATOR = "administrator"
ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
_AWS_MANAGED = {
    ADMINISTRATOR_ACCESS: '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
}
_ALPHABET = string.ascii_uppercase + "234567"


def put_role(
    tx: Transaction,
    *,
    account_id: str,
    name: str,
    trust_policy: dict[str, Any],
    policies: dict[str, dict[str, Any]],
    path: str = "/",
    boundary_arn: str | None = None,
    tags: dict[str, str] | None = None,
    now: float,
) -> Document:
    """Creates the role, or gives the one with this name these policies, boundary and tags. Returns its document."""
    known = find_role(tx, name)
    role = known or new_role(account_id=account_id, name=name, path=path, now=now)
    role |= {
        "AssumeRolePolicyDocument": text_of(trust_policy),
        "policies": {policy: text_of(document) for policy, document in policies.items()},
        "boundary_arn": boundary_arn,
        "tags": dict(tags or {}),
    }
    return tx.put(ROLES, role)


def new_role(*, account_id: str, name: str, path: str, now: float) -> Document:
    """A role's document before anything was allowed to or by it."""
    return {
        "RoleName": name, "name_key": name.casefold(), "Path": path, "RoleId": _unique_id("AROA"),
        "Arn": f"arn:aws:iam::{account_id}:role{path}{name}", "CreateDate": now, "MaxSessionDuration": 3600,
        "policies": {}, "attached": [], "boundary_arn": None, "tags": {},
    }  # fmt: skip


def find_role(tx: Transaction, name: str) -> Document | None:
    """The role with this name, or None."""
    return tx.find(ROLES, name)


def find_role_by_arn(tx: Transaction, arn: str) -> Document | None:
    """The role with this ARN, or None."""
    role = tx.find(ROLES, arn.rpartition("/")[2])
    return role if role is not None and role["Arn"] == arn else None


def remove_role(tx: Transaction, name: str) -> bool:
    """Removes the role; says whether there was one. Its sessions end with it."""
    return tx.remove(ROLES, name)


def new_user(*, account_id: str, name: str, path: str, now: float) -> Document:
    """A user's document before anything was allowed to it."""
    return {
        "UserName": name, "name_key": name.casefold(), "Path": path, "UserId": _unique_id("AIDA"),
        "Arn": f"arn:aws:iam::{account_id}:user{path}{name}", "CreateDate": now,
        "policies": {}, "attached": [], "boundary_arn": None, "tags": {},
    }  # fmt: skip


def find_user(tx: Transaction, name: str) -> Document | None:
    """The IAM user with this name, or None."""
    return tx.find(USERS, name)


def find_entity(tx: Transaction, principal: Principal) -> Document | None:
    """The role or user behind a principal, or None when it is gone (or never was)."""
    if principal.role_arn is not None:
        return find_role_by_arn(tx, principal.role_arn)
    user = tx.find(USERS, principal.iam_arn.rpartition("/")[2])
    return user if user is not None and user["Arn"] == principal.iam_arn else None


def principal_id(tx: Transaction, principal: Principal) -> str:
    """`aws:userid`: the user's unique id, or the role's with the session's name behind it."""
    if principal.kind == "Root":
        return principal.account_id
    if principal.kind == "FederatedUser":
        return f"{principal.account_id}:{principal.session_name}"
    entity = find_entity(tx, principal)
    if entity is None:
        return ""
    return f"{entity['RoleId']}:{principal.session_name}" if principal.role_arn else str(entity["UserId"])


def managed_policy(tx: Transaction, arn: str) -> str | None:
    """The text of the managed policy with this ARN, or None."""
    known = _AWS_MANAGED.get(arn)
    if known is not None:
        return known
    policy = tx.find(POLICIES, arn)
    return None if policy is None else str(policy["document"])


def aws_managed_policy(arn: str) -> Document | None:
    """The document of a managed policy of AWS's own, or None."""
    text = _AWS_MANAGED.get(arn)
    if text is None:
        return None
    name = arn.rpartition("/")[2]
    return {
        "Arn": arn, "PolicyName": name, "PolicyId": name, "Path": "/", "CreateDate": 0.0, "document": text, "tags": {},
    }  # fmt: skip


def new_policy_id() -> str:
    """A unique id for a customer managed policy."""
    return _unique_id("ANPA")


def new_access_key(tx: Transaction, user_name: str, now: float) -> Document:
    """Adds an active access key for the user and returns its document (which holds no secret)."""
    key = {"AccessKeyId": _unique_id("AKIA"), "UserName": user_name, "Status": "Active", "CreateDate": now}
    return tx.add(ACCESS_KEYS, key)


def find_access_key(tx: Transaction, access_key_id: str) -> Document | None:
    """The access key with this id, or None."""
    return tx.find(ACCESS_KEYS, access_key_id)


def access_key_secret(plane: "Plane", access_key_id: str) -> str:
    """The secret of an access key, derived so that it is never stored."""
    mark = hmac.digest(plane.keys.derive("access keys"), access_key_id.encode(), "sha256")
    return base64.b64encode(mark).decode()[:40]


def ensure_administrator(tx: Transaction, plane: "Plane") -> tuple[str, str]:
    """The access key id and secret of the plane's administrator; creates user and key where they are missing."""
    now = plane.clock()
    if find_user(tx, ADMINISTRATOR) is None:
        user = new_user(account_id=plane.settings.account_id, name=ADMINISTRATOR, path="/", now=now)
        tx.add(USERS, user | {"attached": [ADMINISTRATOR_ACCESS]})
    key = tx.first(ACCESS_KEYS, {"UserName": ADMINISTRATOR}) or new_access_key(tx, ADMINISTRATOR, now)
    return key["AccessKeyId"], access_key_secret(plane, key["AccessKeyId"])


def text_of(document: dict[str, Any]) -> str:
    """A policy document as compact text."""
    return json.dumps(document, separators=(",", ":"))


def _unique_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(16))
