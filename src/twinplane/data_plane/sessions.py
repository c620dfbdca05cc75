"""Temporary credentials: stateless, signed, and bound to what they were issued for.

A session token is a list of claims under an HMAC; its secret access key is derived from its access key id. Nothing is
stored, so AssumeRole writes nothing and credentials survive a restart. What must end them early is looked up when they
are used: the role, the person behind the session, and the person's membership of the project that vended them.
"""

import base64
import hashlib
import hmac
import secrets
import string
from typing import TYPE_CHECKING, Any

import msgspec

from twinplane.data_plane import tls
from twinplane.data_plane.call import Principal, ProjectScope, ServiceError
from twinplane.data_plane.files import write_private
from twinplane.data_plane.services.iam import store as iam_store
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.services.organizations import store as organizations
from twinplane.data_plane.services.ssoadmin import store as sso_store
from twinplane.data_plane.services.ssooidc import signing
from twinplane.data_plane.store import Derived, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

_ALPHABET = string.ascii_uppercase + "234567"
_MARK_BYTES = 32


class _Claims(msgspec.Struct, array_like=True):
    """What a session token says. Members are only ever added at the end, each with a default."""

    access_key_id: str
    role_arn: str
    session_name: str
    issued_at: float
    expires_at: float
    on_behalf_of: str | None = None
    domain_id: str | None = None
    project_id: str | None = None
    source_identity: str | None = None
    session_policy: str | None = None
    session_tags: tuple[tuple[str, str], ...] = ()
    transitive_tags: tuple[str, ...] = ()
    session_policy_arns: tuple[str, ...] = ()
    federated_provider: str | None = None
    user_arn: str | None = None  # a session of a user: then there is no role
    signed_in: str | None = None


_CREDENTIALS = Derived("credentials", (iam_store.ROLES, iam_store.USERS, iam_store.ACCESS_KEYS))

_ASSIGNED = Derived("roles of permission sets", sso_store.ASSIGNING)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Claims)


def issue(
    plane: "Plane",
    *,
    role_arn: str = "",
    user_arn: str | None = None,
    session_name: str,
    duration_seconds: int,
    now: float,
    on_behalf_of: str | None = None,
    project: ProjectScope | None = None,
    source_identity: str | None = None,
    session_policy: str | None = None,
    session_policy_arns: tuple[str, ...] = (),
    session_tags: tuple[tuple[str, str], ...] = (),
    transitive_tags: tuple[str, ...] = (),
    federated_provider: str | None = None,
    signed_in: str | None = None,
) -> dict[str, Any]:
    """Credentials for a session: AccessKeyId, SecretAccessKey, SessionToken and Expiration (epoch seconds).

    Of a role, or of a user: as the user itself when `session_name` is empty, else as a federated user of that name.
    `on_behalf_of` is the person whose rights the session's calls are decided by; `signed_in` the one who got it through
    the access portal, with the rights of its role.
    Whoever calls this has decided that the session may exist; nothing is checked here.
    """
    claims = _Claims(
        access_key_id="ASIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16)),
        role_arn=role_arn,
        session_name=session_name,
        issued_at=now,
        expires_at=float(int(now) + duration_seconds),
        on_behalf_of=on_behalf_of,
        domain_id=project.domain_id if project else None,
        project_id=project.project_id if project else None,
        source_identity=source_identity,
        session_policy=session_policy,
        session_tags=session_tags,
        transitive_tags=transitive_tags,
        session_policy_arns=session_policy_arns,
        federated_provider=federated_provider,
        user_arn=user_arn,
        signed_in=signed_in,
    )
    body = _encoder.encode(claims)
    return {
        "AccessKeyId": claims.access_key_id,
        "SecretAccessKey": _secret(plane.keys.sessions, claims.access_key_id),
        "SessionToken": base64.urlsafe_b64encode(_mark(plane.keys.sessions, body) + body).decode().rstrip("="),
        "Expiration": claims.expires_at,
    }


