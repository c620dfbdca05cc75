"""The web app's types are made from the committed document; it must be the one that the app serves."""

from pathlib import Path

from twinplane.control_plane.openapi import document

COMMITTED = Path(__file__).parents[2] / "web" / "openapi.json"


def test_the_committed_document_is_the_apps_own() -> None:
    assert COMMITTED.read_text() == document(), "the API has changed: run `make openapi` and commit what it writes"
