"""What S3 Access Grants decides from texts alone: scopes, what lies within them, the policy of vended credentials."""

import json
import re
from typing import Any

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.services.iam.policy import Context, Policy

SERVICE = "access-grants.s3.amazonaws.com"
DEFAULT_SCOPE = "s3://"
_URI = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<path>.*))?", re.DOTALL)

_COVERS = {"READ": ("READ", "READWRITE"), "WRITE": ("WRITE", "READWRITE"), "READWRITE": ("READWRITE",)}
_READING = (
    "s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAcl", "s3:GetObjectVersionAcl", "s3:ListMultipartUploadParts",
)  # fmt: skip
_WRITING = (
    "s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectVersionAcl", "s3:DeleteObject", "s3:DeleteObjectVersion",
    "s3:AbortMultipartUpload",
)  # fmt: skip


def location_scope(text: str) -> str:
    """The scope of a location, always with a `/` behind its bucket. Raises `InvalidAccessGrantsLocation`."""
    if text == DEFAULT_SCOPE:
        return text
    found = _URI.fullmatch(text)
    if found is None or "*" in text:
        raise ServiceError("InvalidAccessGrantsLocation", "The specified S3 Prefix is invalid", 400)
    return f"s3://{found['bucket']}/{found['path'] or ''}"


def grant_scope(location: str, sub_prefix: str | None, *, to_object: bool) -> str:
    """The scope of a grant below a location: of all that begins with it when it ends in `*`, else of one object.

    Raises `InvalidAccessGrant`.
    """
    if sub_prefix is None and location == DEFAULT_SCOPE:
        raise _invalid_grant("A grant below the default location must name a bucket in S3SubPrefix")
    scope = location + (sub_prefix if sub_prefix is not None else "*")
    found = _URI.fullmatch(scope.removesuffix("*"))
    if found is None or "*" in scope.removesuffix("*"):
        raise _invalid_grant("The sub prefix must name a bucket, and may have a * at its end only")
    if to_object == scope.endswith("*") or (to_object and not found["path"]):
        raise _invalid_grant("The scope of a grant of an object is its key; any other ends in a *")
    if found["path"] is None:  # a bucket's name, and not all that begin with it
        return f"s3://{found['bucket']}/*"
    return scope


def target_scope(target: str, *, to_object: bool) -> str:
    """What a request for access asks for, as a scope. Raises `InvalidRequest`."""
    found = _URI.fullmatch(target.removesuffix("*"))
    if found is None or (to_object and (target.endswith("*") or not found["path"])):
        raise ServiceError("InvalidRequest", "The specified S3 Prefix is invalid", 400)
    if found["path"] is None:
        return f"s3://{found['bucket']}/*"
    return target if to_object or target.endswith("*") else target + "*"


def is_within(target: str, scope: str) -> bool:
    """Whether one scope lies in another."""
    if not scope.endswith("*"):
        return target == scope
    return target.removesuffix("*").startswith(scope.removesuffix("*"))


def covers(granted: str, asked: str) -> bool:
    """Whether a grant's permission includes the one asked for."""
    return granted in _COVERS[asked]


def session_policy(scope: str, permission: str) -> str:
    """The policy that limits vended credentials to a scope."""
    found = _URI.fullmatch(scope.removesuffix("*"))
    assert found is not None
    path, rest = _literally(found["path"] or ""), "*" if scope.endswith("*") else ""
    bucket = f"arn:aws:s3:::{found['bucket']}"
    actions = [*(_READING if permission != "WRITE" else ()), *(_WRITING if permission != "READ" else ())]
    statements: list[dict[str, Any]] = [{"Effect": "Allow", "Action": actions, "Resource": f"{bucket}/{path}{rest}"}]
    if permission != "WRITE":
        limited = {"StringLike": {"s3:prefix": [f"{path}{rest}"]}}
        listing = ["s3:ListBucket", "s3:ListBucketVersions"]
        statements.append({"Effect": "Allow", "Action": listing, "Resource": bucket, "Condition": limited})
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _literally(text: str) -> str:
    """A text in the policy language, in which nothing stands for something else."""
    return re.sub(r"[*?]|\$(?=\{)", lambda found: "${" + found[0] + "}", text)


def lets_access_grants_in(trust: Policy, actions: tuple[str, ...], context: Context) -> bool:
    """Whether a role's trust policy lets the service take each of the actions."""
    return all(_lets_in(trust, action, context) for action in actions)


def _lets_in(trust: Policy, action: str, context: Context) -> bool:
    verdicts = {
        statement.allow
        for statement in trust.statements
        if statement.applies(action, "*", context)
        and any(kind == "Service" and name == SERVICE for kind, name in statement.principals or ())
    }
    return verdicts == {True}


def _invalid_grant(message: str) -> ServiceError:
    return ServiceError("InvalidAccessGrant", message, 400)
