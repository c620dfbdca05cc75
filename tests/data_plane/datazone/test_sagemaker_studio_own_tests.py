"""The tests that Amazon ships in `sagemaker_studio`, run where ours are: the library works with the versions we pin.

Those of Spark's functions need pyspark, which is not installed; the rest all pass.
"""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SOAK = bool(os.environ.get("TWINPLANE_SOAK"))
QUICK = (
    "schema", "unit/credentials", "unit/execution", "unit/git", "unit/project", "unit/sql_engine",
    "unit/connections/test_catalog.py", "unit/connections/glue_connection_lib",
    "unit/utils/test_dataframeutils.py", "unit/utils/test_internal_utils.py", "unit/utils/test_sql_handler.py",
)  # fmt: skip
NEED_SPARK = (
    "--ignore=unit/utils/udf",
    "--deselect=unit/utils/spark/session/emr_ec2/test_emr_ec2_interceptors.py"
    "::TestDoRefreshToken::test_resource_not_found_raises_grpc_exception",
    "--deselect=unit/utils/spark/session/emr_eks/test_emr_eks_interceptors.py"
    "::TestDoRefreshToken::test_resource_not_found_raises_grpc_exception",
)


def passed(*arguments: str) -> int:
    """How many of the library's tests pass; none may fail."""
    spec = find_spec("sagemaker_studio")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "_test"
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    plugins = ("-c", os.devnull, "--rootdir", str(folder), "-p", "no:cacheprovider", "-p", "no:twinplane")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=line", *plugins, *arguments],
        cwd=folder,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    found = re.search(r"(\d+) passed", done.stdout)
    assert found is not None
    return int(found[1])


def test_the_library_s_own_tests_of_what_we_use_pass() -> None:
    assert passed(*QUICK) > 600


@pytest.mark.soak
@pytest.mark.timeout(700)
@pytest.mark.skipif(not SOAK, reason="the long form: a minute")
def test_all_of_the_library_s_own_tests_pass_but_for_spark_s() -> None:
    assert passed(*NEED_SPARK, ".") > 1800
