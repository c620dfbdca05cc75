"""Server processes that live and die with this one."""

import ctypes
import http.client
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from twinplane.cli.state import CliError

_PR_SET_PDEATHSIG = 1
_LOG_LIMIT_BYTES = 20_000_000
_STOP_SECONDS = 10.0


@dataclass
class Child:
    """A server of ours: how to start it, how to know that it serves, where it writes what it has to say."""

    name: str
    command: list[str]
    ready_url: str
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Starts the process; it gets SIGTERM when this process ends in any way."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".old.log"))
        parent = os.getpid()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C in the terminal is ours to pass on, in order
                preexec_fn=lambda: _die_with(parent),  # only prctl runs between fork and exec
            )

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Raises `CliError` when the process ends, or does not serve in time."""
        assert self.process is not None
        until = time.monotonic() + seconds
        while True:
            if self.process.poll() is not None:
                raise CliError(f"the {self.name} did not start: {self.last_words()}\n  more in {self.log}")
            if _answers(self.ready_url):
                return
            if time.monotonic() > until:
                raise CliError(f"the {self.name} did not serve within {seconds:.0f} s; what it said is in {self.log}")
            time.sleep(0.03)

    def last_words(self) -> str:
        """How it ended: the signal that ended it, or the last line it wrote."""
        if self.process is not None and (code := self.process.poll()) is not None and code < 0:
            return f"killed by {signal.Signals(-code).name}"
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1].removeprefix("twinplane: ") if lines else "it said nothing"

    def stop(self) -> None:
        """Asks it to end, and makes sure of it."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _answers(url: str) -> bool:
    """Whether the URL on this machine answers with success; whatever proxy the environment names is not asked."""
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":  # whether it serves is asked, not who it is
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=5, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before it could be watched
            os._exit(1)


def supervise(children: list[Child], stopping: Callable[[], bool], revive: Callable[[Child], None]) -> None:
    """Watches the children until `stopping`. One that ends is revived once; the next time it is given up.

    Raises `CliError` when given up.
    """
    revived: set[str] = set()
    while not stopping():
        time.sleep(0.1)
        for child in children:
            if child.process is None or child.process.poll() is None or stopping():
                continue
            if child.name in revived:
                raise CliError(
                    f"the {child.name} ended twice (exit code {child.process.returncode}): {child.last_words()}\n"
                    f"  more in {child.log}; everything acknowledged is kept, `twinplane up` starts again"
                )
            revived.add(child.name)
            revive(child)


def free_port() -> int:
    """A port that nothing listens on, below those the system hands out: whoever asks a port of those whether it answers
    yet may be given that very port, connect to itself, and keep the server from it."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def check_port(port: int, option: str) -> int:
    """The port (0: a free one). Raises `CliError` when it is none, or something else listens there."""
    if port == 0:
        return free_port()
    if not 0 < port < 65536:
        raise CliError(f"{port} is no port: {option} takes 1 to 65535, or 0 for a free one")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CliError(
                f"port {port} of 127.0.0.1 cannot be used ({error.strerror}): choose another with {option}"
            ) from None
    return port
