"""Every page, light and dark, by the rules of WCAG 2 A and AA that can be checked by program."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.control_plane.mesh_fixtures import RunningApp
from tests.web.conftest import AXE, StartVisit

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    """What axe finds wrong, one line per element."""
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate(f"axe.run({{ runOnly: {json.dumps(RULES)} }})")
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:200]}" for rule in found["violations"] for node in rule["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_can_be_used_by_everybody(visit: StartVisit, app: RunningApp, scheme: str) -> None:
    listing = app.published("owner", "Campaign Insights", "marketing", "campaigns", "Confidential")
    body = {"listing_id": listing, "reason": f"To read it in {scheme} mode"}
    answer = app.call("colleague", "POST", "/api/requests/subscription", body)
    request = answer.json()["id"] if answer.is_success else answer.json()["request_id"]
    pages = {
        ("colleague", "/requests"): "My requests",
        ("colleague", f"/requests/{request}"): "campaigns of Campaign Insights",
        ("colleague", "/projects/new"): "Request a project",
        ("colleague", "/catalog?q=campaign_id"): "Catalog",
        ("colleague", f"/catalog/{listing}"): "campaigns",
        ("owner", "/inbox"): "Inbox",
        ("owner", f"/requests/{request}"): "campaigns of Campaign Insights",
        (None, "/"): "Sign in",
    }
    found = {}
    for (name, path), heading in pages.items():
        page = visit(name, path, scheme=scheme)
        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(heading))
        expect(page.get_by_text("Loading")).to_have_count(0)
        found[f"{path} as {name}"] = violations(page)
    assert {where: what for where, what in found.items() if what} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dialogs_can_be_used_by_everybody(visit: StartVisit, app: RunningApp, scheme: str) -> None:
    listing = app.published("owner", "Campaign Insights", "marketing", "coupons", "Confidential")
    page = visit("planner", f"/catalog/{listing}", scheme=scheme)
    page.get_by_role("button", name="Request access").click()
    page.get_by_role("dialog").get_by_role("button", name="Send request").click()
    expect(page.get_by_text("Say what you need it for.")).to_be_visible()
    assert violations(page) == []


def test_the_system_s_dark_scheme_is_followed_also_when_it_changes(visit: StartVisit) -> None:
    page = visit("colleague", "/requests", scheme="light")
    heading = page.get_by_role("heading", level=1)
    in_light = heading.evaluate("it => getComputedStyle(it).color")
    page.emulate_media(color_scheme="dark")
    expect(heading).not_to_have_css("color", in_light)
    page.emulate_media(color_scheme="light")
    expect(heading).to_have_css("color", in_light)


def test_a_project_can_be_requested_with_the_keyboard_alone(visit: StartVisit) -> None:
    page = visit("colleague", "/projects/new", refusals=(422,))
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("not/possible")
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.type("By keyboard")
    expect(page.get_by_label("Reason")).to_have_value("By keyboard")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="business-staging-profile")).to_be_checked()
    page.get_by_role("button", name="Send request").press("Enter")
    expect(page.get_by_text("A rule of the mesh refuses this")).to_be_visible()
