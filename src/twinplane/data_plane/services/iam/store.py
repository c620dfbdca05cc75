"""Roles, users, access keys and customer managed policies."""

import base64
import hmac
import json
import secrets
import string
from typing import TYPE_CHECKING, Any

from twinplane.data_plane.call import Principal
from twinplane.data_plane.store import Derived, Document, Kind, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

# Policies are kept as the text they were given as. Names that differ only in case are the same name (`name_key`).
ROLES = Kind("iam_role", key=("RoleName",), columns=("Path",), unique=(("Arn",), ("name_key",)))
USERS = Kind("iam_user", key=("UserName",), columns=("Path",), unique=(("Arn",), ("name_key",)))
GROUPS = Kind("iam_group", key=("GroupName",), columns=("Path",), unique=(("Arn",), ("name_key",)))
GROUP_MEMBERS = Kind("iam_group_member", key=("GroupName", "UserName"), indexes=(("UserName",),))
ACCESS_KEYS = Kind("iam_access_key", key=("AccessKeyId",), indexes=(("UserName",),))
POLICIES = Kind("iam_policy", key=("Arn",), columns=("Path",), unique=(("name_key",),))
OIDC_PROVIDERS = Kind("iam_oidc_provider", key=("Arn",), unique=(("name",),))
INSTANCE_PROFILES = Kind(
    "iam_instance_profile", key=("InstanceProfileName",), columns=("Path",), unique=(("name_key",),),
    indexes=(("role_name",),),
)  # fmt: skip
ALIASES = Kind("iam_account_alias", key=("alias",))
KINDS = [
    ROLES, USERS, GROUPS, GROUP_MEMBERS, ACCESS_KEYS, POLICIES, OIDC_PROVIDERS, INSTANCE_PROFILES, ALIASES,
]  # fmt: skip

_IDS = Derived("unique ids of principals", (ROLES, USERS))

ADMINISTRATOR = "administrator"
ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
_ALPHABET = string.ascii_uppercase + "234567"


def text_of(document: dict[str, Any]) -> str:
    """A policy document as compact text."""
    return json.dumps(document, separators=(",", ":"))


_S3_READING = ["s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*"]
_AWS_MANAGED = {  # those whose documents are as plain as this; AWS has hundreds more
    f"arn:aws:iam::aws:policy/{name}": text_of({"Version": "2012-10-17", "Statement": [statement]})
    for name, statement in {
        "AdministratorAccess": {"Effect": "Allow", "Action": "*", "Resource": "*"},
        "AWSDenyAll": {"Sid": "DenyAll", "Effect": "Deny", "Action": ["*"], "Resource": "*"},
        "AmazonS3FullAccess": {"Effect": "Allow", "Action": ["s3:*", "s3-object-lambda:*"], "Resource": "*"},
        "AmazonS3ReadOnlyAccess": {"Effect": "Allow", "Action": _S3_READING, "Resource": "*"},
    }.items()
}


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


def new_group(*, account_id: str, name: str, path: str, now: float) -> Document:
    """A group's document before anything was allowed to it."""
    return {
        "GroupName": name, "name_key": name.casefold(), "Path": path, "GroupId": _unique_id("AGPA"),
        "Arn": f"arn:aws:iam::{account_id}:group{path}{name}", "CreateDate": now, "policies": {}, "attached": [],
    }  # fmt: skip


def new_instance_profile(*, account_id: str, name: str, path: str, now: float) -> Document:
    """An instance profile's document before it has a role."""
    return {
        "InstanceProfileName": name, "name_key": name.casefold(), "Path": path, "InstanceProfileId": _unique_id("AIPA"),
        "Arn": f"arn:aws:iam::{account_id}:instance-profile{path}{name}", "CreateDate": now, "role_name": None,
    }  # fmt: skip


def renamed(entity: Document, arn_type: str, member: str, name: str, path: str) -> Document:
    """The same user or group under another name and path."""
    account_id = entity["Arn"].split(":")[4]
    return entity | {
        member: name, "name_key": name.casefold(), "Path": path,
        "Arn": f"arn:aws:iam::{account_id}:{arn_type}{path}{name}",
    }  # fmt: skip


def groups_of(tx: Transaction, user_name: str) -> list[Document]:
    """The groups a user is in, by name."""
    rows = tx.select(GROUP_MEMBERS, {"UserName": user_name})
    return [tx.get(GROUPS, row["GroupName"]) for row in rows]


def find_user(tx: Transaction, name: str) -> Document | None:
    """The IAM user with this name, or None."""
    return tx.find(USERS, name)


def find_entity(tx: Transaction, principal: Principal) -> Document | None:
    """The role or user behind a principal, or None when it is gone (or never was)."""
    if principal.role_arn is not None:
        return find_role_by_arn(tx, principal.role_arn)
    user = tx.find(USERS, principal.entity_arn.rpartition("/")[2])
    return user if user is not None and user["Arn"] == principal.entity_arn else None


def principal_id(tx: Transaction, principal: Principal) -> str:
    """`aws:userid`: the user's unique id, or the role's with the session's name behind it."""
    return tx.derived(_IDS, principal, lambda: _principal_id(tx, principal))


def _principal_id(tx: Transaction, principal: Principal) -> str:
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
        "Arn": arn, "PolicyName": name, "PolicyId": f"ANPA{name.upper():A<17.17}", "Path": "/", "CreateDate": 0.0,
        "document": text, "tags": {},
    }  # fmt: skip


def aws_managed_policies() -> list[Document]:
    """The documents of all managed policies of AWS's own that are known here."""
    return [policy for policy in map(aws_managed_policy, _AWS_MANAGED) if policy is not None]


def policy_version(version_id: str, text: str, now: float) -> Document:
    """One version of a managed policy."""
    return {"id": version_id, "document": text, "at": now}


def versions_of(policy: Document) -> list[Document]:
    """The versions of a managed policy, oldest first; the default one's text is the policy's `document`."""
    versions: list[Document] | None = policy.get("versions")
    return versions or [policy_version("v1", policy["document"], policy["CreateDate"])]  # AWS's, or of an old state


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


def account_of_administrator(tx: Transaction) -> str | None:
    """The account of the plane's administrator, where there is one already."""
    user = find_user(tx, ADMINISTRATOR)
    return None if user is None else str(user["Arn"]).split(":")[4]


def ensure_administrator(tx: Transaction, plane: "Plane") -> tuple[str, str]:
    """The access key id and secret of the plane's administrator; creates user and key where they are missing."""
    now = plane.clock()
    if find_user(tx, ADMINISTRATOR) is None:
        user = new_user(account_id=plane.settings.account_id, name=ADMINISTRATOR, path="/", now=now)
        tx.add(USERS, user | {"attached": [ADMINISTRATOR_ACCESS]})
    key = tx.first(ACCESS_KEYS, {"UserName": ADMINISTRATOR}) or new_access_key(tx, ADMINISTRATOR, now)
    return key["AccessKeyId"], access_key_secret(plane, key["AccessKeyId"])


def _unique_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(16))
