"""`python -m twinplane.control_plane`: serves the Management App on the loopback interface."""

import os
import socket
import sys

import uvicorn

from twinplane.control_plane import log
from twinplane.control_plane.app import create_app
from twinplane.control_plane.database import DatabaseIsNewer
from twinplane.control_plane.policy.policies import PolicyInvalid
from twinplane.control_plane.settings import read_settings
from twinplane.mesh.load import MeshError


def main() -> int:
    """Serves until SIGINT or SIGTERM. Returns the exit code; what is wrong is said in one line."""
    settings = read_settings(os.environ)
    log.configure()
    try:
        web = create_app(settings)
    except (MeshError, PolicyInvalid, DatabaseIsNewer) as error:
        print(f"twinplane: {error}", file=sys.stderr)  # noqa: T201 - before there is anything to log for
        return 2
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", settings.port))
    except OSError as error:
        print(  # noqa: T201
            f"twinplane: port {settings.port} cannot be used ({error.strerror}): stop what uses it, "
            "or set TWINPLANE_PORT",
            file=sys.stderr,
        )
        return 2
    listener.listen(1024)  # who comes from now on waits for an answer, and is not refused
    print(f"management app ready on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)  # noqa: T201
    config = uvicorn.Config(web, log_config=None, access_log=False, timeout_graceful_shutdown=3, server_header=False)
    uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
