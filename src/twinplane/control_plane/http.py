"""The edge: who asks, what a route needs, and how errors are answered (problem+json, RFC 9457)."""

import time
from collections.abc import Callable
from typing import Annotated, Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DataError, OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.base import RequestResponseEndpoint
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import Response

from twinplane.control_plane import permissions
from twinplane.control_plane.audit import records as audit
from twinplane.control_plane.aws import code_of
from twinplane.control_plane.errors import (
    BadRequest,
    Conflict,
    DataPlaneUnavailable,
    NotFound,
    NotPermitted,
    NotSignedIn,
    Problem,
)
from twinplane.control_plane.identity import Person
from twinplane.control_plane.parts import App
from twinplane.control_plane.permissions import Permission

log = structlog.get_logger()

SESSION_COOKIE = "twinplane_session"
SIGN_IN_COOKIE = "twinplane_sign_in"
OUR_HEADER = "x-twinplane"  # a form on another site cannot send it
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
PERMISSION_KEY = "x-permission"


class ProblemBody(BaseModel):
    """An error, as RFC 9457 has it. `detail` says what is wrong and what would be right."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:twinplane:problem:not-found"])
    title: str
    status: int
    detail: str


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {"application/problem+json": {"schema": {"$ref": _ref}}}}
    for _ref in ["#/components/schemas/ProblemBody"]
    for status, text in {
        400: "The request cannot be accepted",
        401: "Sign in first",
        403: "Not permitted",
        404: "Not found, or not visible",
        409: "Not possible in this state",
        422: "A rule of the mesh, or the shape of the request, refuses it",
        503: "The data plane is not ready",
    }.items()
}


def the_app(request: Request) -> App:
    """The app's parts."""
    app: App = request.app.state.app
    return app


TheApp = Annotated[App, Depends(the_app)]


def signed_in(request: Request, app: TheApp) -> Person:
    """Who asks: by bearer token, or by cookie with our header on methods that change something."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = request.cookies.get(SESSION_COOKIE, "")
        if token and request.method not in SAFE_METHODS and OUR_HEADER not in request.headers:
            raise NotPermitted("A request with a session cookie that changes something needs the header X-Twinplane.")
    if not token:
        raise NotSignedIn("This needs a session: sign in in the browser, or with `twinplane login`.")
    person = app.identity.person(token.strip())
    request.state.person = person
    structlog.contextvars.bind_contextvars(person=person.name)
    return person


SignedIn = Annotated[Person, Depends(signed_in)]


class Router(APIRouter):
    """Routes of one capability. Each is added with the permission it needs; there is no way to leave it out."""

    def __init__(self, tag: str) -> None:
        super().__init__(tags=[tag])

    def route_for(
        self, method: str, path: str, permission: Permission, *, status_code: int = 200, **options: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declares a route; the function's name is its operation id."""

        def add(function: Callable[..., Any]) -> Callable[..., Any]:
            self.add_api_route(
                path,
                function,
                methods=[method],
                operation_id=function.__name__,
                status_code=status_code,
                responses=_PROBLEMS,
                dependencies=[] if permission is Permission.PUBLIC else [Depends(_require(permission))],
                openapi_extra={PERMISSION_KEY: permission.value},
                **options,
            )
            return function

        return add


def _require(permission: Permission) -> Callable[..., None]:
    def check(app: TheApp, person: SignedIn) -> None:
        permissions.check(app.policies, person, permission)

    return check


def check_permissions_are_declared(web: FastAPI) -> None:
    """Raises when a route declares no permission. Called at start."""
    for route in _api_routes(web):
        if PERMISSION_KEY not in (route.openapi_extra or {}):
            raise RuntimeError(f"{sorted(route.methods or ())} {route.path} declares no permission")


def _api_routes(web: FastAPI) -> list[APIRoute]:
    found: list[APIRoute] = []

    def collect(routes: Any) -> None:
        for route in routes:
            if isinstance(route, APIRoute):
                found.append(route)
            elif hasattr(route, "original_router"):  # a router that FastAPI keeps whole
                collect(route.original_router.routes)

    collect(web.routes)
    return found


def install(web: FastAPI) -> None:
    """Adds error answers, security headers and the request log."""
    web.add_exception_handler(Problem, _answer_problem)
    web.add_exception_handler(ClientError, _answer_client_error)
    web.add_exception_handler(BotoCoreError, _answer_no_data_plane)
    web.add_exception_handler(OperationalError, _answer_no_database)
    web.add_exception_handler(DataError, _answer_not_storable)
    web.add_exception_handler(RequestValidationError, _answer_invalid)
    web.add_exception_handler(HTTPException, _answer_http)
    web.middleware("http")(_around)
    # a page of another site, whose name was pointed at this address, is no page of ours
    web.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])


