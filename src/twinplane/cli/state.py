"""A state folder, seen from the outside: where its mesh is reached, and the credentials that lie in it."""

import configparser
import io
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3

DEFAULT_STATE, DEFAULT_MESH = ".twinplane", "examples/retail/mesh.yaml"
DEFAULT_PORT, DEFAULT_PLANE_PORT = 8642, 8643
ADMINISTRATOR, MANAGEMENT_APP = "administrator", "management-app"


class CliError(Exception):
    """What went wrong, in one sentence, and what to do about it. `code` is the program's exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Applied:
    """Which mesh was applied, through which issuer: what `up` need not do again."""

    mesh: str
    mesh_hash: str
    issuer_url: str
    version: str


@dataclass(frozen=True)
class Running:
    """Where the servers of the state folder listen."""

    app_url: str
    plane_url: str
    mesh: str


@dataclass(frozen=True)
class State:
    """The folder and what lies in it."""

    path: Path

    @property
    def aws_config(self) -> Path:
        return self.path / "aws" / "config"

    @property
    def app_config(self) -> Path:
        """The Management App's own AWS configuration: the data plane writes `aws/config` anew when it starts."""
        return self.path / "aws" / "management-app"

    @property
    def aws_credentials(self) -> Path:
        return self.path / "aws" / "credentials"

    @property
    def cli(self) -> Path:
        return self.path / "cli"

    @property
    def running(self) -> Running:
        """Raises `CliError` when nothing was started here."""
        try:
            return Running(**json.loads((self.path / "running.json").read_text()))
        except FileNotFoundError:
            raise CliError(
                f"nothing runs on the state folder {self.path}: start it with `twinplane up`, "
                "or name another with --state"
            ) from None

    @property
    def applied(self) -> Applied | None:
        try:
            return Applied(**json.loads((self.path / "applied.json").read_text()))
        except (FileNotFoundError, TypeError, ValueError):
            return None

    def is_up(self) -> bool:
        """Whether `up` runs on this folder."""
        return (self.path / "running.json").exists()

    def write_running(self, running: Running) -> None:
        write_private(self.path / "running.json", json.dumps(asdict(running)))

    def write_applied(self, applied: Applied) -> None:
        write_private(self.path / "applied.json", json.dumps(asdict(applied)))

    def development_password(self) -> str:
        """Raises `CliError` when whoever runs this may not read it."""
        try:
            return (self.path / "development-password").read_text().strip()
        except OSError as error:
            raise CliError(
                f"the development password of {self.path} cannot be read ({error.strerror}): "
                "only who owns the state folder can act as its sample people"
            ) from None

    def plane_url(self) -> str:
        """The data plane's URL. Raises `CliError`."""
        parser = configparser.RawConfigParser()
        parser.read(self.aws_config)
        try:
            return parser[f"profile {ADMINISTRATOR}"]["endpoint_url"]
        except KeyError:
            raise CliError(
                f"the state folder {self.path} has no data plane: start it with `twinplane up` or `twinplane plane`"
            ) from None

    def session(self, profile: str) -> "boto3.Session":
        """A boto3 session with a profile of the folder's own AWS configuration."""
        import boto3

        return boto3.Session(botocore_session=self._core(profile))

    def session_with(self, credentials: dict[str, Any]) -> "boto3.Session":
        """A boto3 session with what STS or DataZone answered, at the folder's data plane."""
        import boto3

        core = self._core(ADMINISTRATOR)
        core.set_credentials(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
        return boto3.Session(botocore_session=core)

    def _core(self, profile: str) -> Any:
        import botocore.session

        self.plane_url()
        core = botocore.session.Session(profile=profile)
        core.set_config_variable("config_file", str(self.aws_config))
        core.set_config_variable("credentials_file", str(self.aws_credentials))
        return core


def add_profile(config: Path, name: str, members: dict[str, str]) -> None:
    """Adds a profile to an AWS configuration file, or replaces it."""
    parser = configparser.RawConfigParser()
    parser.read(config)
    parser[f"profile {name}"] = members
    text = io.StringIO()
    parser.write(text)
    write_private(config, text.getvalue())


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner may read; whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    new.replace(path)
