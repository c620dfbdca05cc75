"""A data plane with the sample mesh applied, and the Management App in front of it; people sign in for real."""

import base64
import configparser
import hashlib
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import boto3
import httpx

from twinplane.data_plane.testing import RunningPlane
from twinplane.foundation.reconcile import apply
from twinplane.mesh.load import load
from twinplane.mesh.model import Mesh

MESH = Path(__file__).parents[2] / "examples" / "retail" / "mesh.yaml"


def apply_sample_mesh(plane: RunningPlane) -> Mesh:
    """Applies the sample mesh, as `twinplane up` does."""
    mesh = load(MESH)
    session = boto3.Session(**plane.administrator(), region_name=mesh.region)
    apply(mesh, session, issuer_url=f"{plane.endpoint}/_idp", endpoint_url=plane.endpoint)
    write_profiles(plane, mesh)
    return mesh


def write_profiles(plane: RunningPlane, mesh: Mesh) -> None:
    """Writes the profile in which the Management App runs."""
    profiles = configparser.RawConfigParser()
    profiles["profile management-app"] = {
        "role_arn": f"arn:aws:iam::{mesh.account_id}:role/{mesh.app.role}",
        "source_profile": "administrator",
        "role_session_name": "management-app",
        "region": mesh.region,
        "endpoint_url": plane.endpoint,
    }
    profiles["profile administrator"] = {"region": mesh.region, "endpoint_url": plane.endpoint}
    with (plane.state / "aws" / "test-config").open("w") as file:
        profiles.write(file)


def browse_to_sign_in(url: str, name: str, password: str) -> str:
    """Fills in the identity provider's form as a browser would. Returns where it sends the browser back to."""
    with httpx.Client(timeout=20, trust_env=False) as client:
        page = client.get(url)
        assert page.status_code == 200, page.text
        form = re.search(r"<form[^>]*>", page.text)
        assert form, page.text
        action = re.search(r'action="([^"]*)"', form.group())
        fields = {
            found.group(1): value.group(1)
            for tag in re.findall(r"<input[^>]*>", page.text)
            if 'type="hidden"' in tag
            and (found := re.search(r'name="([^"]*)"', tag))
            and (value := re.search(r'value="([^"]*)"', tag))
        }
        answer = client.post(
            urljoin(str(page.url), action.group(1) if action else ""),
            data=fields | {"name": name, "password": password},
        )
        return str(answer.headers.get("location", ""))


@contextmanager
def running_app(plane: RunningPlane, state: Path, database_url: str, mesh: Path = MESH) -> Iterator["RunningApp"]:
    """The Management App as a process of its own, in front of the plane."""
    app = RunningApp(plane, state, database_url, mesh)
    app.start()
    try:
        yield app
    finally:
        app.stop()


