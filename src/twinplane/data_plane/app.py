"""The data plane's server: one raw ASGI application that joins the services."""

import asyncio
import contextlib
import fcntl
import gc
import importlib
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import structlog
from pysqlite3 import dbapi2 as sqlite

from twinplane.data_plane import asgi, idempotency, journal, sessions, tasks
from twinplane.data_plane.audit import Recorder
from twinplane.data_plane.backup import MANIFEST
from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.chain import Chain, Served
from twinplane.data_plane.files import sync_folder
from twinplane.data_plane.limits import Limits
from twinplane.data_plane.plane import PLACE, DamagedKey, Plane, PlaneSettings, open_plane
from twinplane.data_plane.schema import StateOfNewerVersion, UpgradeFailed
from twinplane.data_plane.services.cloudtrail import retention
from twinplane.data_plane.services.datazone import search_upkeep
from twinplane.data_plane.services.glue.iceberg import MetadataCache
from twinplane.data_plane.services.iam.store import account_of_administrator, ensure_administrator
from twinplane.data_plane.services.s3 import cross_origin
from twinplane.data_plane.services.s3.store import sweep_orphans
from twinplane.data_plane.store import Kind
from twinplane.data_plane.tasks import TaskKind
from twinplane.data_plane.trouble import Patient, words
from twinplane.data_plane.wire import errors, hosts, signature
from twinplane.data_plane.wire.http import HttpRequest, HttpResponse, new_request_id
from twinplane.data_plane.wire.incoming import ClientGone, Incoming
from twinplane.data_plane.wire.service import ServiceWire
from twinplane.data_plane.wire.signature import Signature
from twinplane.engines.sql.manifest_reader import ManifestReader
from twinplane.engines.sql.pool import ALLOWED_BY, SqlPool

log = structlog.get_logger()

_TRY_AGAIN_SECONDS = 30.0
_PACKAGE = "twinplane.data_plane.services"

# Service package -> (the name of AWS's model, the service name in the credential scope).
SERVICES: dict[str, tuple[str, str]] = {
    "sts": ("sts", "sts"),
    "iam": ("iam", "iam"),
    "organizations": ("organizations", "organizations"),
    "identitystore": ("identitystore", "identitystore"),
    "ssoadmin": ("sso-admin", "sso"),
    "ssooidc": ("sso-oidc", "sso-oauth"),
    "sso": ("sso", "awsssoportal"),
    "cloudtrail": ("cloudtrail", "cloudtrail"),
    "s3control": ("s3control", "s3"),
    "s3": ("s3", "s3"),  # after S3 Control: a request signed for "s3" is this one's unless its path says otherwise
    "glueiceberg": ("glue-iceberg", "glue"),
    "glue": ("glue", "glue"),  # after its Iceberg REST endpoint: likewise
    "lakeformation": ("lakeformation", "lakeformation"),
    "athena": ("athena", "athena"),
    "datazone": ("datazone", "datazone"),
    "sqs": ("sqs", "sqs"),
    "events": ("events", "events"),
    "secretsmanager": ("secretsmanager", "secretsmanager"),
}
_UNSIGNED_SSO_OIDC_PATHS = ("/token", "/client/register", "/device_authorization")


def _names_this_machine(http: HttpRequest) -> bool:
    """Whether the browser asked for this machine by its own name; a foreign name pointed here is another site."""
    host = http.headers.get("host", "").rpartition(":")
    return (host[0] or host[2]) in ("127.0.0.1", "localhost")


def _is_authorization(http: HttpRequest) -> bool:
    """Whether a browser comes to sign in where the AWS CLI sends it; else the path is a bucket's."""
    return http.raw_path == "/authorize" and http.method == "GET" and "response_type=" in http.query_string


