"""One request's way: body, route, authentication, parsing, authorisation and work in one transaction, answer, record.

An answer leaves only after its commit, and a change is recorded in the transaction that makes it.
"""

from dataclasses import dataclass, field, replace

import structlog

from twinplane.data_plane import audit, idempotency, sessions
from twinplane.data_plane.call import ANONYMOUS, Answer, Call, Operation, Principal, Request, ServiceError
from twinplane.data_plane.limits import Limits
from twinplane.data_plane.plane import Plane
from twinplane.data_plane.services.cloudtrail.store import Event, add_events
from twinplane.data_plane.store import Transaction
from twinplane.data_plane.trouble import words
from twinplane.data_plane.wire import errors, signature, upload
from twinplane.data_plane.wire.http import HttpRequest, HttpResponse
from twinplane.data_plane.wire.incoming import ClientGone, Incoming, collect
from twinplane.data_plane.wire.models import OperationModel
from twinplane.data_plane.wire.service import ServiceWire
from twinplane.data_plane.wire.signature import UNSIGNED_PAYLOAD, Signature

log = structlog.get_logger()

_GLOBAL_SERVICES = ("iam", "sts", "organizations")  # clients sign these for us-east-1, whatever region they are in


@dataclass(frozen=True)
class Served:
    """A service of this server."""

    name: str
    signing_name: str
    wire: ServiceWire
    operations: dict[str, Operation]
    tokens: dict[str, str | None] = field(default_factory=dict)  # the member of an operation's idempotency token

    def as_spoken(self, http: HttpRequest) -> "Served":
        """The service in the protocol of the request."""
        wire = self.wire.of_request(http)
        return self if wire is self.wire else replace(self, wire=wire)

    def token_member(self, model: OperationModel) -> str | None:
        if model.name not in self.tokens:
            self.tokens[model.name] = idempotency.token_member(self.wire.model, model)
        return self.tokens[model.name]


