"""`twinplane plane`: an empty AWS account on this machine, on its own or around one command."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from twinplane.cli.children import Child, check_port, supervise
from twinplane.cli.output import say, tell
from twinplane.cli.state import ADMINISTRATOR, CliError, State
from twinplane.cli.up import Signals, aws_variables, only_one, plane_child, without_aws_variables


@dataclass(frozen=True)
class Account:
    """What the plane stands for, and how it serves."""

    account_id: str
    region: str
    tls: bool = False
    max_requests_per_second: int | None = None


def plane(state: State, port: int, account: Account, command: list[str], fresh: bool) -> int:
    """Runs a data plane until told to stop, or until `command` ends; returns the exit code. Raises `CliError`."""
    if re.fullmatch(r"[0-9]{12}", account.account_id) is None:
        raise CliError(f"{account.account_id!r} is no AWS account: --account takes 12 digits, such as 111122223333")
    if re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-[0-9]+", account.region) is None:
        raise CliError(f"{account.region!r} is no AWS region: --region takes a name such as eu-central-1")
    if fresh:
        with _passing_folder() as folder:
            return _run(State(folder), 0, account, command, f"Nothing of it is kept ({folder}).")
    return _run(state, port, account, command, f"What it keeps is in {state.path}.")


@contextmanager
def _passing_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="twinplane-plane-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(state: State, port: int, account: Account, command: list[str], kept: str) -> int:
    signals = Signals()
    without_aws_variables()
    with only_one(state, "plane"):
        child = plane_child(
            state, check_port(port, "--port"), account.account_id, account.region,
            tls=account.tls, max_requests_per_second=account.max_requests_per_second,
        )  # fmt: skip
        try:
            child.start()
            child.wait_until_ready()
            endpoint = child.ready_url.removesuffix("/_health")
            variables = aws_variables(state, ADMINISTRATOR, endpoint, account.region)
            if command:
                return _around(command, variables, signals)
            recipe = "\n".join(f"  export {name}={value}" for name, value in variables.items())
            tell(f"The data plane serves AWS's APIs on {endpoint}, account {account.account_id}.")
            tell(f"Its administrator:\n\n{recipe}\n\nTry it:\n\n  aws s3 mb s3://first && aws s3 ls\n")
            tell(f"Ctrl-C stops it. {kept}")
            supervise([child], lambda: signals.stopped, _start_again)
        finally:
            child.stop()
    say("Stopped. Everything is kept; `twinplane plane` starts again as it was." if port else "Stopped.")
    return 0


def _around(command: list[str], variables: dict[str, str], signals: Signals) -> int:
    """Runs a command with the plane as its AWS; returns its exit code, as a shell tells it."""
    try:
        process = subprocess.Popen(command, env=os.environ | variables)
    except OSError as error:
        raise CliError(f"{command[0]} cannot be run: {error.strerror}", 127) from None
    while True:
        try:
            code = process.wait(0.2)
            return 128 - code if code < 0 else code
        except subprocess.TimeoutExpired:
            if signals.stopped:
                process.terminate()


def _start_again(child: Child) -> None:
    child.start()
    child.wait_until_ready()
