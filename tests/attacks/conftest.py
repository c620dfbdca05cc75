"""One mesh that insiders attack: the analyst holds a filtered grant on households, the colleague another."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.insiders import Insiders
from twinplane.cli.sign_in import SignIn
from twinplane.cli.state import State
from twinplane.cli.up import LocalMesh

MESH = Path(__file__).parents[2] / "examples" / "retail" / "mesh.yaml"


@pytest.fixture(scope="session")
def insiders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Insiders]:
    state = State(tmp_path_factory.mktemp("attacked") / "state")
    state.path.mkdir(mode=0o755)  # as `mkdir` makes it
    mesh = LocalMesh(state, MESH, 0, 0, lambda _text: None)
    try:
        running = mesh.start()
        found = Insiders(SignIn(state, mesh.mesh, running.app_url), running.app_url, state.path)
        found.prepare()
        yield found
    finally:
        mesh.stop()
