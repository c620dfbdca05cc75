"""Memory does not grow with the number of calls: reads, refusals and writes that replace each other."""

import http.client
import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from twinplane.data_plane.testing import RunningPlane, running_plane

SOAK = "TWINPLANE_SOAK" in os.environ
GROWTH_MB = 4.0  # of the allocator and of what is remembered, which has bounds


pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)] if SOAK else []


class Caller:
    """Sends the same few signed requests over one connection, again and again."""

    def __init__(self, plane: RunningPlane) -> None:
        self.plane, self.connection = plane, http.client.HTTPConnection(str(urlsplit(plane.endpoint).netloc))
        key = plane.administrator()
        self.key = Credentials(key["aws_access_key_id"], key["aws_secret_access_key"])

    def signed(self, service: str, body: bytes, headers: dict[str, str]) -> AWSRequest:
        request = AWSRequest("POST", f"{self.plane.endpoint}/", data=body, headers=headers)
        SigV4Auth(self.key, service, "us-east-1").add_auth(request)
        return request

    def glue(self, operation: str, **members: object) -> AWSRequest:
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"AWSGlue.{operation}"}
        return self.signed("glue", json.dumps(members).encode(), headers)

    def run(self, rounds: int) -> None:
        """Five calls a round: three reads, of which one is refused, and a table made and removed."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for number in range(rounds):
            if number % 2000 == 0:  # a signature holds for a quarter of an hour
                requests = [
                    self.signed("sts", b"Action=GetCallerIdentity&Version=2011-06-15", form),
                    self.glue("GetDatabases"),
                    self.glue("GetTable", DatabaseName="memory", Name="missing"),
                    self.glue("CreateTable", DatabaseName="memory", TableInput={"Name": "t"}),
                    self.glue("DeleteTable", DatabaseName="memory", Name="t"),
                ]
            for request in requests:
                self.connection.request("POST", "/", request.data, dict(request.headers.items()))
                self.connection.getresponse().read()

    def resident_mb(self) -> float:
        pages = int(Path(f"/proc/{self.plane.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def growth(folder: Path, warm: int, rounds: int) -> float:
    """By how many MB the plane's process grows in so many rounds, after `warm` ones."""
    with running_plane(folder) as plane:
        plane.client("glue").create_database(DatabaseInput={"Name": "memory"})
        caller = Caller(plane)
        caller.run(warm)
        before = caller.resident_mb()
        caller.run(rounds)
        return caller.resident_mb() - before


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_memory_stays_over_ten_thousand_calls_or_in_the_long_form_a_million(tmp_path: Path) -> None:
    assert growth(tmp_path, warm=400 if not SOAK else 4000, rounds=1600 if not SOAK else 196_000) < GROWTH_MB
