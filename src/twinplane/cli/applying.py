"""Plan and apply from the command line: where they go, and how what they do is told."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from twinplane.cli.state import CliError
from twinplane.foundation import reconcile
from twinplane.foundation.changes import Change, changed
from twinplane.foundation.run import NotAsExpected
from twinplane.mesh.model import Mesh

if TYPE_CHECKING:
    import boto3


_FAILURES = (NotAsExpected, ClientError, BotoCoreError, ResponseParserError)


class Stopped(Exception):
    """The person asked to stop."""


def apply_to(
    mesh: Mesh,
    session: "boto3.Session",
    issuer_url: str | None,
    say: Callable[[str], None],
    stopping: Callable[[], bool] = lambda: False,
) -> list[Change]:
    """Applies the mesh, telling each kind of object as it is done. Raises `CliError`; repeating it goes on."""
    last = ""

    def report(change: Change) -> None:
        nonlocal last
        if stopping():
            raise Stopped
        if change.action != "unchanged" and change.kind != last:
            last = change.kind
            say(f"  {change.action} {change.kind}: {change.name} …")
        if change.action == "drift":
            say(f"  {change}")

    try:
        changes = reconcile.apply(mesh, session, issuer_url=issuer_url, report=report)
    except Stopped:
        raise CliError("stopped; applying again goes on where this ended", 130) from None
    except _FAILURES as error:
        raise CliError(f"the mesh could not be applied: {error}\n  Nothing is lost: applying again goes on") from None
    say(f"  {summary(changes)}")
    return changes


def plan_of(mesh: Mesh, session: "boto3.Session", issuer_url: str | None) -> list[Change]:
    """What applying would do. Raises `CliError`."""
    try:
        return reconcile.plan(mesh, session, issuer_url=issuer_url)
    except _FAILURES as error:
        raise CliError(f"the plan could not be made: {error}") from None


def summary(changes: list[Change]) -> str:
    """One line: how much of what."""
    if not changed(changes):
        return f"nothing to change: all {len(changes)} objects are as declared"
    counts: Counter[str] = Counter(change.action for change in changes)
    words = {
        "create": "created",
        "update": "updated",
        "drift": "differ and are not ours to change",
        "unchanged": "unchanged",
    }
    return ", ".join(f"{counts[action]} {word}" for action, word in words.items() if counts[action])
