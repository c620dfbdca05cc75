"""The servers under measurement: our data plane, and moto_server as the emulator people use."""

import configparser
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from twinplane.cli.children import free_port

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    name: str
    endpoint: str
    pid: int
    started_seconds: float
    access_key_id: str
    secret: str

    def cpu_seconds(self) -> float:
        """CPU time of the server's process so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND

    def resident_mb(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _serve(command: list[str], port: int, path: str) -> tuple[subprocess.Popen[bytes], float]:
    began = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    deadline = began + 60
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1):
                return process, time.perf_counter() - began
        except OSError as error:
            if process.poll() is not None or time.perf_counter() > deadline:
                raise RuntimeError(f"{command} did not start") from error
            time.sleep(0.005)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def twinplane(folder: Path) -> Iterator[Server]:
    """Our data plane on a fresh state folder, durable, signatures and audit on."""
    port = free_port()
    state = folder / "state"
    command = [sys.executable, "-m", "twinplane.data_plane", "--state", str(state), "--port", str(port)]
    process, seconds = _serve(command, port, "/_health")
    try:
        profiles = configparser.RawConfigParser()
        profiles.read(state / "aws" / "credentials")
        values = profiles["administrator"]
        yield Server(
            "twinplane", f"http://127.0.0.1:{port}", process.pid, seconds,
            values["aws_access_key_id"], values["aws_secret_access_key"],
        )  # fmt: skip
    finally:
        _stop(process)


@contextmanager
def hello(server: str) -> Iterator[Server]:
    """The least that an HTTP server can do: a fixed answer to any request. See `bench.hello`."""
    port = free_port()
    process, seconds = _serve([sys.executable, "-m", "bench.hello", str(port), server], port, "/")
    try:
        yield Server("hello", f"http://127.0.0.1:{port}", process.pid, seconds, "testing", "testing")
    finally:
        _stop(process)


@contextmanager
def moto() -> Iterator[Server]:
    """moto_server: in memory, no signature checked."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    process, seconds = _serve(command, port, "/moto-api/")
    try:
        yield Server("moto_server", f"http://127.0.0.1:{port}", process.pid, seconds, "testing", "testing")
    finally:
        _stop(process)