class PlaneApp:
    """The application of one plane: a request in, its answer out."""

    def __init__(self, plane: Plane, services: dict[str, Served]) -> None:
        self.plane = plane
        self._services = services
        self._by_signing_name = {served.signing_name: served for served in services.values()}
        self._identity_provider: asgi.App | None = None
        self.recorder = Recorder(plane)
        self._limits = Limits(plane.settings.max_requests_per_second)
        plane.store.is_alone = lambda: self._limits.under_way == 1

    async def __call__(self, http: HttpRequest, incoming: Incoming) -> HttpResponse:
        http.bucket = hosts.bucket_of(http.headers.get("host", ""))
        if not http.bucket and (http.raw_path.startswith("/_") or _is_authorization(http)):
            return await self._own_page(http, incoming)
        self._limits.under_way += 1
        try:
            return await self._answer(http, incoming, new_request_id())
        finally:
            self._limits.under_way -= 1

    async def _own_page(self, http: HttpRequest, incoming: Incoming) -> HttpResponse:
        path = http.raw_path
        if path == "/_health":
            return HttpResponse(200, {"Content-Type": "application/json"}, b'{"status":"ok"}')
        if not path.startswith("/_idp/") and path != "/authorize":
            return errors.of_no_service(ServiceError("NotFound", f"Nothing is at {path}.", 404), False)
        if not _names_this_machine(http):
            return HttpResponse(421, {"Content-Type": "text/plain"}, b"Sign-in is served at 127.0.0.1 alone.\n")
        if self._identity_provider is None:
            from twinplane.data_plane import idp  # only planes whose people sign in pay for it

            self._identity_provider = idp.app(self.plane)
        return await asgi.answer(self._identity_provider, http, incoming)

    async def _answer(self, http: HttpRequest, incoming: Incoming, request_id: str) -> HttpResponse:
        try:
            signed = signature.read(http)
            served = self._identify(http, signed)
        except ServiceError as error:
            return errors.of_no_service(error, is_form(http), request_id)
        if served.name != "s3":
            http.bucket = ""
            return await self._answer_of(served, http, incoming, signed, request_id)
        if http.method == "OPTIONS":
            return self._preflight(served, http, request_id)
        if signed is None and _is_form_upload(http):
            response = await self._answer_form(served, http, incoming, request_id)
        else:
            response = await self._answer_of(served, http, incoming, signed, request_id)
        if "origin" in http.headers:
            bucket = _bucket(http)
            read = self.plane.store.read
            response.headers |= read(lambda tx: cross_origin.answer_headers(tx, bucket, http.method, http.headers))
        return response

    def _preflight(self, served: Served, http: HttpRequest, request_id: str) -> HttpResponse:
        """Answers a browser that asks, unsigned, whether a page may send a request."""
        try:
            bucket = _bucket(http)
            headers = self.plane.store.read(lambda tx: cross_origin.preflight(tx, bucket, http.headers))
        except ServiceError as error:
            return served.wire.error(error, request_id)
        return HttpResponse(200, headers)

    async def _answer_form(
        self, served: Served, http: HttpRequest, incoming: Incoming, request_id: str
    ) -> HttpResponse:
        from twinplane.data_plane.wire import post_form  # only planes that browsers upload to pay for it

        try:
            form = await post_form.read(http, incoming, self.plane.settings.endpoint, self.plane.clock())
        except ServiceError as error:
            return served.wire.error(error, request_id)
        return form.answer(await self._answer_of(served, form.http, form.body, form.signed, request_id))

    async def _answer_of(
        self, served: Served, http: HttpRequest, incoming: Incoming, signed: Signature | None, request_id: str
    ) -> HttpResponse:
        try:
            return await Chain(
                self.plane, served, http, incoming, signed, request_id, self.recorder, self._limits
            ).answer()
        except ServiceError as error:
            return served.wire.error(error, request_id)
        except ClientGone:
            raise
        except Exception as error:
            if (wrong := words(error)) is not None:
                self.plane.told("a call could not be answered", error)
                text = (
                    f"The data plane cannot answer: the disk that holds its state {wrong}. Try again when that is over."
                )
                return served.wire.error(ServiceError("ServiceUnavailable", text, 503), request_id)
            log.exception("an operation failed", service=served.name, request_id=request_id)
            failure = ServiceError("InternalFailure", "The request failed because of an internal error.", 500)
            return served.wire.error(failure, request_id)

    def _identify(self, http: HttpRequest, signed: Signature | None) -> Served:
        if signed is not None:
            served = self._by_signing_name.get(signed.service)
            if served is None:
                raise ServiceError(
                    "UnknownOperationException", f"The service {signed.service} is not served here.", 404
                )
            if served.name == "s3" and _is_for_s3_control(http):
                return self._services["s3control"]
            if served.name == "glue" and http.raw_path.startswith("/iceberg/"):
                return self._services["glueiceberg"]
            return served.as_spoken(http)
        if "x-amz-target" in http.headers:
            raise ServiceError("MissingAuthenticationToken", "The request is not signed.", 403)
        if http.resource_path == "/" and (is_form(http) or "Action" in http.query):
            return self._services["sts"]
        if http.method == "POST" and http.resource_path in _UNSIGNED_SSO_OIDC_PATHS:
            return self._services["ssooidc"]
        if "x-amz-sso_bearer_token" in http.headers:
            return self._services["sso"]
        return self._services["s3"]


