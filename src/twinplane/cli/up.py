"""`twinplane up`: the mesh on this machine."""

import fcntl
import hashlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twinplane.cli.children import Child, check_port, supervise
from twinplane.cli.state import ADMINISTRATOR, MANAGEMENT_APP, Applied, CliError, Running, State, add_profile
from twinplane.data_plane.tls import authority_file
from twinplane.mesh.load import MeshError, load
from twinplane.mesh.model import Mesh
from twinplane.version import __version__

Say = Callable[[str], None]


@contextmanager
def only_one(state: State, command: str) -> Iterator[None]:
    """Makes this the only `command` on the state folder, whose files are this user's alone. Raises `CliError`."""
    os.umask(0o077)
    try:
        state.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (state.path / "up.lock").open("a+")
    except OSError as error:
        raise CliError(
            f"the state folder {state.path} cannot be used ({error.strerror}): name another with --state"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CliError(
                f"`twinplane {command}` cannot start: the state folder {state.path} is in use by another one. "
                "Stop that one, or name another folder with --state"
            ) from None
        yield


class Signals:
    """SIGINT and SIGTERM as a flag."""

    def __init__(self) -> None:
        self.stopped = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def _stop(self, _number: int, _frame: Any) -> None:
        if self.stopped:  # a second one interrupts whatever is still waiting
            raise KeyboardInterrupt
        self.stopped = True


@dataclass
class LocalMesh:
    """The servers of one mesh on this machine, started and stopped together."""

    state: State
    mesh_path: Path
    port: int
    plane_port: int
    say: Say
    stopping: Callable[[], bool] = lambda: False
    mesh: Mesh = field(init=False)
    children: list[Child] = field(default_factory=list)

    def start(self) -> Running:
        """Starts the data plane, applies the mesh when it is not yet, starts the app. Raises `CliError`."""
        self.mesh = _load(self.mesh_path)
        self.port = check_port(self.port, "--port")
        self.plane_port = check_port(self.plane_port, "--plane-port")
        plane = plane_child(self.state, self.plane_port, self.mesh.account_id, self.mesh.region)
        app, wanted = self._app_child(), self._wanted()
        applied = self.state.applied == wanted and self.state.aws_credentials.exists()
        self._begin(plane)
        add_profile(self.state.app_config, MANAGEMENT_APP, self._profile())
        if applied:  # nothing to wait for: both servers get ready at the same time
            self._begin(app)
        plane.wait_until_ready()
        self.write_profiles()
        running = Running(f"http://127.0.0.1:{self.port}", plane_url(self.plane_port), str(self.mesh_path))
        self.state.write_running(running)
        if not applied:
            self._apply(wanted)
            if self.stopping():
                raise CliError("stopped while starting; what was done is kept", 130)
            self._begin(app)
        app.wait_until_ready()
        return running

    def supervise(self) -> None:
        """Until told to stop. Raises `CliError` when a server keeps ending."""
        supervise(self.children, self.stopping, self._revive)

    def stop(self) -> None:
        """Stops the servers, the app first."""
        for child in reversed(self.children):
            child.stop()
        (self.state.path / "running.json").unlink(missing_ok=True)

    def _begin(self, child: Child) -> None:
        child.start()
        self.children.append(child)

    def _revive(self, child: Child) -> None:
        self.say(f"The {child.name} ended ({child.last_words()}); starting it again.")
        child.start()
        child.wait_until_ready()
        if child is self.children[0]:
            self.write_profiles()

    def write_profiles(self) -> None:
        """The app's profile, for the app itself and beside the administrator's."""
        for config in (self.state.app_config, self.state.aws_config):
            add_profile(config, MANAGEMENT_APP, self._profile())

    def _profile(self) -> dict[str, str]:
        """The Management App acts as its role, which the account's administrator may assume."""
        return {
            "role_arn": f"arn:aws:iam::{self.mesh.account_id}:role/{self.mesh.app.role}",
            "source_profile": ADMINISTRATOR,
            "role_session_name": MANAGEMENT_APP,
            "region": self.mesh.region,
            "endpoint_url": plane_url(self.plane_port),
        }

    @property
    def _issuer(self) -> str:
        return self.mesh.identity.issuer.url or f"{plane_url(self.plane_port)}/_idp"

    def _wanted(self) -> Applied:
        digest = hashlib.sha256(self.mesh_path.read_bytes()).hexdigest()
        return Applied(str(self.mesh_path), digest, self._issuer, __version__)

    def _apply(self, wanted: Applied) -> None:
        from twinplane.cli.applying import apply_to

        first = self.state.applied is None
        self.say(f"Applying {self.mesh_path}: {'the first time takes a little' if first else 'something changed'}.")
        apply_to(self.mesh, self.state.session(ADMINISTRATOR), self._issuer, self.say, self.stopping)
        self.state.write_applied(wanted)

    def _app_child(self) -> Child:
        return Child(
            "Management App",
            [sys.executable, "-m", "twinplane.control_plane"],
            f"http://127.0.0.1:{self.port}/readyz",
            self.state.path / "logs" / "management-app.log",
            {
                "TWINPLANE_STATE": str(self.state.path),
                "TWINPLANE_PORT": str(self.port),
                "TWINPLANE_MESH": str(self.mesh_path),
                "TWINPLANE_ISSUER": self._issuer,
                "TWINPLANE_CLIENT_ID": self.mesh.app.client_id,
                **aws_variables(self.state, MANAGEMENT_APP, plane_url(self.plane_port), self.mesh.region),
                "AWS_CONFIG_FILE": str(self.state.app_config),
            },
        )


def aws_variables(state: State, profile: str, endpoint: str, region: str) -> dict[str, str]:
    """The variables by which an AWS client uses a profile of the state folder, and nothing of this machine's own."""
    return {
        "AWS_PROFILE": profile,
        "AWS_CONFIG_FILE": str(state.aws_config),
        "AWS_SHARED_CREDENTIALS_FILE": str(state.aws_credentials),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        **({"AWS_CA_BUNDLE": str(authority_file(state.path))} if endpoint.startswith("https:") else {}),
    }


def plane_url(port: int, tls: bool = False) -> str:
    return f"{'https' if tls else 'http'}://127.0.0.1:{port}"


def plane_child(
    state: State, port: int, account_id: str, region: str, *, tls: bool = False,
    max_requests_per_second: int | None = None,
) -> Child:  # fmt: skip
    """The data plane's process."""
    limit = ["--max-requests-per-second", str(max_requests_per_second)] if max_requests_per_second else []
    command = [sys.executable, "-m", "twinplane.data_plane", "--state", str(state.path), "--port", str(port)]
    return Child(
        "data plane",
        [*command, "--account", account_id, "--region", region, *(["--tls"] if tls else []), *limit],
        f"{plane_url(port, tls)}/_health",
        state.path / "logs" / "data-plane.log",
    )


def _load(path: Path) -> Mesh:
    try:
        return load(path)
    except MeshError as error:
        raise CliError(f"the mesh is not as it should be:\n{error}", 2) from None


def without_aws_variables() -> None:
    """Takes this machine's own AWS settings out of the environment: a local mesh must never reach a real account."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]


def up(state: State, mesh_path: Path, port: int, plane_port: int, say: Say) -> None:
    """Runs the mesh until told to stop."""
    signals = Signals()
    without_aws_variables()
    with only_one(state, "up"):
        local = LocalMesh(state, mesh_path.resolve(), port, plane_port, say, lambda: signals.stopped)
        try:
            running = local.start()
            say(_welcome(local.mesh, state, running))
            local.supervise()
        finally:
            local.stop()
    say("Stopped. Everything is kept; `twinplane up` starts again as it was.")


def _welcome(mesh: Mesh, state: State, running: Running) -> str:
    width = max(len(person.name) for person in mesh.identity.people)
    people = "\n".join(
        f"    {person.name:<{width}}  {person.display_name}, {', '.join(person.groups)}"
        for person in mesh.identity.people
    )
    option = "" if state.path == Path(".twinplane").resolve() else f" --state {state.path}"
    first = next(iter(mesh.identity.people)).name
    return f"""
The mesh {mesh.name} is up.

  Management App   {running.app_url}
  Data plane       {running.plane_url}   (AWS's APIs; account {mesh.account_id}, {mesh.region})
  Sign in as, with the password {state.development_password()}
{people}

  Try it, in another terminal:
    twinplane project list --as {first}{option}
    twinplane catalog search "" --as {first}{option}
    eval "$(twinplane env --as {first}{option})" && aws datazone list-domains   # or boto3, sagemaker_studio

  Ctrl-C stops it. What it keeps is in {state.path}."""
