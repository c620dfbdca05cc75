"""How every process that touches a user's text begins: `python -m twinplane.engines.sql.process KIND FD LIMITS FOLDER`.

It gives up what it does not need before the engine is loaded: the engine starts threads, and a process with threads
cannot leave the network without being root.
"""

import importlib
import socket
import sys

import msgspec

from twinplane.engines.sql.confinement import confine
from twinplane.engines.sql.worker_messages import Limits


def main() -> None:
    """Serves from the socket on the given descriptor until it is closed."""
    kind, descriptor, limits_text, folder = sys.argv[1:]
    limits = msgspec.json.decode(limits_text, type=Limits)
    missing = confine(limits, folder)
    importlib.import_module(f"twinplane.engines.sql.{kind}").serve(
        socket.socket(fileno=int(descriptor)), limits, missing
    )


if __name__ == "__main__":
    main()
