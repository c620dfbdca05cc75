"""Joins the parts of the Management App. The only place that knows them all."""

import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog
from botocore.exceptions import BotoCoreError, ClientError
from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from twinplane.control_plane import http, sessions
from twinplane.control_plane.audit import routes as audit
from twinplane.control_plane.aws import DataPlane
from twinplane.control_plane.catalog import routes as catalog
from twinplane.control_plane.clock import Clock, utc_now
from twinplane.control_plane.database import Database
from twinplane.control_plane.errors import DataPlaneUnavailable, NotFound
from twinplane.control_plane.identity import Identity
from twinplane.control_plane.jobs import JobKind, JobRunner
from twinplane.control_plane.memberships import routes as memberships
from twinplane.control_plane.parts import App
from twinplane.control_plane.permissions import Permission
from twinplane.control_plane.policy.policies import read_policies
from twinplane.control_plane.projects import jobs as project_jobs
from twinplane.control_plane.projects import routes as projects
from twinplane.control_plane.projects import use_cases as project_use_cases
from twinplane.control_plane.requests import routes as requests
from twinplane.control_plane.requests.model import RequestKind
from twinplane.control_plane.settings import Settings
from twinplane.control_plane.subscriptions import jobs as subscription_jobs
from twinplane.control_plane.subscriptions import routes as subscriptions
from twinplane.control_plane.subscriptions import use_cases as subscription_use_cases
from twinplane.mesh.load import load
from twinplane.version import __version__

log = structlog.get_logger()

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

LONGEST_BODY_BYTES = 1_000_000
STATIC = Path(__file__).parent / "static"
KINDS = {
    project_use_cases.KIND: RequestKind(fulfil_job=project_jobs.FULFIL),
    subscription_use_cases.KIND: RequestKind(
        fulfil_job=subscription_jobs.FULFIL,
        revoke_job=subscription_jobs.REVOKE,
        close_job=subscription_jobs.CLOSE,
        check_terms=subscription_use_cases.check_terms,
        withdraw=subscription_use_cases.withdraw,
    ),
}
NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Twinplane</title>
<h1>The user interface is not built</h1>
<p>Run <code>make web</code> in the repository, then load this page again. The API answers at
<a href="/api/openapi.json">/api/openapi.json</a>.</p></html>"""


def create_app(settings: Settings, clock: Clock = utc_now) -> FastAPI:
    """The web application; its database and jobs live as long as it runs. Raises when a setting is not usable."""
    mesh = load(settings.mesh)
    policies = read_policies(settings.mesh.parent / mesh.policies if mesh.policies else None)
    database = Database(settings.database_url, clock)
    database.migrate()
    data_plane = DataPlane(mesh, settings.profile, clock)
    identity = Identity(settings, mesh, database, data_plane)
    app = App(settings, mesh, database, clock, data_plane, identity, policies, KINDS)
    runner = JobRunner(database, job_kinds(app))

    @asynccontextmanager
    async def lifespan(_web: FastAPI) -> AsyncIterator[None]:
        runner.start()
        log.info("management app started", policy_hash=policies.hash, database=database.engine.dialect.name)
        yield
        await run_in_threadpool(runner.stop)
        identity.close()
        database.close()

    web = new_web(lifespan)
    web.state.app, web.state.jobs = app, runner
    _add_health(web, app, runner)
    _add_user_interface(web)
    http.check_permissions_are_declared(web)
    return web


def new_web(lifespan: Lifespan | None = None) -> FastAPI:
    """The routes of the API, and its OpenAPI document: what can be known without an app that runs."""
    web = FastAPI(
        title="Twinplane Management App",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        max_body_size=LONGEST_BODY_BYTES,
    )
    http.install(web)
    for part in (sessions, requests, projects, memberships, catalog, subscriptions, audit):
        web.include_router(part.router)
    _describe(web)
    return web


def job_kinds(app: App) -> dict[str, JobKind]:
    """Every kind of job, by name."""
    return project_jobs.ProjectJobs(app).kinds() | subscription_jobs.SubscriptionJobs(app).kinds()


def _add_health(web: FastAPI, app: App, runner: JobRunner) -> None:
    router = http.Router("health")

    @router.route_for("GET", "/livez", Permission.PUBLIC, include_in_schema=False)
    async def is_alive() -> dict[str, str]:
        return {"status": "ok"}

    @router.route_for("GET", "/readyz", Permission.PUBLIC, include_in_schema=False)
    def is_ready() -> Response:
        checks = {"database": _database(app), "data_plane": _data_plane(app), "jobs": _jobs(runner)}
        ready = all(check == "ok" for check in checks.values())
        return JSONResponse({"status": "ok" if ready else "not ready", "checks": checks}, 200 if ready else 503)

    web.include_router(router)


def _database(app: App) -> str:
    try:
        with app.database.write() as tx:
            tx.execute(sa.text("SELECT 1"))
        return "ok" if app.database.is_migrated() else "the tables are of another version; start this version again"
    except sa.exc.SQLAlchemyError as error:
        return f"the database did not answer: {error}"


def _data_plane(app: App) -> str:
    try:
        app.data_plane.app.datazone.get_domain(identifier=app.data_plane.found.domain_id)
    except DataPlaneUnavailable as error:
        return error.detail
    except (ClientError, BotoCoreError) as error:
        return f"the data plane did not answer: {error}"
    return "ok"


def _jobs(runner: JobRunner) -> str:
    return "ok" if runner.is_alive else "the job runner has stopped; start the app again"


def _describe(web: FastAPI) -> None:
    """Finishes the OpenAPI document: its schemas have the API's own words, and every operation the problem body."""
    original = web.openapi

    def describe() -> dict[str, Any]:
        if web.openapi_schema is not None:
            return web.openapi_schema
        document = original()
        schemas = document["components"]["schemas"]
        schemas["ProblemBody"] = http.ProblemBody.model_json_schema()
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].get("422", {}).get("content", {}).pop("application/json", None)
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        web.openapi_schema = _in_plain_words(document, schemas)
        return web.openapi_schema

    web.openapi = describe  # type: ignore[method-assign]