def session_arn(role_arn: str, session_name: str) -> str:
    """The ARN of a session of a role (which leaves out the role's path, as AWS does)."""
    return f"arn:aws:sts::{role_arn.split(':')[4]}:assumed-role/{role_arn.rpartition('/')[2]}/{session_name}"


def federated_arn(account_id: str, name: str) -> str:
    """The ARN of a federated user."""
    return f"arn:aws:sts::{account_id}:federated-user/{name}"


def resolve(plane: "Plane", tx: Transaction, access_key_id: str, session_token: str | None) -> tuple[Principal, str]:
    """Who holds these credentials, and the secret access key that must have signed the request.

    Raises `ServiceError` InvalidClientTokenId when the credentials are not ours or what they were issued for is gone,
    ExpiredTokenException when they have ended.
    """
    given = (plane.keys.sessions, access_key_id, session_token)
    principal, secret = tx.derived(_CREDENTIALS, given, lambda: _resolve(plane, tx, access_key_id, session_token))
    if principal.expires_at is not None and principal.expires_at <= plane.clock():
        raise _expired()
    check_person(tx, principal)
    return principal, secret


def _resolve(plane: "Plane", tx: Transaction, access_key_id: str, session_token: str | None) -> tuple[Principal, str]:
    if session_token is None:
        return _resolve_user(plane, tx, access_key_id)
    claims = _open(plane.keys.sessions, session_token)
    if not hmac.compare_digest(claims.access_key_id.encode(), access_key_id.encode()):
        raise _invalid()
    if claims.expires_at <= plane.clock():
        raise _expired()
    if claims.user_arn is not None:
        return _user_session(tx, claims, claims.user_arn), _secret(plane.keys.sessions, access_key_id)
    role = iam_store.find_role_by_arn(tx, claims.role_arn)
    if role is None or role["CreateDate"] > claims.issued_at:  # a role made anew under an old name is another role
        raise _invalid()
    account_id = claims.role_arn.split(":")[4]
    project = None
    if claims.domain_id is not None and claims.project_id is not None:
        project = ProjectScope(claims.domain_id, claims.project_id)
    principal = Principal(
        kind="AssumedRole",
        account_id=account_id,
        arn=session_arn(claims.role_arn, claims.session_name),
        access_key_id=access_key_id,
        role_arn=claims.role_arn,
        session_name=claims.session_name,
        source_identity=claims.source_identity,
        on_behalf_of=claims.on_behalf_of,
        project=project,
        session_policy=claims.session_policy,
        session_policy_arns=claims.session_policy_arns,
        session_tags=claims.session_tags,
        transitive_tags=claims.transitive_tags,
        federated_provider=claims.federated_provider,
        signed_in=claims.signed_in,
        issued_at=claims.issued_at,
        expires_at=claims.expires_at,
    )
    return principal, _secret(plane.keys.sessions, access_key_id)


def _user_session(tx: Transaction, claims: _Claims, user_arn: str) -> Principal:
    user = iam_store.find_user(tx, user_arn.rpartition("/")[2])
    if user is None or user["Arn"] != user_arn:
        raise _invalid()
    if (user.get("renamed_at") or user["CreateDate"]) > claims.issued_at:  # another user had the name then
        raise _invalid()
    account_id = user_arn.split(":")[4]
    federated = bool(claims.session_name)
    return Principal(
        kind="FederatedUser" if federated else "IAMUser",
        account_id=account_id,
        arn=federated_arn(account_id, claims.session_name) if federated else user_arn,
        access_key_id=claims.access_key_id,
        session_name=claims.session_name or None,
        session_policy=claims.session_policy,
        session_policy_arns=claims.session_policy_arns,
        session_tags=claims.session_tags,
        issued_at=claims.issued_at,
        expires_at=claims.expires_at,
        user_arn=user_arn if federated else None,
    )


