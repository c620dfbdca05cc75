"""Both databases for every test that has state: SQLite in a file, and a PostgreSQL server of this test session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import fresh_postgresql_database
from tests.control_plane.mesh_fixtures import MESH, RunningApp, apply_sample_mesh, running_app
from twinplane.control_plane.database import Database
from twinplane.data_plane.testing import RunningPlane, running_plane
from twinplane.mesh.load import load


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'app.db'}"
        return
    with fresh_postgresql_database(request.getfixturevalue("postgresql_server")) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    database.migrate()
    yield database
    database.close()


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlane]:
    """A data plane with the sample mesh, shared by the tests of a module."""
    mesh = load(MESH)
    state = tmp_path_factory.mktemp("plane")
    with running_plane(state, account_id=mesh.account_id, region=mesh.region) as plane:
        apply_sample_mesh(plane)
        yield plane


@pytest.fixture(scope="module")
def app(plane: RunningPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The Management App on SQLite, shared by the tests of a module."""
    state = tmp_path_factory.mktemp("app")
    with running_app(plane, state, f"sqlite:///{state / 'app.db'}") as app:
        yield app
