"""`python -m twinplane.data_plane`: serves one plane on 127.0.0.1 until it is told to stop."""

import argparse
import gc
import os
import sys
from pathlib import Path
from typing import Any

_modules: dict[str, Any] = sys.modules


def main() -> int:
    """Reads the arguments and serves; returns the exit code."""
    _modules.setdefault(
        "rich", None
    )  # structlog imports it when it can: a third of the start, and nothing here is rich
    os.umask(0o077)  # whatever this process writes is its user's alone, in any folder
    gc.disable()  # nothing made while starting is garbage; the server turns it on again
    from twinplane.data_plane.app import serve
    from twinplane.data_plane.plane import PlaneSettings

    parser = argparse.ArgumentParser(prog="python -m twinplane.data_plane", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="the folder that holds everything durable")
    parser.add_argument("--port", type=int, default=8643, help="of 127.0.0.1; 0 takes a free one (default: 8643)")
    parser.add_argument("--account", default=PlaneSettings.account_id, help="the AWS account this plane stands for")
    parser.add_argument("--region", default=PlaneSettings.region, help="the AWS region this plane stands for")
    parser.add_argument("--tls", action="store_true", help="speak https, under a certificate in the state folder")
    parser.add_argument("--max-requests-per-second", type=int, help="of one access key; more are throttled as by AWS")
    parser.add_argument(
        "--keep-events-days", type=_days, default=os.environ.get("TWINPLANE_KEEP_EVENTS_DAYS"),
        help="remove CloudTrail's events after so many days, at least 90 (default: keep them all)",
    )  # fmt: skip
    arguments = parser.parse_args()
    return serve(
        arguments.state.absolute(), arguments.port, arguments.account, arguments.region, tls=arguments.tls,
        max_requests_per_second=arguments.max_requests_per_second, keep_events_days=arguments.keep_events_days,
    )  # fmt: skip


def _days(text: str) -> int | None:
    if not text:
        return None
    days = int(text)
    if days < 90:
        raise argparse.ArgumentTypeError("LookupEvents promises 90 days: give 90 or more")
    return days


if __name__ == "__main__":
    sys.exit(main())
