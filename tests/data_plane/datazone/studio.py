"""A process in which Amazon's own `sagemaker_studio` is imported, once, and in which tests run their lines of Python.

The library changes boto3 wherever it is imported; so it never is in the process of the tests.
"""

import json
import os
import subprocess
import sys
from typing import Any

from twinplane.data_plane.testing import RunningPlane

_INSIDE = """
import ast, json, sys, traceback
answers, sys.stdout = sys.stdout, sys.stderr
names = {"__name__": "__main__"}
for line in sys.stdin:
    try:
        tree = ast.parse(json.loads(line))
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "test", "exec"), names)
        value = None if last is None else eval(compile(ast.Expression(last.value), "test", "eval"), names)
        answer = {"value": value}
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer, default=str), file=answers, flush=True)
"""


class StudioError(Exception):
    """What the library raised, with its traceback as the text."""


class Studio:
    """Runs Python where the library is; names stay from one call to the next."""

    def __init__(self, plane: RunningPlane, credentials: dict[str, str], settings: dict[str, str]) -> None:
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            **plane.environment(),
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
            "DataZoneEndpoint": plane.endpoint,
            "DataZoneDomainRegion": plane.region,
            **settings,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", _INSIDE],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __call__(self, code: str) -> Any:
        """Runs lines of Python; answers what the last expression is, as JSON holds it. Raises `StudioError`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the library's process ended with {self._process.poll()}"
        answer = json.loads(line)
        if "error" in answer:
            raise StudioError(answer["error"])
        return answer["value"]

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()
