"""Clients of the data plane. The one way out of the control plane: boto3, as the app's own role or as a person.

What the app needs to know about the data plane (its domain, its sign-on application, its roles) is found by name, as
`twinplane apply` made it; nothing of it is configured.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from twinplane.control_plane.clock import Clock
from twinplane.control_plane.errors import DataPlaneUnavailable
from twinplane.mesh.model import Mesh

IDENTITY_CENTER_CONTEXT = "arn:aws:iam::aws:contextProvider/IdentityCenter"
APP_SESSION_SECONDS = 3600
RENEW_BEFORE = timedelta(seconds=120)
KEPT_SESSIONS = 500

_CONFIG = Config(
    connect_timeout=3, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3}, max_pool_connections=32
)


@dataclass
class Clients:
    """boto3 clients that share one set of credentials. Each is made when first asked for; safe over threads."""

    session: botocore.session.Session
    expires_at: datetime | None
    _made: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, service: str) -> Any:
        """The client of a service, by botocore's name for it."""
        with self._lock:
            if service not in self._made:
                session: Any = boto3.Session(botocore_session=self.session)
                self._made[service] = session.client(service, config=_CONFIG)
            return self._made[service]

    @property
    def datazone(self) -> Any:
        return self.client("datazone")


@dataclass(frozen=True)
class Found:
    """What `apply` made and the app found by name."""

    domain_id: str
    root_domain_unit_id: str
    instance_arn: str
    identity_store_id: str
    application_arn: str
    person_role_arn: str
    app_role_arn: str


class DataPlane:
    """Makes clients as the app's role, and knows what was found in the data plane."""

    def __init__(self, mesh: Mesh, profile: str | None, clock: Clock) -> None:
        self._mesh, self._profile, self._clock = mesh, profile, clock
        self._loader: Any = None  # botocore's service models, parsed once for all sessions
        self._lock = threading.Lock()
        self._found: Found | None = None
        self._app: Clients | None = None
        self._for_requests: OrderedDict[str, Clients] = OrderedDict()

    @property
    def app(self) -> Clients:
        """Clients of the app's role, for what the app does for nobody in particular."""
        with self._lock:
            if self._app is None:
                self._app = Clients(self._session(profile=self._profile), None)
            return self._app

    def as_app(self, request_id: str) -> Clients:
        """Clients of the app's role whose every call is recorded with the request's id as its source identity."""
        with self._lock:
            kept = self._for_requests.get(request_id)
            if kept is not None and kept.expires_at is not None and kept.expires_at - self._clock() > RENEW_BEFORE:
                self._for_requests.move_to_end(request_id)
                return kept
        answer = self.app.client("sts").assume_role(
            RoleArn=self.found.app_role_arn,
            RoleSessionName=request_id,
            SourceIdentity=request_id,
            DurationSeconds=APP_SESSION_SECONDS,
        )
        clients = self.with_credentials(answer["Credentials"])
        with self._lock:
            self._for_requests[request_id] = clients
            while len(self._for_requests) > KEPT_SESSIONS:
                self._for_requests.popitem(last=False)
        return clients

    def as_identity(self, identity_context: str, session_name: str) -> Clients:
        """Identity-enhanced clients: the person's role, with the person's identity propagated to every service."""
        answer = self.app.client("sts").assume_role(
            RoleArn=self.found.person_role_arn,
            RoleSessionName=session_name,
            DurationSeconds=APP_SESSION_SECONDS,
            ProvidedContexts=[{"ProviderArn": IDENTITY_CENTER_CONTEXT, "ContextAssertion": identity_context}],
        )
        return self.with_credentials(answer["Credentials"])

    def with_credentials(self, credentials: Mapping[str, Any]) -> Clients:
        """Clients with what STS answered."""
        session = self._session()
        session.set_credentials(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
        return Clients(session, credentials["Expiration"])

    @property
    def found(self) -> Found:
        """What `apply` made. Raises `DataPlaneUnavailable`, saying what is missing and what to do."""
        if self._found is None:
            self._found = self._discover()
        return self._found

    def _discover(self) -> Found:
        try:
            return self._look()
        except ClientError as error:
            raise DataPlaneUnavailable(f"The data plane refused the app: {error}") from error
        except BotoCoreError as error:
            raise DataPlaneUnavailable(f"The data plane did not answer: {error}") from error

    def _look(self) -> Found:
        app, name = self.app, self._mesh.domain.name
        domains = app.datazone.get_paginator("list_domains").paginate(status="AVAILABLE")
        domain_id = next((d["id"] for page in domains for d in page["items"] if d["name"] == name), None)
        if domain_id is None:
            raise _missing(f"domain {name}")
        sso = app.client("sso-admin")
        instance = next(iter(sso.list_instances()["Instances"]), None)
        if instance is None:
            raise _missing("IAM Identity Center instance")
        application = f"twinplane-{self._mesh.name}"
        pages = sso.get_paginator("list_applications").paginate(InstanceArn=instance["InstanceArn"])
        arns = [a["ApplicationArn"] for p in pages for a in p["Applications"] if a.get("Name") == application]
        if not arns:
            raise _missing(f"sign-on application {application}")
        try:
            app.client("athena").get_work_group(WorkGroup=self._mesh.app.work_group)
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidRequestException":
                raise
            raise _missing(f"Athena work group {self._mesh.app.work_group}") from error
        return Found(
            domain_id=domain_id,
            root_domain_unit_id=app.datazone.get_domain(identifier=domain_id)["rootDomainUnitId"],
            instance_arn=instance["InstanceArn"],
            identity_store_id=instance["IdentityStoreId"],
            application_arn=arns[0],
            person_role_arn=self._role_arn(self._mesh.app.person_role),
            app_role_arn=self._role_arn(self._mesh.app.role),
        )

    def _role_arn(self, name: str) -> str:
        iam = self.app.client("iam")
        try:
            return str(iam.get_role(RoleName=name)["Role"]["Arn"])
        except iam.exceptions.NoSuchEntityException:
            raise _missing(f"role {name}") from None

    def _session(self, profile: str | None = None) -> botocore.session.Session:
        session = botocore.session.Session(profile=profile)
        session.set_config_variable("region", self._mesh.region)
        if self._loader is None:
            self._loader = session.get_component("data_loader")
        else:
            session.register_component("data_loader", self._loader)
        return session


def _missing(what: str) -> DataPlaneUnavailable:
    return DataPlaneUnavailable(f"The data plane has no {what}. Run `twinplane apply` to make what the mesh declares.")


def code_of(error: ClientError) -> str:
    """AWS's code of an error, for example `ResourceNotFoundException`."""
    return str(error.response["Error"]["Code"])
