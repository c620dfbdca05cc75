"""One CloudTrail record for each call: who, acting as whom, did what, from where, and how it ended.

No secret may reach a record: see `redaction`. Calls that nobody signed, or whose signature is refused, are not
recorded, as on AWS: nobody in this account made them.
"""

import asyncio
from functools import lru_cache
from typing import Any

import msgspec
import structlog
from pysqlite3 import dbapi2 as sqlite

from twinplane.data_plane import journal, trouble
from twinplane.data_plane.call import Answer, Call, Principal, Request, ServiceError
from twinplane.data_plane.plane import Plane
from twinplane.data_plane.redaction import Redaction, Show
from twinplane.data_plane.services.cloudtrail import store
from twinplane.data_plane.services.cloudtrail.rules import is_management_event
from twinplane.data_plane.services.cloudtrail.store import Event
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.store import Derived, Transaction
from twinplane.data_plane.wire.errors import own_code
from twinplane.data_plane.wire.http import HttpRequest, new_timed_id
from twinplane.data_plane.wire.models import Model, OperationModel
from twinplane.data_plane.wire.scalars import iso8601

log = structlog.get_logger()

_GATHERING_SECONDS = 0.25
_INDEXED_AT_ONCE = 500
_MOST_KEPT = 100_000  # events in memory while the database cannot take them
_READING = ("Get", "List", "Head", "Describe", "Lookup", "Search", "BatchGet", "Query", "Select", "Simulate")
_PEOPLE = Derived("names of people in events", (identity_store.USERS,))

_encode = msgspec.json.Encoder().encode
_text = lru_cache(maxsize=1024)(_encode)  # user agents and addresses: few, and the same each time
_iso = lru_cache(maxsize=8)(lambda seconds: store.iso(seconds).encode())


def is_read_only(operation: str) -> bool:
    """Whether AWS's records call an operation of this name read-only."""
    return operation.startswith(_READING)


class _Fixed:
    """What is the same in every record of an operation."""

    def __init__(self, model: Model, redaction: Redaction, operation: OperationModel, plane: Plane) -> None:
        self.source, self.name = model.event_source, operation.event_name or operation.name
        self.read_only = is_read_only(self.name)
        self.show_request: Show = redaction.shower(operation.input)
        self.show_answer: Show = redaction.shower(operation.output)
        region, account = _encode(plane.settings.region), _encode(plane.settings.account_id)
        self.what = (
            b'","eventSource":%b,"eventName":%b,"awsRegion":%b,"sourceIPAddress":'
            % (_encode(self.source), _encode(self.name), region)
        )  # fmt: skip
        self.kind = b'","readOnly":%b,"resources":' % _encode(self.read_only)
        management = is_management_event(self.source.partition(".")[0], self.name)
        self.end = (
            b',"eventType":"AwsApiCall","managementEvent":%b,"recipientAccountId":%b,"eventCategory":%b'
            % (_encode(management), account, _encode("Management" if management else "Data"))
        )  # fmt: skip


class Records:
    """Makes the events of calls; what is the same for an operation or a principal is made once."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._redactions: dict[str, Redaction] = {}
        self._fixed: dict[tuple[str, str], _Fixed] = {}
        self._identities: dict[Principal, bytes] = {}

    def event(
        self, model: Model, operation: OperationModel, call: Call, http: HttpRequest, request: Request | None,
        answer: Answer | None = None, error: ServiceError | None = None,
    ) -> Event:  # fmt: skip
        """The event of a call that was answered with `answer` or refused with `error`."""
        fixed = self._fixed.get((model.name, operation.name)) or self._fix(model, operation)
        principal, event_id = call.principal, new_timed_id(call.now)
        shown = None if fixed.read_only or answer is None else fixed.show_answer(answer)
        resources = [{"accountId": call.account_id, **resource} for resource in call.resources]
        record = b"".join((
            b'{"eventVersion":"1.11","userIdentity":', self._identities.get(principal) or self._identify(principal),
            b',"eventTime":"', _iso(int(call.now)), fixed.what, _text(http.client),
            b',"userAgent":', _text(http.headers.get("user-agent", "")[:1024]),
            b',"requestParameters":', b"null" if request is None else _encode(fixed.show_request(request)),
            b',"responseElements":', _encode(shown),
            b',"requestID":"', call.request_id.encode(), b'","eventID":"', event_id.encode(), fixed.kind,
            _encode(resources), fixed.end,
            b"" if error is None
            else b',"errorCode":%b,"errorMessage":%b' % (_encode(_code(model, error)), _encode(error.message)),
            b"}",
        ))  # fmt: skip
        named = [(resource.get("ARN", ""), resource.get("type", "")) for resource in call.resources]
        return Event(
            call.now, event_id, fixed.name, fixed.source, fixed.read_only, self._username(principal),
            principal.access_key_id or None, store.resources_text(named), record,
        )  # fmt: skip

    def _fix(self, model: Model, operation: OperationModel) -> _Fixed:
        redaction = self._redactions.setdefault(model.name, Redaction(model))
        fixed = self._fixed[model.name, operation.name] = _Fixed(model, redaction, operation, self._plane)
        return fixed

    def _identify(self, principal: Principal) -> bytes:
        if len(self._identities) > 1000:  # sessions come and go
            self._identities.clear()
        identity = self._identities[principal] = _encode(_identity(self._plane, principal))
        return identity

    def _username(self, principal: Principal) -> str | None:
        person = principal.on_behalf_of
        if person is not None:
            name = self._plane.store.read(lambda tx: tx.derived(_PEOPLE, person, lambda: store.person_name(tx, person)))
            if name is not None:
                return name
        return principal.arn.rpartition("/")[2] or principal.session_name


def _code(model: Model, error: ServiceError) -> str:
    """The error as the service's model or, for common refusals, its protocol calls it."""
    return error.code if model.error_shape(error.code) is not None else own_code(model.protocol, error.code)