def _is_form_upload(http: HttpRequest) -> bool:
    """Whether an unsigned request to S3 is a form that uploads a file to a bucket."""
    is_form = http.headers.get("content-type", "").lower().startswith("multipart/form-data")
    at_bucket = bool(http.resource_path.strip("/")) and "/" not in http.resource_path.strip("/")
    return http.method == "POST" and is_form and at_bucket and not http.query_string


def _is_for_s3_control(http: HttpRequest) -> bool:
    """Whether a request signed for "s3" is for S3 Control, whose requests name the account."""
    return "x-amz-account-id" in http.headers and http.raw_path.startswith("/v20180820/")


def _bucket(http: HttpRequest) -> str:
    """The bucket that a request to S3 is about."""
    return unquote(http.resource_path[1:].partition("/")[0])


def is_form(http: HttpRequest) -> bool:
    """Whether the request speaks the query protocol."""
    return http.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


# Opening and serving


class CannotServe(Exception):
    """The plane cannot start: the port or the state folder is not usable. The text says why and what to do."""


def load_services(*, check_answers: bool = False) -> dict[str, Served]:
    """Every service with its operations; `check_answers`: an answer that breaks its model is an internal failure."""
    return {
        name: Served(name, signing_name, _wire(name)(model, check_answers=check_answers), _module(name).OPERATIONS)
        for name, (model, signing_name) in SERVICES.items()
    }


def _wire(name: str) -> type[ServiceWire]:
    """How a service answers on the wire; some say it themselves."""
    found: type[ServiceWire] = getattr(_module(name), "WIRE", ServiceWire)
    return found


def _module(name: str) -> Any:
    return importlib.import_module(f"{_PACKAGE}.{name}.operations")


def kinds_and_tasks() -> tuple[list[Kind], dict[str, TaskKind]]:
    """What the services keep, and their background work."""
    kinds, task_kinds = [PLACE, tasks.TASKS, idempotency.TOKENS, journal.TAKEN], {}
    for name in SERVICES:
        kinds += _module(name).KINDS
        task_kinds.update(_module(name).TASKS)
    return list({kind.name: kind for kind in kinds}.values()), task_kinds


@asynccontextmanager
async def create_plane(settings: PlaneSettings) -> AsyncIterator[PlaneApp]:
    """The application of the plane whose state is in `settings.state`, its background work running.

    Raises `CannotServe`.
    """
    lock = lock_state(settings.state)
    try:
        kinds, task_kinds = kinds_and_tasks()
        try:
            plane = open_plane(settings, kinds, task_kinds)
            app = PlaneApp(plane, load_services(check_answers=settings.check_answers))
            await _check_place(plane)
            key_id, secret = await plane.store.write(lambda tx: ensure_administrator(tx, plane))
            sessions.write_profiles(plane, key_id, secret)
            await app.recorder.start()
        except (StateOfNewerVersion, UpgradeFailed, DamagedKey) as error:
            raise CannotServe(str(error)) from None
        except (sqlite.DatabaseError, OSError) as error:
            raise CannotServe(_why_not(settings.state, error)) from None
        unconfined = os.environ.get(ALLOWED_BY) == "1"
        plane.sql = SqlPool(settings.state / "sql", allow_unconfined=unconfined)
        plane.iceberg = MetadataCache(ManifestReader(allow_unconfined=unconfined))
        plane.tasks.start()
        after_start = asyncio.create_task(_after_start(plane))
        try:
            yield app
        finally:
            after_start.cancel()
            await plane.tasks.stop()
            await plane.sql.close()
            await plane.iceberg.reader.close()
            with contextlib.suppress(sqlite.Error):  # what cannot be written now is in the journal
                await app.recorder.settle()
            plane.store.close()
    finally:
        os.close(lock)


def _why_not(state: Path, error: Exception) -> str:
    """Why a state folder cannot be served, and what to do."""
    if type(error) is sqlite.DatabaseError:
        return (
            f"the database in {state} is damaged ({error}). `twinplane doctor --state {state}` says more; "
            "`twinplane restore` brings back a backup"
        )
    wrong = words(error)
    if wrong is None:
        return f"the state folder {state} cannot be used: {error}. Choose another with --state"
    return (
        f"the disk that holds the state folder {state} {wrong}. Put that right, or choose another folder with --state"
    )


