"""A data plane whose state lies on a disk of its own that a test can fill: a tmpfs in a mount namespace of its own.

Needs no root where the kernel gives users namespaces; where it does not, the tests that need one are skipped.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from twinplane.data_plane.testing import RunningPlane

_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]


@cache
def namespaces_are_given() -> bool:
    try:
        done = subprocess.run([*_NAMESPACE, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0


@dataclass
class SmallDisk:
    """The running plane, and its disk as this process sees it."""

    plane: RunningPlane
    log: Path

    @property
    def state(self) -> Path:
        return self.plane.state

    def fill(self) -> None:
        """Takes the last byte."""
        with (self.state / "filler").open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        (self.state / "filler").unlink()

    def run(self, *command: str) -> None:
        """Runs a command where the plane runs."""
        inside = ["nsenter", "--target", str(self.plane.process.pid), "--user", "--mount", "--preserve-credentials"]
        subprocess.run([*inside, *command], check=True, capture_output=True)

    def processor_seconds(self) -> float:
        """What the server has used so far."""
        fields = Path(f"/proc/{self.plane.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def plane_on_small_disk(folder: Path, megabytes: int = 24, before: str = "true") -> Iterator[SmallDisk]:
    """`before` is a shell command that runs on the disk before the plane starts. Raises `RuntimeError` with what the
    plane said when it does not start."""
    if not namespaces_are_given():
        pytest.skip("this kernel gives no mount namespaces to users")
    folder.mkdir(parents=True, exist_ok=True)
    log = folder.with_name(f"{folder.name}.log")
    serve = f"exec {sys.executable} -m twinplane.data_plane --state {folder} --port 0"
    script = f"mount -t tmpfs -o size={megabytes}m,mode=700 none {folder} && cd {folder} && {before} && cd / && {serve}"
    with log.open("ab") as errors:
        process = subprocess.Popen([*_NAMESPACE, "sh", "-c", script], stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("data plane ready on "):
            process.wait(10)
            raise RuntimeError(log.read_text())
        endpoint = line.removeprefix("data plane ready on ").strip()
        state = Path(f"/proc/{process.pid}/root{folder}")
        yield SmallDisk(RunningPlane(endpoint, state, "111122223333", "us-east-1", process), log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
