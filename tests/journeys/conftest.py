"""Meshes for the journeys: each a whole one, on a state folder and ports of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from twinplane.cli.sign_in import SignIn
from twinplane.cli.state import State
from twinplane.cli.up import LocalMesh

REPOSITORY = Path(__file__).parents[2]
RETAIL = REPOSITORY / "examples" / "retail"

StartMesh = Callable[[Path, Path], tuple[LocalMesh, SignIn]]


@pytest.fixture
def start_mesh() -> Iterator[StartMesh]:
    """`start_mesh(mesh_path, state_folder)` starts a mesh; it is stopped when the test ends."""
    with ExitStack() as stack:

        def start(mesh_path: Path, folder: Path) -> tuple[LocalMesh, SignIn]:
            state = State(folder)
            folder.mkdir(parents=True, exist_ok=True)
            mesh = LocalMesh(state, mesh_path, 0, 0, lambda _text: None)
            stack.callback(mesh.stop)
            running = mesh.start()
            return mesh, SignIn(state, mesh.mesh, running.app_url)

        yield start
