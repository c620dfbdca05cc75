"""A real data plane for tests: its own process, its own port, its own state folder, and boto3 clients for it."""

import configparser
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_READY = "data plane ready on "


@cache
def _session() -> Any:
    """One session for all clients: it reads each service's model once. Clients bring their own credentials."""
    import boto3

    return boto3.session.Session()


def _at_the_endpoint_itself(params: dict[str, Any], **_event: Any) -> None:
    """boto3 calls S3 Control at a host named after the account, which few systems resolve below 127.0.0.1."""
    account = params["headers"].get("x-amz-account-id", "")
    params["url"] = params["url"].replace(f"//{account}.", "//", 1)


@dataclass(frozen=True)
class RunningPlane:
    """A plane that answers at `endpoint` for as long as its context is open."""

    endpoint: str
    state: Path
    account_id: str
    region: str
    process: "subprocess.Popen[str]"

    def administrator(self) -> dict[str, str]:
        """The administrator's credentials, as keyword arguments of boto3."""
        profiles = configparser.RawConfigParser()
        profiles.read(self.state / "aws" / "credentials")
        return dict(profiles["administrator"])

    def environment(self) -> dict[str, str]:
        """The variables by which any AWS client or SDK acts as the administrator and as nobody else."""
        given = self.administrator()
        return {
            "AWS_ACCESS_KEY_ID": given["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": given["aws_secret_access_key"],
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **({} if self.ca_bundle is None else {"AWS_CA_BUNDLE": self.ca_bundle}),
        }

    def client(self, service: str, credentials: dict[str, Any] | None = None, **options: Any) -> Any:
        """An unmodified boto3 client. `credentials`: boto3's arguments, or what STS answers; default: administrator."""
        given = self.administrator() if credentials is None else credentials
        if "AccessKeyId" in given:
            given = {
                "aws_access_key_id": given["AccessKeyId"],
                "aws_secret_access_key": given["SecretAccessKey"],
                "aws_session_token": given.get("SessionToken"),
            }
        given = {"region_name": self.region, **given, **options}
        client = _session().client(service, **{"endpoint_url": self.endpoint, "verify": self.ca_bundle, **given})
        if service == "s3control":
            client.meta.events.register("before-call.s3-control", _at_the_endpoint_itself)
        return client

    @property
    def ca_bundle(self) -> str | None:
        """The file to trust when the plane speaks https."""
        return str(self.state / "tls" / "ca.pem") if self.endpoint.startswith("https:") else None


@contextmanager
def running_plane(
    state: Path,
    *,
    account_id: str = "111122223333",
    region: str = "us-east-1",
    port: int = 0,
    tls: bool = False,
    max_requests_per_second: int | None = None,
) -> Iterator[RunningPlane]:
    """A plane that keeps its state in `state`. Raises `RuntimeError` with what it said when it does not start."""
    command = [sys.executable, "-m", "twinplane.data_plane", "--state", str(state), "--port", str(port)]
    command += ["--account", account_id, "--region", region, *(["--tls"] if tls else [])]
    if max_requests_per_second is not None:
        command += ["--max-requests-per-second", str(max_requests_per_second)]
    state.mkdir(parents=True, exist_ok=True)
    with open(state / "plane.log", "a", opener=lambda path, flags: os.open(path, flags, 0o600)) as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(_READY):
                yield RunningPlane(line.removeprefix(_READY).strip(), state, account_id, region, process)
                break
        else:
            raise RuntimeError(f"the data plane did not start: {(state / 'plane.log').read_text()[-4000:]}")
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
