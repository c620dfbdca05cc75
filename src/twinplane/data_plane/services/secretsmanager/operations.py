"""Secrets: what connections of projects name for user names and passwords. No rotation, replication or KMS keys."""

from collections.abc import Callable
from uuid import uuid4

from twinplane.data_plane.call import Access, Answer, Call, Operation, Request, ServiceError, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.services.secretsmanager import rules, store
from twinplane.data_plane.store import Document
from twinplane.data_plane.tasks import TaskKind

KINDS = store.KINDS
TASKS: dict[str, TaskKind] = {}

_SHOWN = ("ARN", "Name", "Description", "CreatedDate", "LastChangedDate", "DeletedDate", "Tags")


def create_secret(call: Call, request: Request) -> Answer:
    for member in ("KmsKeyId", "AddReplicaRegions", "Type"):
        if request.get(member):
            raise ServiceError("InvalidParameterException", f"{member} is not served by this data plane.")
    rules.check_name(request["Name"])
    known = store.find(call.tx, request["Name"], call.now)
    if known is not None:
        rules.check_not_deleted(known)
        raise ServiceError(
            "ResourceExistsException", f"The operation failed because the secret {request['Name']} already exists."
        )
    _remove_what_is_over(call, request["Name"])
    prefix = rules.prefix(call.region, call.account_id)
    secret = {
        "ARN": f"{prefix}{request['Name']}-{new_id()[:6]}",
        "Name": request["Name"],
        "CreatedDate": call.now,
        "LastChangedDate": call.now,
        "Tags": request.get("Tags") or [],
        **({"Description": request["Description"]} if request.get("Description") else {}),
    }
    call.tx.add(store.SECRETS, secret)
    answer = {"ARN": secret["ARN"], "Name": secret["Name"]}
    if request.get("SecretString") is None and request.get("SecretBinary") is None:
        return answer
    return answer | {"VersionId": _add_version(call, secret, request, [rules.CURRENT])["VersionId"]}


def _remove_what_is_over(call: Call, name: str) -> None:
    """A secret of the name whose time to be restored is over is still stored."""
    old = call.tx.first(store.SECRETS, {"Name": name})
    if old is not None:
        store.remove(call.tx, old["ARN"])


def _add_version(call: Call, secret: Document, request: Request, stages: list[str]) -> Document:
    text, binary = request.get("SecretString"), request.get("SecretBinary")
    rules.check_one_value(text, binary)
    version_id = request.get("ClientRequestToken") or str(uuid4())
    if call.tx.find(store.VERSIONS, secret["ARN"], version_id) is not None:
        raise ServiceError("ResourceExistsException", f"Version {version_id} of the secret exists with another value.")
    return store.add_version(call.tx, call.plane, secret["ARN"], version_id, stages, text, binary, call.now)


def put_secret_value(call: Call, request: Request) -> Answer:
    secret = _secret(call, request)
    rules.check_not_deleted(secret)
    stages = request.get("VersionStages") or [rules.CURRENT]
    version = _add_version(call, secret, request, stages)
    call.tx.put(store.SECRETS, secret | {"LastChangedDate": call.now})
    return {
        "ARN": secret["ARN"], "Name": secret["Name"], "VersionId": version["VersionId"], "VersionStages": stages
    }  # fmt: skip


def get_secret_value(call: Call, request: Request) -> Answer:
    """The value of a version: the current one unless another is named."""
    secret = _secret(call, request)
    rules.check_not_deleted(secret)
    found = store.versions(call.tx, secret["ARN"])
    version = rules.version_meant(found, request.get("VersionId"), request.get("VersionStage"))
    return {
        "ARN": secret["ARN"],
        "Name": secret["Name"],
        "VersionId": version["VersionId"],
        "VersionStages": version["stages"],
        "CreatedDate": version["CreatedDate"],
        **store.value_of(call.plane, version),
    }


def describe_secret(call: Call, request: Request) -> Answer:
    secret = _secret(call, request)
    stages = {each["VersionId"]: each["stages"] for each in store.versions(call.tx, secret["ARN"]) if each["stages"]}
    return _shown(secret) | {"VersionIdsToStages": stages}