def write_profiles(plane: "Plane", access_key_id: str, secret: str) -> None:
    """Writes what one signs in with on this machine, each file readable by its owner only.

    `<state>/aws/credentials` and `<state>/aws/config` with the profiles administrator and management (of the account
    that manages the organization), and, at the first start, the development password of all people and the token with
    which a directory may keep them up to date.
    """
    folder = plane.settings.state / "aws"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    manager, manager_secret = _manager(plane)
    config = {"region": plane.settings.region, "endpoint_url": plane.settings.endpoint}
    if plane.settings.endpoint.startswith("https:"):
        config["ca_bundle"] = str(tls.authority_file(plane.settings.state))
    administrator = {"aws_access_key_id": access_key_id, "aws_secret_access_key": secret}
    management = {"aws_access_key_id": manager.access_key_id, "aws_secret_access_key": manager_secret}
    profiles = _ini("administrator", administrator) + "\n" + _ini("management", management)
    write_private(folder / "credentials", profiles.encode())
    profiles = _ini("profile administrator", config) + "\n" + _ini("profile management", config)
    write_private(folder / "config", profiles.encode())
    signing.development_password(plane)
    signing.scim_token(plane)


def _resolve_user(plane: "Plane", tx: Transaction, access_key_id: str) -> tuple[Principal, str]:
    key = iam_store.find_access_key(tx, access_key_id)
    if key is None and access_key_id == organizations.management_key_id(plane.keys):
        return _manager(plane)
    if key is None or key["Status"] != "Active":
        raise _invalid()
    user = iam_store.find_user(tx, key["UserName"])
    if user is None:
        raise _invalid()
    account_id = user["Arn"].split(":")[4]
    principal = Principal("IAMUser", account_id, user["Arn"], access_key_id=access_key_id)
    return principal, iam_store.access_key_secret(plane, access_key_id)


def _manager(plane: "Plane") -> tuple[Principal, str]:
    """The root user of the management account: no document that a lock-out could take away stands behind it."""
    access_key_id = organizations.management_key_id(plane.keys)
    account_id = organizations.management_account_id(plane.settings.account_id)
    principal = Principal("Root", account_id, f"arn:aws:iam::{account_id}:root", access_key_id=access_key_id)
    return principal, iam_store.access_key_secret(plane, access_key_id)


def check_person(tx: Transaction, principal: Principal) -> None:
    """Raises `ServiceError` ExpiredTokenException when a session's person is gone, or lost what it was issued for."""
    if principal.signed_in is not None:
        _check_assigned(tx, principal, principal.signed_in)
    if principal.on_behalf_of is None:
        return
    if identity_store.find_active_user(tx, principal.on_behalf_of) is None:
        raise _expired()
    if principal.project is None:
        return
    from twinplane.data_plane.services.datazone.store import is_member  # DataZone issues sessions: no import circle

    if not is_member(tx, principal.project.domain_id, principal.project.project_id, principal.on_behalf_of):
        raise _expired()


def _check_assigned(tx: Transaction, principal: Principal, user_id: str) -> None:
    """Is the permission set whose role this is still the person's?"""
    person, name = (user_id, principal.account_id), principal.iam_arn.rpartition("/")[2]
    if name not in tx.derived(_ASSIGNED, person, lambda: sso_store.assigned_role_names(tx, *person)):
        raise _expired()


def _open(key: bytes, token: str) -> _Claims:
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        raise _invalid() from None
    mark, body = raw[:_MARK_BYTES], raw[_MARK_BYTES:]
    if not hmac.compare_digest(mark, _mark(key, body)):
        raise _invalid()
    return _decoder.decode(body)


def _mark(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"token" + body, "sha256")


def _secret(key: bytes, access_key_id: str) -> str:
    return base64.b64encode(hmac.new(key, b"secret" + access_key_id.encode(), hashlib.sha256).digest()).decode()[:40]


def _invalid() -> ServiceError:
    return ServiceError("InvalidClientTokenId", "The security token included in the request is invalid.", 403)


def _expired() -> ServiceError:
    return ServiceError("ExpiredTokenException", "The security token included in the request is expired", 403)


def _ini(section: str, members: dict[str, str]) -> str:
    return f"[{section}]\n" + "".join(f"{name} = {value}\n" for name, value in members.items())
