"""Writes docs/datazone-operations.md: `python -m tests.data_plane.datazone.operations_page` (or `make pages`).

Nothing in the page is written by hand. Operations and their areas come from the services' code, what they do from
their docstrings, differences and assumptions from the `NOTES` and `ASSUMED` of each file, the rights from
`rights.RIGHTS`, and who checked them from the tests and clients that call them.
"""

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from types import ModuleType

from twinplane.data_plane.services.datazone import rights
from twinplane.data_plane.services.datazone.operations import RESOURCES
from twinplane.data_plane.wire import models

REPOSITORY = Path(__file__).parents[3]
PAGE = REPOSITORY / "docs" / "datazone-operations.md"
LIBRARY_ONLY = "GetDomainExecutionRoleCredentials"  # in the model that sagemaker_studio brings along

_HEAD = """# DataZone, operation by operation

Written by `make pages`; a test keeps it true. Of the {total} operations of AWS's model (botocore {version}) {served}
are served, and one more that only the library `sagemaker_studio` knows. The others answer `NotImplemented` (501) and
name themselves.

*Checked by*: a test that calls the operation through an unmodified boto3 client over a socket (one is named), and real
clients whose code calls it: {clients}. *Rights only*: no test but that of who may call it. Every answer in those tests
is also held against AWS's model. What an operation does was taken from AWS's documentation, except where *assumed* says
otherwise. No operation has been compared with an AWS account.

*Who may*, once IAM lets them: `members` of the owning project by designation (O owner, C contributor, S steward,
U consumer, V viewer, D a designation of the domain's own, as its policy says).
"""
_LETTERS = {
    rights.OWNER: "O", rights.CONTRIBUTOR: "C", rights.STEWARD: "S", rights.CONSUMER: "U", rights.VIEWER: "V",
    rights.CUSTOM: "D",
}  # fmt: skip
_CLIENTS = {"sagemaker_studio": "`sagemaker_studio`", "smus_cicd": "the SMUS CI/CD CLI"}


def page() -> str:
    """The whole page."""
    model = models.load("datazone")
    served = {name for area in RESOURCES for name in getattr(area, "OPERATIONS", {})}
    out = [
        _HEAD.format(
            total=len(model.operations) - (LIBRARY_ONLY in model.operations),
            served=len(served - {LIBRARY_ONLY}),
            version=metadata.version("botocore"),
            clients=", ".join(_CLIENTS.values()),
        )
    ]
    for area in sorted(RESOURCES, key=lambda module: module.__name__):
        if getattr(area, "OPERATIONS", {}):
            out += _area(area)
    out.append("\n## Not served\n")
    told = {name: text for area in RESOURCES for name, text in getattr(area, "NOTES", {}).items()}
    missing = sorted(set(model.operations) - served)
    out += [f"- {name}: {told[name]}" for name in missing if name in told]
    out.append("\n" + ", ".join(f"`{name}`" for name in missing if name not in told) + ".")
    return "\n".join(out) + "\n"


def _area(area: ModuleType) -> Iterator[str]:
    title = area.__name__.rpartition(".")[2].replace("_", " ")
    yield f"\n## {title[0].upper()}{title[1:]}\n"
    yield "| operation | what it does here | who may | checked by |"
    yield "|---|---|---|---|"
    notes, assumed = getattr(area, "NOTES", {}), getattr(area, "ASSUMED", {})
    for name, operation in sorted(area.OPERATIONS.items()):
        told = [_sentence(operation.function.__doc__), notes.get(name, "")]
        if name in assumed:
            told.append(f"*Assumed:* {assumed[name]}")
        yield f"| {name} | {' '.join(text for text in told if text)} | {_who(name)} | {_checks(name)} |"


def _sentence(text: str | None) -> str:
    first = " ".join((text or "").strip().split("\n\n")[0].split())
    return first.replace("|", "\\|")


def _who(name: str) -> str:
    right = rights.RIGHTS[name]
    found = []
    if right.members:
        found.append("members " + "".join(_LETTERS[d] for d in right.members))
    if right.subscribers:
        found.append("subscriber " + "".join(_LETTERS[d] for d in right.subscribers))
    for held, text in (
        (right.creator, "its creator"), (right.unit_owners, "unit owners"), (right.domain_owners, "domain owners"),
        (right.policy, f"policy {right.policy}"), (right.needs, f"with policy {right.needs}"),
        (right.users, "users of the domain"), (right.people, "people of the domain"), (right.iam_alone, "IAM alone"),
    ):  # fmt: skip
        if held:
            found.append(text)
    return ", ".join(found)


def _checks(name: str) -> str:
    method = snake(name)
    files = sorted(file for file, methods in _calls_of_tests().items() if method in methods)
    found = [f"`{files[0]}`"] if files else ["rights only"]
    found += [shown for package, shown in _CLIENTS.items() if method in _calls_of_client(package)]
    return ", ".join(found)


def snake(name: str) -> str:
    """An operation's name as a method of boto3's client."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


@cache
def _calls_of_tests() -> dict[str, set[str]]:
    """By test file: the client methods it calls, and the operations whose pages it walks."""
    found = {}
    for file in sorted((REPOSITORY / "tests").rglob("*.py")):
        calls = {c for c in _calls(file.read_text()) if c in _methods()}
        if calls and file.name not in ("operations_page.py",):
            found[str(file.relative_to(REPOSITORY / "tests"))] = calls
    return found


@cache
def _methods() -> set[str]:
    return {snake(name) for name in (*models.load("datazone").operations, LIBRARY_ONLY)}


def _calls(source: str) -> Iterator[str]:
    """Methods that are called, and those that are named as text: for a paginator, or to be called in a loop."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def _calls_of_client(package: str) -> set[str]:
    """The DataZone operations that a client's code calls; none where it is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return set()
    source = "\n".join(file.read_text(errors="replace") for file in Path(spec.origin).parent.rglob("*.py"))
    return set(re.findall(r"\b([a-z]+(?:_[a-z]+)+)\b", source)) & _methods()


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"wrote {PAGE}\n")
