"""What people do in the web app."""

import re
import secrets

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.control_plane.mesh_fixtures import RunningApp
from tests.web.conftest import StartVisit, sign_in


def request_project(page: Page, name: str, profile: str, reason: str) -> None:
    page.goto("/projects/new")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("radio", name=profile).check(force=True)
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name="Send request").click()


def status(page: Page) -> Locator:
    """Where the request stands, on its page: the first of its facts."""
    return page.locator("dd").first


def new_name(what: str) -> str:
    return f"{what} {secrets.token_hex(3)}"


def test_who_signs_in_comes_back_to_the_page_she_wanted(visit: StartVisit, app: RunningApp) -> None:
    page = visit(None, "/catalog?q=campaign")
    expect(page).to_have_title("Sign in · Twinplane")
    sign_in(page, "auditor", app.password)
    expect(page).to_have_url(re.compile(r"/catalog\?q=campaign$"))
    page.get_by_role("button", name="Audrey Tor").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_a_project_is_requested_and_becomes_active_before_her_eyes(visit: StartVisit) -> None:
    page, name = visit("analyst"), new_name("Browser dev")
    request_project(page, name, "business-dev-profile", "To look at it in a browser")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(name))
    expect(page.get_by_role("list", name="Progress")).to_contain_text("Approved by policy")
    expect(page.get_by_role("list", name="Progress")).to_contain_text("The project is ready", timeout=60_000)
    expect(status(page)).to_have_text("Active")
    page.get_by_role("link", name="My requests").first.click()
    expect(page.get_by_role("row", name=re.compile(name))).to_contain_text("Active")


def test_what_the_profile_locks_is_shown_as_locked(visit: StartVisit) -> None:
    page = visit("analyst", "/projects/new")
    locked = page.get_by_role("row", name=re.compile("idleTimeoutInMinutes")).first
    expect(locked).to_contain_text("Locked")
    expect(locked.get_by_role("textbox")).to_have_count(0)
    page.get_by_label("glueDbName of Lakehouse Database").fill("my_lake")


def test_a_form_says_what_is_missing_and_what_the_server_refuses(visit: StartVisit) -> None:
    page = visit("analyst", "/projects/new", refusals=(422,))
    page.get_by_role("button", name="Send request").click()
    expect(page.get_by_text("Give the project a name.")).to_be_visible()
    request_project(page, "no/such/name", "business-dev-profile", "To see it refused")
    expect(page.get_by_text("A rule of the mesh refuses this")).to_be_visible()
    expect(page.get_by_text(re.compile("'no/such/name' cannot be the name of a project"))).to_be_visible()


def test_a_request_that_waits_can_be_withdrawn(visit: StartVisit) -> None:
    page, name = visit("planner"), new_name("Browser staging")
    request_project(page, name, "business-staging-profile", "To change my mind")
    expect(status(page)).to_have_text("Waiting for approval")
    page.get_by_role("button", name="Withdraw").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(status(page)).to_have_text("Withdrawn")
    expect(page.get_by_role("button", name="Withdraw")).to_have_count(0)


def test_data_is_found_by_a_column_asked_for_and_granted_in_part(visit: StartVisit, app: RunningApp) -> None:
    app.published("owner", "Campaign Insights", "marketing", "households", "Confidential")

    asking = visit("analyst", "/catalog")
    asking.get_by_role("searchbox", name="Search the catalog").fill("home_ownership")
    found = asking.get_by_role("row", name=re.compile("households"))
    expect(found).to_contain_text("home_ownership")
    expect(found).to_contain_text("You may ask")
    found.get_by_role("link").click()
    asking.get_by_role("button", name="Request access").click()
    asking.get_by_role("dialog").get_by_label("Reason").fill("Forecast by type of household")
    asking.get_by_role("dialog").get_by_role("button", name="Send request").click()
    expect(status(asking)).to_have_text("Waiting for approval")
    request = asking.get_by_role("heading", level=1).inner_text()

    deciding = visit("owner", "/inbox")
    deciding.get_by_role("link", name=request).click()
    deciding.get_by_label("Row filter").fill("home_ownership = 'Homeowner'")
    deciding.get_by_role("button", name="Hidden columns").click()
    deciding.get_by_role("option", name="income").click()
    deciding.keyboard.press("Escape")
    deciding.get_by_role("button", name="Approve").click()
    expect(deciding.get_by_role("heading", name="Your decision")).to_have_count(0)

    expect(status(asking)).to_have_text("Active", timeout=60_000)
    expect(asking.get_by_text("home_ownership = 'Homeowner'", exact=True)).to_be_visible()
    asking.get_by_role("button", name="End access").click()
    asking.get_by_role("dialog").get_by_label("Reason").fill("Done")
    asking.get_by_role("dialog").get_by_role("button", name="End access").click()
    expect(status(asking)).to_have_text("Revoked", timeout=60_000)


@pytest.mark.parametrize("path", ["/requests/nothing", "/catalog/nothing"])
def test_what_is_not_there_is_said_to_be_not_there(visit: StartVisit, path: str) -> None:
    page = visit("analyst", path, refusals=(404, 400))
    expect(page.get_by_text("Not found")).to_be_visible()


def test_a_narrow_window_shows_the_page_and_not_the_menu(visit: StartVisit) -> None:
    page = visit("analyst")
    page.set_viewport_size({"width": 390, "height": 800})
    page.reload()
    expect(page.get_by_role("heading", name="My requests")).to_be_visible()
    expect(page.get_by_role("link", name="Catalog", exact=True)).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_unknown_address_has_a_way_out(visit: StartVisit) -> None:
    page = visit("analyst", "/nowhere/at/all")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    page.get_by_role("link", name="your requests").click()
    expect(page).to_have_url(re.compile("/requests$"))