def list_secrets(call: Call, request: Request) -> Answer:
    """All secrets by their ARNs; those that wait for their deletion when asked for."""
    if request.get("Filters"):
        raise ServiceError("InvalidParameterException", "Filters are not served by this data plane.")
    rows, token = page(
        call,
        request,
        lambda after, limit: call.tx.select(store.SECRETS, after=after, limit=limit),
        lambda secret: [secret["ARN"]],
        size="MaxResults",
        token="NextToken",  # noqa: S106 - a member's name
        default=100,
        most=100,
        error="InvalidNextTokenException",
    )
    wanted = [s for s in rows if s.get("DeletedDate") is None or request.get("IncludePlannedDeletion")]
    return {
        "SecretList": [_shown(s) for s in wanted if s.get("deletesAt", call.now + 1) > call.now],
        "NextToken": token,
    }


def delete_secret(call: Call, request: Request) -> Answer:
    """Has a secret deleted when it can no longer be restored, or at once."""
    force = bool(request.get("ForceDeleteWithoutRecovery"))
    seconds = rules.recovery_seconds(request.get("RecoveryWindowInDays"), force)
    secret = _secret(call, request)
    if force:
        store.remove(call.tx, secret["ARN"])
    else:
        rules.check_not_deleted(secret)
        call.tx.put(store.SECRETS, secret | {"DeletedDate": call.now, "deletesAt": call.now + seconds})
    return {"ARN": secret["ARN"], "Name": secret["Name"], "DeletionDate": call.now + seconds}


def restore_secret(call: Call, request: Request) -> Answer:
    """Takes a deletion back."""
    secret = _secret(call, request)
    kept = {member: value for member, value in secret.items() if member not in ("DeletedDate", "deletesAt")}
    call.tx.put(store.SECRETS, kept)
    return {"ARN": secret["ARN"], "Name": secret["Name"]}


def _shown(secret: Document) -> Answer:
    return {member: secret[member] for member in _SHOWN if member in secret}


def _secret(call: Call, request: Request) -> Document:
    secret = store.find(call.tx, request["SecretId"], call.now)
    if secret is None:
        raise rules.not_found()
    call.resources.append({"ARN": secret["ARN"], "type": "AWS::SecretsManager::Secret"})
    return secret


def _on_secret(action: str) -> Access:
    """Access by IAM to the secret that the request names; policies may ask for its tags."""

    def arn(call: Call, request: Request) -> str:
        secret = store.find(call.tx, request["SecretId"], call.now)
        if secret is not None:
            return str(secret["ARN"])
        named = str(request["SecretId"])
        return named if named.startswith("arn:") else f"{rules.prefix(call.region, call.account_id)}{named}-??????"

    def tags(call: Call, request: Request) -> dict[str, str]:
        secret = store.find(call.tx, request["SecretId"], call.now)
        listed = [] if secret is None else secret["Tags"]
        return {f"aws:ResourceTag/{tag['Key']}": tag.get("Value", "") for tag in listed}

    # the refusal names what the request names: the random end of an ARN tells that a secret is there
    shown: Callable[[Call, Request], str] = lambda _call, request: str(request["SecretId"])  # noqa: E731
    return iam(f"secretsmanager:{action}", arn, tags, shown, ("aws:resourcetag/",))


def _new(call: Call, request: Request) -> str:
    return f"{rules.prefix(call.region, call.account_id)}{request['Name']}-??????"


def _new_tags(_call: Call, request: Request) -> dict[str, str]:
    return {f"aws:RequestTag/{tag['Key']}": tag.get("Value", "") for tag in request.get("Tags") or []}


OPERATIONS: dict[str, Operation] = {
    "CreateSecret": writes(
        create_secret, iam("secretsmanager:CreateSecret", _new, _new_tags, known=("aws:requesttag/",))
    ),
    "PutSecretValue": writes(put_secret_value, _on_secret("PutSecretValue")),
    "GetSecretValue": reads(get_secret_value, _on_secret("GetSecretValue")),
    "DescribeSecret": reads(describe_secret, _on_secret("DescribeSecret")),
    "ListSecrets": reads(list_secrets, iam("secretsmanager:ListSecrets")),
    "DeleteSecret": writes(delete_secret, _on_secret("DeleteSecret")),
    "RestoreSecret": writes(restore_secret, _on_secret("RestoreSecret")),
}