def _in_plain_words(document: dict[str, Any], schemas: Iterable[str]) -> dict[str, Any]:
    """`RequestShown` is how the code tells it from a request of the rules; who reads the API knows one `Request`."""
    text = json.dumps(document)
    for name in schemas:
        plain = name.removesuffix("Shown")
        if plain != name:
            if plain in schemas:
                raise RuntimeError(f"the API has two schemas that are called {plain}")
            text = text.replace(f'"{name}"', f'"{plain}"').replace(f'/{name}"', f'/{plain}"')
    renamed: dict[str, Any] = json.loads(text)
    return renamed


def _static_file(path: str) -> Path | None:
    """The file of the web app at this path, if there is one."""
    try:
        file = (STATIC / path).resolve()
        return file if file.is_relative_to(STATIC.resolve()) and file.is_file() else None
    except (ValueError, OSError):  # no file can have such a name
        return None


def _add_user_interface(web: FastAPI) -> None:
    router = http.Router("user interface")

    @router.route_for("HEAD", "/{path:path}", Permission.PUBLIC, include_in_schema=False)
    @router.route_for("GET", "/{path:path}", Permission.PUBLIC, include_in_schema=False)
    def user_interface(path: str, request: Request) -> Response:
        """The built web app: its files, and its page for every other path (it routes for itself)."""
        if path.startswith("api/"):
            raise NotFound(f"There is no {request.method} {request.url.path} in this API; see /api/openapi.json.")
        page = STATIC / "index.html"
        if not page.is_file():
            return HTMLResponse(NOT_BUILT, status_code=200 if path == "" else 404)
        file = _static_file(path)
        if file is not None:
            immutable = path.startswith("assets/")
            caching = "public, max-age=31536000, immutable" if immutable else "no-cache"
            return FileResponse(file, headers={"Cache-Control": caching})
        if path.startswith("assets/"):
            raise NotFound(f"There is no {request.url.path}: the page is of another version. Load it again.")
        return FileResponse(page, headers={"Cache-Control": "no-cache"})

    web.include_router(router)
