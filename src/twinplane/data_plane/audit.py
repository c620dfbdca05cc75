"""One CloudTrail record for each call: who, acting as whom, did what, from where, and how it ended.

No secret may reach a record: members the model marks sensitive are hidden, as are members with a secret's name, and
bodies are left out.
"""

import asyncio
from typing import Any

import structlog
from pysqlite3 import dbapi2 as sqlite

from twinplane.data_plane.call import Answer, Call, Principal, Request, ServiceError
from twinplane.data_plane.plane import Plane
from twinplane.data_plane.services.cloudtrail.store import add_event
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.wire.http import HttpRequest, new_request_id
from twinplane.data_plane.wire.models import Model, OperationModel, Ref
from twinplane.data_plane.wire.scalars import iso8601

log = structlog.get_logger()

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
_LONGEST_TEXT = 4096
_GATHERING_SECONDS = 0.025
_SECRET_NAMES = frozenset((
    "secretaccesskey", "sessiontoken", "accesstoken", "refreshtoken", "idtoken", "assertion", "contextassertion",
    "identitycontext", "password", "secret", "secretstring", "clientsecret", "subjecttoken", "actortoken", "code",
    "codeverifier", "authtoken", "authorizationtoken", "samlassertion", "webidentitytoken", "privatekey",
))  # fmt: skip
_READING = ("Get", "List", "Head", "Describe", "Lookup", "Search", "BatchGet", "Query", "Select", "Simulate")


def is_read_only(operation: str) -> bool:
    """Whether AWS's records call an operation of this name read-only."""
    return operation.startswith(_READING)


def record(
    model: Model, operation: OperationModel, call: Call, http: HttpRequest, request: Request | None,
    answer: Answer | None = None, error: ServiceError | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The CloudTrail record of a call that was answered with `answer` or refused with `error`."""
    read_only = is_read_only(operation.name)
    event: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": _identity(call, call.principal),
        "eventTime": call.now,
        "eventSource": model.event_source,
        "eventName": operation.name,
        "awsRegion": call.region,
        "sourceIPAddress": http.client,
        "userAgent": http.headers.get("user-agent", "")[:1024],
        "requestParameters": _shown(model, operation.input, request) if request is not None else None,
        "responseElements": None if read_only or answer is None else _shown(model, operation.output, answer),
        "requestID": call.request_id,
        "eventID": new_request_id(),
        "readOnly": read_only,
        "resources": [{"accountId": call.account_id, **resource} for resource in call.resources],
        "eventType": "AwsApiCall",
        "managementEvent": model.name != "s3" or "Bucket" in operation.name,
        "recipientAccountId": call.account_id,
        "eventCategory": "Management",
    }
    if error is not None:
        event |= {"errorCode": error.code, "errorMessage": error.message}
    return event


class Recorder:
    """Writes the records that no transaction carries: of reads some together, a moment later; of refusals at once.

    A crash may lose the records of the last moment's reads, never one of a change.
    """

    def __init__(self, plane: Plane) -> None:
        self._plane, self._store = plane, plane.store
        self._gathered: list[dict[str, Any]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writing: set[asyncio.Task[None]] = set()

    async def now(self, event: dict[str, Any]) -> None:
        """Returns once the record is on disk."""
        await self._store.write(lambda tx: add_event(tx, self._plane, event))

    def later(self, event: dict[str, Any]) -> None:
        """Keeps nobody waiting for the disk."""
        self._gathered.append(event)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_GATHERING_SECONDS, self._flush)

    async def settle(self) -> None:
        """Returns once every record given so far is on disk."""
        self._flush()
        if self._writing:
            await asyncio.wait(self._writing)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._gathered:
            events, self._gathered = self._gathered, []
            task = asyncio.get_running_loop().create_task(self._write(events))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def _write(self, events: list[dict[str, Any]]) -> None:
        try:
            await self._store.write(lambda tx: [add_event(tx, self._plane, event) for event in events])
        except sqlite.Error:
            log.exception("calls could not be recorded", requests=[event["requestID"] for event in events])


def _identity(call: Call, principal: Principal) -> dict[str, Any]:
    if principal.kind == "Anonymous":
        return {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}
    identity: dict[str, Any] = {
        "type": principal.kind,
        "principalId": principal.arn.partition("/")[2],
        "arn": principal.arn,
        "accountId": principal.account_id,
        "accessKeyId": principal.access_key_id,
    }
    if principal.kind == "Root":
        return identity | {"principalId": principal.account_id}
    if principal.kind == "IAMUser":
        return identity | {"userName": principal.arn.rpartition("/")[2]}
    issuer = principal.iam_arn
    identity["sessionContext"] = {
        "sessionIssuer": {
            "type": "Role" if principal.role_arn is not None else "IAMUser",
            "principalId": issuer.rpartition("/")[2],
            "arn": issuer,
            "accountId": principal.account_id,
            "userName": issuer.rpartition("/")[2],
        },
        "attributes": {"creationDate": iso8601(float(int(principal.issued_at))), "mfaAuthenticated": "false"},
    }
    if principal.source_identity is not None:
        identity["sessionContext"]["sourceIdentity"] = principal.source_identity
    if principal.on_behalf_of is not None:
        store_id = identity_store.identity_store_id(call.plane)
        identity["onBehalfOf"] = {
            "userId": principal.on_behalf_of,
            "identityStoreArn": f"arn:aws:identitystore::{call.account_id}:identitystore/{store_id}",
        }
    return identity


def _shown(model: Model, ref: Ref | None, value: Any) -> Any:
    """A value as a record shows it: names start in lower case, secrets are hidden, bodies left out."""
    shape = model.shapes.get(ref.shape) if ref is not None else None
    if shape is not None and shape.sensitive:
        return HIDDEN
    if isinstance(value, dict):
        if shape is not None and shape.type == "map":
            return {name: _shown_member(model, name, shape.value, each) for name, each in value.items()}
        members = shape.members if shape is not None else {}
        return {
            _lower_first(name): _shown_member(model, name, members.get(name), each)
            for name, each in value.items() if not name.startswith("_") and not isinstance(each, bytes)
        }  # fmt: skip
    if isinstance(value, (list, tuple)):
        return [_shown(model, shape.member if shape is not None else None, each) for each in value]
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return value[:_LONGEST_TEXT] + "…"
    return value if isinstance(value, (str, int, float, bool, type(None))) else None


def _shown_member(model: Model, name: str, ref: Ref | None, value: Any) -> Any:
    if name.lower() in _SECRET_NAMES and value is not None:
        return HIDDEN
    return _shown(model, ref, value)


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]
