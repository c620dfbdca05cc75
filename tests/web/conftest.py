"""The web app as people use it: the system's Chromium, in front of a mesh of its own, signed in for real."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, StorageState, expect, sync_playwright

from tests.control_plane.mesh_fixtures import MESH, RunningApp, apply_sample_mesh, running_app
from twinplane.control_plane.app import STATIC
from twinplane.data_plane.testing import running_plane
from twinplane.mesh.load import load

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs all of these: they share a mesh and a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("web"))


@pytest.fixture(scope="package")
def chromium() -> str:
    """The path of Chromium, once there is something to look at with it; else these tests are skipped, and say why."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        _without("there is no Chromium: install it (apt-get install chromium)")
    if not (STATIC / "index.html").is_file() or not AXE.is_file():
        _without("the web app is not built here: run `make web`")
    assert path is not None
    return path


def _without(reason: str) -> None:
    if os.environ.get("TWINPLANE_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}; TWINPLANE_REQUIRE_BROWSER=1 forbids to skip these tests")
    pytest.skip(reason)


# Not pytest-playwright's own fixtures: those keep an event loop running in this thread until the whole session ends,
# and then tests of other packages cannot use asyncio.run.
@pytest.fixture(scope="package")
def chromium_browser(chromium: str) -> Iterator[Browser]:
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def app(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The Management App, in front of a data plane with the sample mesh."""
    mesh, state = load(MESH), tmp_path_factory.mktemp("web")
    with running_plane(state / "plane", account_id=mesh.account_id, region=mesh.region) as plane:
        apply_sample_mesh(plane)
        with running_app(plane, state / "app", f"sqlite:///{state / 'app.db'}") as app:
            yield app


@dataclass
class Visit:
    """A browser window of one person, and what went wrong in it. `refusals`: answers that the test provokes."""

    page: Page
    refusals: tuple[int, ...]
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error in the page: {error}"))
        self.page.on("requestfailed", self._failed)

    def _heard(self, message: ConsoleMessage) -> None:
        provoked = any(f"responded with a status of {status} " in message.text for status in self.refusals)
        if message.type in ("error", "warning") and not provoked:
            self.wrong.append(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # what is under way when one leaves a page
            self.wrong.append(f"request failed: {request.method} {request.url}: {request.failure}")


StartVisit = Callable[..., Page]


@pytest.fixture(scope="package")
def signed_in(app: RunningApp) -> dict[str, StorageState]:
    """The cookies of who has signed in already."""
    return {}


@pytest.fixture
def visit(chromium_browser: Browser, app: RunningApp, signed_in: dict[str, StorageState]) -> Iterator[StartVisit]:
    """`visit(name, path)` opens a page as that person (None: as nobody). Nothing may go wrong unnoticed in it."""
    visits: list[Visit] = []

    def start(name: str | None, path: str = "/", *, scheme: Any = "light", refusals: tuple[int, ...] = ()) -> Page:
        context = chromium_browser.new_context(
            base_url=str(app.client.base_url),
            color_scheme=scheme,
            reduced_motion="reduce",
            locale="en-GB",
            viewport={"width": 1280, "height": 900},
            storage_state=signed_in.get(name or ""),
        )
        page = context.new_page()
        visits.append(Visit(page, refusals))
        page.goto(path)
        if name is not None and name not in signed_in:
            sign_in(page, name, app.password)
            signed_in[name] = context.storage_state()
        return page

    yield start
    wrong = [text for visit in visits for text in visit.wrong]
    for visit in visits:
        visit.page.context.close()
    assert wrong == []


def sign_in(page: Page, name: str, password: str) -> None:
    """Goes through the provider's own sign-in page, and back."""
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Side navigation")).to_be_visible()