class Chain:
    """One request on its way through the chain."""

    def __init__(
        self, plane: Plane, served: Served, http: HttpRequest, incoming: Incoming, signed: Signature | None,
        request_id: str, recorder: audit.Recorder, limits: Limits,
    ) -> None:  # fmt: skip
        self._limits = limits
        self._plane, self._served, self._wire, self._recorder = plane, served, served.wire, recorder
        self._http, self._incoming, self._signed, self._request_id = http, incoming, signed, request_id
        self._secret = ""
        self._request: Request | None = None

    async def answer(self) -> HttpResponse:
        """The answer. Raises `ServiceError`. Whoever signed the request, it leaves exactly one record."""
        http, wire = self._http, self._wire
        if wire.model.protocol != "rest-xml":  # S3 hashes its bodies while they come in
            http.body = await self._incoming.all()
        model, labels = wire.route(http)
        if self._served.name == "sqs" and http.form is not None and http.resource_path != "/":
            http.form.setdefault("QueueUrl", http.resource_path)  # old clients send a queue's requests to its URL
        operation = self._served.operations.get(model.name)
        principal = self._authenticate(operation)
        call = Call(
            self._plane, principal, self._served.name, model.name, self._request_id, self._plane.clock(),
            headers=http.headers, gone=self._incoming.gone,
            client=http.client, signature=self._signed,
        )  # fmt: skip
        try:
            if operation is None:
                raise ServiceError("NotImplemented", f"{model.name} of {wire.model.name} is not served here.", 501)
            if not self._limits.admits(principal.access_key_id, call.now):
                raise ServiceError(errors.own_code(wire.model.protocol, "Throttling"), "Rate exceeded")
            await self._read(operation, model, call, labels)
            return await self._run(operation, model, call)
        except ServiceError as error:
            self._record_failure(model, call, error)
            raise
        except ClientGone:
            raise
        except Exception as error:
            code = "ServiceUnavailable" if words(error) is not None else "InternalFailure"
            self._record_failure(model, call, ServiceError(code, ""))
            raise

    def _authenticate(self, operation: Operation | None) -> Principal:
        """Who signed the request. Raises `ServiceError` with the code that the service's protocol uses."""
        try:
            return self._signer(operation)
        except ServiceError as error:
            log.info("refused a signature", code=error.code, service=self._served.name, request_id=self._request_id)
            code = errors.own_code(self._wire.model.protocol, error.code)
            raise ServiceError(code, error.message, error.status or 403, **error.members) from None

    def _signer(self, operation: Operation | None) -> Principal:
        if operation is not None and not operation.signed:
            return ANONYMOUS
        signed = self._signed
        if signed is None:
            if self._served.name == "s3":
                return ANONYMOUS
            raise ServiceError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
        regions = [self._plane.settings.region, *(["us-east-1"] if self._served.name in _GLOBAL_SERVICES else [])]
        if not signed.kind.endswith("-v2") and signed.region not in regions:
            raise ServiceError(
                "IncompleteSignature" if self._served.name == "s3" else "SignatureDoesNotMatch",
                f"Credential should be scoped to a valid region: this plane is {regions[0]}, not {signed.region}.",
            )
        plane, store = self._plane, self._plane.store
        principal, self._secret = store.read(lambda tx: sessions.resolve(plane, tx, signed.access_key_id, signed.token))
        signature.check(signed, self._http, self._secret, plane.clock(), self._payload_hash(signed))
        if signed.kind != "header":
            signature.hoist_headers(self._http)
        return principal

    def _payload_hash(self, signed: Signature) -> str:
        claimed = self._http.headers.get("x-amz-content-sha256")
        if self._served.signing_name == "s3":
            if signed.kind == "query":
                return claimed or self._http.query_value("X-Amz-Content-Sha256") or UNSIGNED_PAYLOAD
            if claimed is None and signed.kind == "header":
                raise ServiceError("InvalidRequest", "Missing required header: x-amz-content-sha256", 400)
            return claimed or ""
        return signature.sha256(self._http.body)  # and never what the request claims

    async def _read(self, operation: Operation, model: OperationModel, call: Call, labels: dict[str, str]) -> None:
        http, wire = self._http, self._wire
        if wire.model.protocol == "rest-xml":
            body = upload.Payload(self._incoming.pieces(), http, self._signed, self._secret)
            if operation.mode == "stream" and wire.takes_raw_body(model):
                http.stream = call.body = body
            else:
                http.body = await collect(body)
        self._request = wire.parse(model, http, labels)

    async def _run(self, operation: Operation, model: OperationModel, call: Call) -> HttpResponse:
        assert self._request is not None
        request, store = self._request, self._plane.store
        if operation.mode == "write":
            return await store.write(lambda tx: self._write(tx, operation, model, call, request))
        if call.service == "cloudtrail":
            await self._recorder.settle()  # whoever looks finds every call answered before
        if operation.mode == "read":
            answer = store.read(lambda tx: self._operate(tx, operation, call, request))
            await self._record_read(self._event(model, call, answer))
        else:
            answer = await self._stream(operation, model, call, request)
        return self._wire.codec(model).serialise(answer, call.request_id)

    def _write(
        self, tx: Transaction, operation: Operation, model: OperationModel, call: Call, request: Request
    ) -> HttpResponse:
        """The operation, its answer and its record in one transaction: recorded exactly when it happened."""
        token = self._served.token_member(model)
        if token is not None and request.get(token):
            call.transaction = tx
            operation.access(call, request)
            answer = idempotency.once(tx, call, model, token, request, lambda: operation.function(call, request))
        else:
            answer = self._operate(tx, operation, call, request)
        self._record(tx, model, call, answer)
        return self._wire.codec(model).serialise(answer, call.request_id)

    @staticmethod
    def _operate(tx: Transaction, operation: Operation, call: Call, request: Request) -> Answer:
        call.transaction = tx
        operation.access(call, request)
        answer: Answer = operation.function(call, request)
        return answer

    @staticmethod
    def _allow(tx: Transaction, operation: Operation, call: Call, request: Request) -> None:
        call.transaction = tx
        try:
            operation.access(call, request)
        finally:
            call.transaction = None

    async def _stream(self, operation: Operation, model: OperationModel, call: Call, request: Request) -> Answer:
        """An operation with transactions of its own: recorded in its last one (`call.commit`), or after it."""
        self._plane.store.read(lambda tx: self._allow(tx, operation, call, request))
        call.record = lambda tx, answer: self._record(tx, model, call, answer)
        answer: Answer = await operation.function(call, request)
        if call.record is not None:
            event = self._event(model, call, answer)
            if event.read_only:
                await self._record_read(event)
            else:
                await self._recorder.now(event)
        return answer

    # Records

    def _event(
        self, model: OperationModel, call: Call, answer: Answer | None = None, error: ServiceError | None = None
    ) -> Event:
        return self._recorder.records.event(self._wire.model, model, call, self._http, self._request, answer, error)

    def _record(self, tx: Transaction, model: OperationModel, call: Call, answer: Answer) -> None:
        add_events(tx, self._plane, [self._event(model, call, answer)])

    async def _record_read(self, event: Event) -> None:
        """Keeps nobody waiting for the disk, unless nothing else keeps the event."""
        try:
            self._recorder.later(event)
        except OSError:
            await self._recorder.now(event)

    def _record_failure(self, model: OperationModel, call: Call, error: ServiceError) -> None:
        """Keeps nobody waiting for the disk: nothing happened that could be lost with it."""
        event = self._event(model, call, error=error)
        try:
            self._recorder.later(event)
        except OSError:
            self._recorder.remember(event)
