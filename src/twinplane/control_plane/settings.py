"""The Management App's settings, read once from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_STATE = ".twinplane"
DEFAULT_PORT = 8642
DEFAULT_PLANE_ENDPOINT = "http://127.0.0.1:8643"
DEFAULT_MESH = "examples/retail/mesh.yaml"


@dataclass(frozen=True)
class Settings:
    """`state` is the folder of the app's database and sealing key; `issuer` the OpenID Connect issuer of its people."""

    state: Path
    port: int
    mesh: Path
    database_url: str
    issuer: str
    client_id: str = "twinplane"
    profile: str | None = None  # AWS profile of the app's role; None: whatever boto3 finds

    @property
    def public_url(self) -> str:
        """Where browsers reach the app."""
        return f"http://127.0.0.1:{self.port}"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from environment variables; each has a default that fits `make up` on one machine."""
    state = Path(environment.get("TWINPLANE_STATE", DEFAULT_STATE)).resolve()
    endpoint = environment.get("AWS_ENDPOINT_URL", DEFAULT_PLANE_ENDPOINT).rstrip("/")
    return Settings(
        state=state,
        port=int(environment.get("TWINPLANE_PORT", DEFAULT_PORT)),
        mesh=Path(environment.get("TWINPLANE_MESH", DEFAULT_MESH)).resolve(),
        database_url=environment.get("TWINPLANE_DATABASE_URL", f"sqlite:///{state / 'management-app.db'}"),
        issuer=environment.get("TWINPLANE_ISSUER", f"{endpoint}/_idp"),
        client_id=environment.get("TWINPLANE_CLIENT_ID", "twinplane"),
        profile=environment.get("AWS_PROFILE"),
    )