class Recorder:
    """Writes the events that no transaction carries: of reads some together, a moment later; of refused writes at once.

    Until then the events of reads are in the journal: the end of the process loses none.
    """

    def __init__(self, plane: Plane) -> None:
        self._plane, self._store = plane, plane.store
        self.records = Records(plane)
        self._journal = journal.Journal(plane.settings.state / "journal", plane.store.read(journal.taken))
        self._gathered: list[Event] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Takes over what an earlier process left in the journal. Returns once it is in the log."""
        left_over = self._journal.left_over
        if left_over:
            await self._take(max(left_over), [event for number in left_over for event in self._journal.read(number)])

    async def now(self, event: Event) -> None:
        """Returns once the event is on disk."""
        await self._store.write(lambda tx: store.add_events(tx, self._plane, [event]))

    def later(self, event: Event) -> None:
        """Keeps nobody waiting for the disk. Raises `OSError` when the event cannot be kept: then nothing is answered
        that depends on it."""
        self._journal.append(event)
        self.remember(event)

    def remember(self, event: Event) -> None:
        """As `later`, but in memory only: of a call that was refused because nothing can be kept."""
        self._gathered.append(event)
        self._wait()

    async def settle(self) -> None:
        """Returns once every event given so far is in the log, and found by its attributes."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        if self._gathered:
            await asyncio.wait([self._flush()])
        while await self._store.write(lambda tx: store.index(tx, _INDEXED_AT_ONCE)):
            pass

    def _wait(self, seconds: float = _GATHERING_SECONDS) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._flush)

    def _flush(self) -> "asyncio.Task[None]":
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writing is None:
            number, events = self._journal.turn(), self._gathered  # at one moment: the file and what is in it
            self._gathered = []
            self._writing = asyncio.get_running_loop().create_task(self._take(number, events))
        return self._writing

    async def _take(self, number: int, events: list[Event]) -> None:
        """Writes what was gathered, the journal's files up to this one, to the log."""

        def take(tx: Transaction) -> None:
            store.add_events(tx, self._plane, events)
            tx.put(journal.TAKEN, {"id": "journal", "number": number})
            store.index(tx, _INDEXED_AT_ONCE, least=_INDEXED_AT_ONCE)

        try:
            await self._store.write(take)
            self._journal.forget(number)
        except sqlite.Error as error:
            self._plane.told("events of calls wait to be written", error)
            self._gathered = [*events, *self._gathered][-_MOST_KEPT:]
            self._writing = None
            self._wait(trouble.WAIT_SECONDS)
        else:
            self._writing = None
            if self._gathered:
                self._wait()


def _identity(plane: Plane, principal: Principal) -> dict[str, Any]:
    if principal.kind == "Anonymous":
        return {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}
    behalf = {}
    if principal.on_behalf_of is not None:
        store_arn = identity_store.identity_store_arn(plane)
        behalf = {"onBehalfOf": {"userId": principal.on_behalf_of, "identityStoreArn": store_arn}}
    if principal.kind == "IdentityCenterUser":
        credential = {"credentialId": principal.access_key_id} if principal.access_key_id else {}
        return {"type": principal.kind, "accountId": principal.account_id, **behalf, **credential}
    identity: dict[str, Any] = {
        "type": principal.kind,
        "principalId": principal.arn.partition("/")[2],
        "arn": principal.arn,
        "accountId": principal.account_id,
        "accessKeyId": principal.access_key_id,
    }
    if principal.kind == "WebIdentityUser":
        subject, provider = principal.session_name or "", principal.federated_provider or ""
        named = {"type": principal.kind, "principalId": f"{provider}:{subject}", "userName": subject}
        return named | {"identityProvider": provider}
    if principal.kind == "Root":
        return identity | {"principalId": principal.account_id}
    if principal.kind == "IAMUser":
        return identity | {"userName": principal.arn.rpartition("/")[2]}
    issuer = principal.entity_arn
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
    return identity | behalf