@dataclass
class RunningApp:
    """The Management App under test."""

    plane: RunningPlane
    state: Path
    database_url: str
    mesh: Path
    process: "subprocess.Popen[str] | None" = None
    client: httpx.Client = field(default_factory=httpx.Client)
    tokens: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
            "TWINPLANE_STATE": str(self.state),
            "TWINPLANE_PORT": "0",
            "TWINPLANE_MESH": str(self.mesh),
            "TWINPLANE_DATABASE_URL": self.database_url,
            "TWINPLANE_ISSUER": f"{self.plane.endpoint}/_idp",
            "AWS_PROFILE": "management-app",
            "AWS_CONFIG_FILE": str(self.plane.state / "aws" / "test-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.plane.state / "aws" / "credentials"),
            "AWS_ENDPOINT_URL": self.plane.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        with (self.state / "app.log").open("a") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "twinplane.control_plane"], env=environment, stdout=subprocess.PIPE,
                stderr=errors, text=True,
            )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "ready on" in line, (self.state / "app.log").read_text()[-4000:]
        self.client = httpx.Client(base_url=line.split(" on ")[1].strip(), timeout=60, trust_env=False)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)

    def kill(self) -> None:
        """As `kill -9` does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    @property
    def declared(self) -> Mesh:
        """The mesh as declared."""
        return load(self.mesh)

    @property
    def password(self) -> str:
        return (self.plane.state / "development-password").read_text().strip()

    def id_token(self, name: str) -> str:
        """A fresh identity token of the person."""
        issuer = f"{self.plane.endpoint}/_idp"
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        back = "http://127.0.0.1:9/callback"
        query = {
            "response_type": "code", "client_id": "twinplane", "redirect_uri": back, "scope": "openid email profile",
            "state": "s", "nonce": "n", "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        location = browse_to_sign_in(f"{issuer}/authorize?{httpx.QueryParams(query)}", name, self.password)
        code = parse_qs(urlsplit(location).query)["code"][0]
        answer = httpx.post(
            f"{issuer}/token",
            data={
                "grant_type": "authorization_code", "code": code, "redirect_uri": back, "client_id": "twinplane",
                "code_verifier": verifier,
            },
            trust_env=False,
        )  # fmt: skip
        return str(answer.raise_for_status().json()["id_token"])

    def call(self, name: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """A call as the person; returns the response."""
        if name not in self.tokens:
            answer = self.client.post("/api/sessions", json={"id_token": self.id_token(name)})
            assert answer.status_code == 201, answer.text
            self.tokens[name] = answer.json()["token"]
        return self.client.request(method, path, json=body, headers={"Authorization": f"Bearer {self.tokens[name]}"})

    def get(self, name: str, path: str) -> Any:
        answer = self.call(name, "GET", path)
        assert answer.is_success, answer.text
        return answer.json()

    def post(self, name: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.call(name, "POST", path, body or {})
        assert answer.is_success, answer.text
        return answer.json()

    def wait_for(self, name: str, request_id: str, *statuses: str) -> Any:
        """The request when it has come to one of the statuses; fails when it ends elsewhere."""
        request = until(
            lambda: self.get(name, f"/api/requests/{request_id}"),
            lambda r: r["status"] in (*statuses, "failed", "rejected", "withdrawn", "revoked", "expired"),
        )
        assert request["status"] in statuses, (request["status"], request["failure"], request["steps"])
        return request

    def project_id(self, name: str, project: str) -> str:
        """The id of a project the person is in."""
        return next(p["id"] for p in self.get(name, "/api/projects")["items"] if p["name"] == project)

    def published(self, owner: str, project: str, database: str, table: str, level: str) -> str:
        """Imports, classifies and publishes a table unless it is published already. Returns the listing's id."""
        base = f"/api/projects/{self.project_id(owner, project)}"
        asset = self._asset(owner, base, table)
        if asset is None:
            run = self.post(owner, f"{base}/imports", {"database": database})["run_id"]
            done = until(
                lambda: self.get(owner, f"{base}/imports/{run}"), lambda r: r["status"] not in ("REQUESTED", "RUNNING")
            )
            assert done["status"] == "SUCCESS", done
            asset = self._asset(owner, base, table)
        assert asset is not None
        if asset["listing_status"] != "ACTIVE":
            path = f"{base}/assets/{asset['id']}"
            answer = self.call(owner, "PUT", f"{path}/classification", {"level": level})
            assert answer.is_success, answer.text
            self.post(owner, f"{path}/publish")
        shown = until(lambda: self._asset(owner, base, table), lambda a: a["listing_status"] == "ACTIVE")
        return str(shown["listing_id"])

    def _asset(self, owner: str, base: str, table: str) -> Any:
        return next((a for a in self.get(owner, f"{base}/assets")["items"] if a["name"] == table), None)


def until(ask: Callable[[], Any], enough: Callable[[Any], bool], seconds: float = 60) -> Any:
    """Asks until the answer is enough."""
    end = time.monotonic() + seconds
    while not enough(answer := ask()):
        assert time.monotonic() < end, answer
        time.sleep(0.05)
    return answer
