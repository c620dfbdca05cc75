"""AWS's protocol test vectors: they are in botocore's source distribution, which is fetched once for each version."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import botocore
import pytest

# of botocore-<version>.tar.gz; a new botocore needs its line here
SHA256 = {"1.44.5": "a988f39e3a4484def0b8010f41128f71157da0515a4804fccce4739aa8f216da"}


@dataclass(frozen=True)
class Vector:
    """One case: `service` is a service model without operations, `operation` the one it speaks of."""

    id: str
    service: dict[str, Any]
    operation: dict[str, Any]
    case: dict[str, Any]


def vectors(direction: str, protocol: str) -> Iterator[Vector]:
    """The cases of a protocol; `direction` is `input` or `output`. Skips the test where they cannot be had."""
    for suite in json.loads((_folder() / direction / f"{protocol}.json").read_text()):
        cases = suite.pop("cases")
        suite["metadata"].setdefault("endpointPrefix", "vectors")
        for case in cases:
            yield Vector(case["id"], suite, case["given"], case)


@cache
def _folder() -> Path:
    version = botocore.__version__
    assert version in SHA256, f"vectors.py does not know the sha256 of botocore {version}'s source distribution"
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "twinplane" / "protocol-vectors"
    folder = caches / SHA256[version]
    if not folder.exists():
        caches.mkdir(parents=True, exist_ok=True)
        with (caches / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                _fetch(version, folder)
    return folder


def _fetch(version: str, folder: Path) -> None:
    """Asks the package index of this machine, as pip is configured; pip checks the hash before it opens the file."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        wanted = Path(scratch, "wanted.txt")
        wanted.write_text(f"botocore=={version} --hash=sha256:{SHA256[version]}\n")
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
            "--no-binary", "botocore", "--require-hashes", "--requirement", str(wanted), "--dest", scratch,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
        if done.returncode:
            missing = f"botocore's source distribution could not be fetched: {done.stderr.strip()[-2000:]}"
            if os.environ.get("CI"):
                raise RuntimeError(missing)
            pytest.skip(missing)
        inside = f"botocore-{version}/tests/unit/protocols"
        with tarfile.open(Path(scratch, f"botocore-{version}.tar.gz")) as archive:
            files = [each for each in archive.getmembers() if each.name.startswith(inside + "/")]
            archive.extractall(scratch, files, filter="data")
        shutil.move(Path(scratch, inside), folder)