async def _after_start(plane: Plane) -> None:
    """What can wait until the first calls are answered: a worker for the first query, bodies a crash left behind."""
    await asyncio.sleep(1)
    plane.sql.start()
    while True:
        try:
            await retention.arm(plane)
            await search_upkeep.arm(plane)
            await sweep_orphans(plane)
            return
        except (sqlite.Error, OSError) as error:
            if words(error) is None:
                raise
            plane.told("what a crash left behind cannot be removed", error)
            await asyncio.sleep(_TRY_AGAIN_SECONDS)


async def _check_place(plane: Plane) -> None:
    """What is kept names its account and region: others would find nothing of it. Raises `CannotServe`."""
    settings = plane.settings
    kept = plane.store.read(lambda tx: tx.find(PLACE, "plane"))
    if kept is None:  # a new state, or one from before this was kept
        account_id = plane.store.read(account_of_administrator) or settings.account_id
        kept = {"id": "plane", "account_id": account_id, "region": settings.region}
        place = kept
        await plane.store.write(lambda tx: tx.put(PLACE, place))
    for what, there, asked in (
        ("account", kept["account_id"], settings.account_id), ("region", kept["region"], settings.region),
    ):  # fmt: skip
        if there != asked:
            plane.store.close()
            raise CannotServe(
                f"{settings.state} is of the {what} {there}, not {asked}: "
                f"name that {what}, or another folder with --state."
            )


def lock_state(state: Path) -> int:
    """Makes this process the only one that serves a state folder, for as long as the descriptor is open."""
    if (state / MANIFEST).exists():
        raise CannotServe(
            f"{state} is a backup: make a state folder of it with `twinplane restore {state} --state NEW`"
        )
    try:
        if not state.exists():
            state.mkdir(parents=True, exist_ok=True)
            sync_folder(state.parent)
        descriptor = os.open(state / "plane.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotServe(
            f"the state folder {state} cannot be used: {error.strerror}. Choose another with --state."
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise CannotServe(
            f"another data plane serves the state folder {state}. Stop it, or choose another folder with --state."
        ) from None
    return descriptor


def serve(
    state: Path,
    port: int,
    account_id: str,
    region: str,
    *,
    tls: bool = False,
    max_requests_per_second: int | None = None,
    keep_events_days: int | None = None,
) -> int:
    """Serves on 127.0.0.1 until SIGTERM or SIGINT; returns the process's exit code. Port 0: any free one.

    With `tls` it speaks https, under a certificate of its own (`tls.certificate`).
    """
    import uvloop  # here and not above: whoever embeds the application brings their own server

    _log_to_stderr()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(state, port, account_id, region, tls, max_requests_per_second, keep_events_days))
    except CannotServe as error:
        sys.stderr.write(f"twinplane: {error}\n")
        return 2
    return 0


def _log_to_stderr() -> None:
    """Standard output has the readiness line only. Tracebacks without values: those may be secrets."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
        logger_factory=structlog.PrintLoggerFactory(Patient(sys.stderr)),  # type: ignore[arg-type]
    )


async def _serve(
    state: Path, port: int, account_id: str, region: str, tls: bool, max_requests_per_second: int | None,
    keep_events_days: int | None,
) -> None:  # fmt: skip
    from twinplane.data_plane.http_server import Server

    def ready() -> None:
        gc.freeze()
        gc.enable()
        sys.stdout.write(f"data plane ready on {endpoint}\n")
        sys.stdout.flush()

    with _listen(port) as listener:
        endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        checks = os.environ.get("TWINPLANE_CHECK_ANSWERS") == "1"
        settings = PlaneSettings(state, endpoint, account_id, region, checks, max_requests_per_second, keep_events_days)
        async with create_plane(settings) as app:
            server = Server(app)
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, server.stop)
            await server.serve(listener, _encryption(state, account_id) if tls else None, ready)


def _encryption(state: Path, account_id: str) -> ssl.SSLContext:
    from twinplane.data_plane import tls  # only planes that speak it pay for it

    return tls.context(tls.certificate(state, account_id))


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise CannotServe(
            f"port {port} of 127.0.0.1 cannot be used: {error.strerror}. Choose another with --port."
        ) from None
    return listener
