"""`twinplane demo`: the whole journey without a person, on a fresh state folder and free ports."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from twinplane.cli.output import say, tell
from twinplane.cli.sign_in import SignIn
from twinplane.cli.state import CliError, State
from twinplane.cli.up import LocalMesh, Signals, only_one, without_aws_variables


def demo(mesh_path: Path, story_path: Path, folder: Path | None, as_json: bool) -> None:
    """Walks the story on a mesh of its own. Without `folder`, the state is removed at the end. Raises `CliError`."""
    from twinplane.cli.journey import Journey, StepResult, Story

    signals = Signals()
    without_aws_variables()
    path = folder or Path(tempfile.mkdtemp(prefix="twinplane-demo-"))
    state = State(path.resolve())
    told: list[dict[str, Any]] = []

    def report(step: StepResult) -> None:
        told.append(vars(step))
        if not as_json:
            tell(f"{'✗' if step.failed else '✓'} {step.title}  ({step.who}, {step.seconds:.2f} s)\n    {step.outcome}")
            if step.aws_calls:
                tell("    " + ", ".join(f"{count} {name}" for name, count in step.aws_calls.items()))

    try:
        with only_one(state, "demo"):
            local = LocalMesh(state, mesh_path.resolve(), 0, 0, say, lambda: signals.stopped)
            try:
                running = local.start()
                say(f"The mesh {local.mesh.name} is up on {running.app_url}; its state is in {state.path}.")
                sign_in = SignIn(state, local.mesh, running.app_url)
                results = Journey(Story.load(story_path), running.app_url, sign_in, report).walk()
            finally:
                local.stop()
    finally:
        if folder is None:
            shutil.rmtree(path, ignore_errors=True)
    if as_json:
        tell(json.dumps(told, indent=2))
    if any(step.failed for step in results):
        raise CliError(f"the step {results[-1].title!r} is not as expected: {results[-1].outcome}")
    say(f"All {len(results)} steps are as expected, in {sum(step.seconds for step in results):.1f} s.")