async def _around(request: Request, call_next: RequestResponseEndpoint) -> Response:
    began = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    try:
        response = await call_next(request)
    except Exception:
        log.exception("request failed", method=request.method, path=request.url.path)
        response = _problem(500, "internal", "Something went wrong here", "It was logged; try again, or tell us.")
    milliseconds = round((time.perf_counter() - began) * 1000, 1)
    if request.url.path.startswith("/api/"):
        person = getattr(request.state, "person", None)
        log.info(
            "request", method=request.method, path=request.url.path, status=response.status_code,
            milliseconds=milliseconds, person=person.name if person else None,
        )  # fmt: skip
        response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'self'; img-src 'self' data:; style-src 'self'; font-src 'self' data:; "
        "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    )
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response


async def _answer_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    await _audit_refusal(request, error)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return _problem(error.status, error.slug(), error.title, error.detail, headers, **error.members)


async def _answer_client_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ClientError)
    return await _answer_problem(request, translated(error))


async def _answer_no_data_plane(request: Request, error: Exception) -> Response:
    log.warning("the data plane did not answer", error=str(error))
    return await _answer_problem(request, DataPlaneUnavailable("The data plane did not answer. Is it running?"))


async def _answer_no_database(_request: Request, error: Exception) -> Response:
    log.warning("the database did not answer", exc_info=error)
    return _problem(503, "database-unavailable", "The database did not answer", "Nothing was changed. Try again.")


async def _answer_not_storable(_request: Request, _error: Exception) -> Response:
    return _problem(422, "invalid", "A text cannot be stored", "It holds characters that no text has, such as NUL.")


async def _answer_invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [
        {"where": ".".join(str(part) for part in e["loc"] if part != "body"), "what": _what(e)} for e in error.errors()
    ]
    detail = "; ".join(f"{e['where'] or 'body'}: {e['what']}" for e in found)
    return _problem(422, "invalid", "The request has not the right shape", detail, errors=found)


def _what(error: dict[str, Any]) -> str:
    return "must not be empty" if error["type"] == "string_too_short" else str(error["msg"])


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = f"{request.method} {request.url.path}: {error.detail}"
    return _problem(error.status_code, "http", str(error.detail), detail)


def translated(error: ClientError) -> Problem:
    """An error of the data plane as this API answers it. What AWS said is kept: it names the cause."""
    code, message = code_of(error), str(error.response["Error"].get("Message", ""))
    operation = error.operation_name
    match code:
        case "ResourceNotFoundException" | "EntityNotFoundException":
            return NotFound(message, aws=f"{operation}: {code}")
        case "AccessDeniedException" | "AccessDenied" | "UnauthorizedException":
            return NotPermitted(message or "The data plane refuses this.", aws=f"{operation}: {code}")
        case "ConflictException" | "AlreadyExistsException":
            return Conflict(message, aws=f"{operation}: {code}")
        case "ValidationException" | "InvalidRequestException":
            return BadRequest(message, aws=f"{operation}: {code}")
        case "ExpiredTokenException" | "ExpiredToken" | "InvalidClientTokenId":
            return NotSignedIn("The session's identity has ended. Sign in again.", aws=f"{operation}: {code}")
    log.warning("the data plane answered an error", operation=operation, code=code, message=message)
    return DataPlaneUnavailable(f"The data plane answered {code} to {operation}: {message}")


async def _audit_refusal(request: Request, error: Problem) -> None:
    """What a person tried and may not do is on record, as what she did."""
    person: Person | None = getattr(request.state, "person", None)
    if person is None or request.method in SAFE_METHODS or error.status not in (403, 404, 409, 422):
        return
    app: App = request.app.state.app
    route = request.scope.get("route")
    parameters = request.path_params

    def write() -> None:
        with app.database.write() as tx:
            audit.add(
                tx, actor_id=person.user_id, actor=person.name, action=_action(route), outcome="refused",
                request_id=parameters.get("request_id"), project_id=parameters.get("project_id"),
                reason=error.detail, policy=error.members.get("policy"), path=request.url.path,
            )  # fmt: skip

    await run_in_threadpool(write)


def _action(route: Any) -> str:
    """`approve_request` is recorded as `request.approve`, as when it is allowed."""
    verb, _, noun = str(getattr(route, "operation_id", None) or "unknown").partition("_")
    return f"{noun}.{verb}" if noun else verb


def _problem(
    status: int, slug: str, title: str, detail: str, headers: dict[str, str] | None = None, **members: Any
) -> Response:
    body = {"type": f"urn:twinplane:problem:{slug}", "title": title, "status": status, "detail": detail, **members}
    return JSONResponse(body, status, headers, media_type="application/problem+json")
