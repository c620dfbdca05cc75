"""How the built web app is served."""

import gzip
import re

from tests.control_plane.mesh_fixtures import RunningApp
from twinplane.control_plane.app import STATIC

INITIAL_SCRIPT_BYTES = 350_000  # compressed


def test_every_address_of_the_app_is_answered_with_its_page_which_is_asked_for_anew_each_time(app: RunningApp) -> None:
    for path in ("/", "/requests/some-id", "/catalog?q=x", "/no/such/page"):
        answer = app.client.get(path)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
        assert answer.headers["content-type"].startswith("text/html")
        assert '<div id="root">' in answer.text
        assert app.client.head(path).headers["content-length"] == str(len(answer.content))


def test_hashed_files_are_kept_by_the_browser_for_ever(app: RunningApp) -> None:
    for file in re.findall(r'(?:src|href)="(/assets/[^"]+)"', app.client.get("/").text):
        answer = app.client.get(file)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_file_of_another_build_is_not_found_rather_than_a_page(app: RunningApp) -> None:
    answer = app.client.get("/assets/index-older.js")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_no_script_or_style_runs_that_is_not_a_file_of_the_app(app: RunningApp) -> None:
    answer = app.client.get("/")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert re.search(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=", answer.text) is None


def test_the_first_page_needs_little_script(app: RunningApp) -> None:
    page = app.client.get("/").text
    scripts = re.findall(r'(?:src|href)="/(assets/[^"]+\.js)"', page)
    assert scripts
    assert sum(len(gzip.compress((STATIC / script).read_bytes())) for script in scripts) <= INITIAL_SCRIPT_BYTES
