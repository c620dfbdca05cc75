"""A mesh that `twinplane up` runs, for the tests of the command line."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

RETAIL = Path(__file__).parents[2] / "examples/retail/mesh.yaml"
PROGRAM = [sys.executable, "-c", "from twinplane.cli import main; main()"]


def twinplane(*arguments: str, state: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Runs one command to its end."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TWINPLANE_", "DataZone"))}
    if state is not None:
        environment["TWINPLANE_STATE"] = str(state)
    return subprocess.run(
        [*PROGRAM, *arguments], env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )


@dataclass
class Up:
    """A running `twinplane up`."""

    state: Path
    process: "subprocess.Popen[str]"
    said: Path

    @classmethod
    def start(cls, state: Path, *options: str) -> "Up":
        """Starts it and waits until it says that the mesh is up."""
        state.mkdir(parents=True, exist_ok=True)
        said = state / f"said-{time.monotonic_ns()}"
        options = options or ("--port", "0", "--plane-port", "0")
        command = [*PROGRAM, "up", "--state", str(state), "--mesh", str(RETAIL), *options]
        with said.open("w") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out, text=True)
        up = cls(state, process, said)
        up.wait_for("is up.")
        return up

    def wait_for(self, words: str, seconds: float = 120) -> None:
        until = time.monotonic() + seconds
        while words not in self.said.read_text():
            assert self.process.poll() is None, self.said.read_text()
            assert time.monotonic() < until, self.said.read_text()
            time.sleep(0.05)

    def servers(self) -> list[int]:
        """The processes that belong to it, by their environment or command line naming its state folder."""
        return [pid for pid in _processes() if pid != self.process.pid and _names(pid, self.state)]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


def _processes() -> list[int]:
    return [
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and int(entry.name) != os.getpid()
    ]


def _names(pid: int, state: Path) -> bool:
    try:
        told = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        return str(state).encode() in told and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]
    except OSError:
        return False


@pytest.fixture(scope="session")
def mesh_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One mesh for all tests that only use it."""
    up = Up.start(tmp_path_factory.mktemp("mesh") / "state")
    yield up
    up.stop()
