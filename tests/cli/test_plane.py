"""`twinplane plane`: an AWS of one's own for a script, a shell or a test suite."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "examples" / "plane"


def _plane(*arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*PROGRAM, "plane", *arguments], capture_output=True, text=True, timeout=120, check=False, **options
    )  # type: ignore[call-overload]


def test_a_script_written_for_aws_runs_on_a_fresh_plane() -> None:
    done = _plane("--fresh", "--", sys.executable, str(EXAMPLES / "orders.py"))
    assert (done.returncode, done.stdout) == (0, "item\tamount\ncoffee\t1\ntea\t5\n"), done.stderr


def test_the_exit_code_is_that_of_the_command() -> None:
    assert _plane("--fresh", "--", "sh", "-c", "exit 7").returncode == 7


def test_a_command_that_is_not_there_is_named() -> None:
    done = _plane("--fresh", "--", "no-such-command-here")
    assert done.returncode == 127
    assert "no-such-command-here cannot be run" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "99999"], "99999 is no port"),
        (["--account", "12"], "'12' is no AWS account"),
        (["--region", "mars"], "'mars' is no AWS region"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = _plane("--state", str(tmp_path / "state"), *arguments, "--", "true")
    assert done.returncode == 1
    assert done.stderr.startswith(f"twinplane: {said}")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.glob("state/plane.*")) == []


def test_a_state_is_served_as_the_account_and_region_that_it_is_of_and_no_other(tmp_path: Path) -> None:
    here = ["--state", str(tmp_path), "--port", "0"]
    own = ["--account", "222233334444", "--region", "eu-west-1"]
    assert _plane(*here, *own, "--", "true").returncode == 0
    foreign, elsewhere = (_plane(*here, *half, "--", "true") for half in (own[2:], own[:2]))
    assert (foreign.returncode, elsewhere.returncode) == (1, 1)
    assert "is of the account 222233334444, not 111122223333" in foreign.stderr
    assert "is of the region eu-west-1, not us-east-1" in elsewhere.stderr
    assert _plane(*here, *own, "--", "true").returncode == 0


def test_a_fresh_plane_leaves_nothing_behind(tmp_path: Path) -> None:
    done = _plane("--fresh", "--", "sh", "-c", "echo $AWS_CONFIG_FILE", env=os.environ | {"TMPDIR": str(tmp_path)})
    assert done.stdout.strip().startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_what_it_prints_makes_any_client_its_administrator(tmp_path: Path) -> None:
    command = [*PROGRAM, "plane", "--state", str(tmp_path), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        printed = []
        for line in process.stdout:
            printed.append(line)
            if line.startswith("Ctrl-C"):
                break
        recipe = "".join(line for line in printed if line.strip().startswith("export "))
        ask = f"{sys.executable} -c \"import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])\""
        bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        done = subprocess.run(["sh", "-c", recipe + ask], capture_output=True, text=True, env=bare, check=False)
        assert done.stdout.strip() == "arn:aws:iam::111122223333:user/administrator", done.stderr
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


@pytest.mark.parametrize("fixture", ["twinplane", "fresh_twinplane"])
def test_the_fixtures_give_a_running_plane(pytester: pytest.Pytester, fixture: str) -> None:
    pytester.makepyfile(
        f"""
        def test_it({fixture}):
            {fixture}.client("s3").create_bucket(Bucket="mine")
            assert [b["Name"] for b in {fixture}.client("s3").list_buckets()["Buckets"]] == ["mine"]
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_the_example_tests_pass_as_they_stand(pytester: pytest.Pytester) -> None:
    for example in EXAMPLES.glob("*.py"):
        pytester.path.joinpath(example.name).write_text(example.read_text())
    pytester.runpytest_subprocess().assert_outcomes(passed=2)
