"""Acting as a person of the mesh, without a browser: only against the development issuer of a local data plane.

A person signs in at the issuer (authorization code with PKCE, the state folder's development password). Her token is
then what it is for any client: a session of the Management App, or identity-enhanced AWS credentials.
"""

import base64
import hashlib
import html
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from twinplane.cli.state import ADMINISTRATOR, MANAGEMENT_APP, CliError, State
from twinplane.mesh.model import Mesh

if TYPE_CHECKING:
    import boto3

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_IDENTITY_CENTER = "arn:aws:iam::aws:contextProvider/IdentityCenter"
_REDIRECT = "http://127.0.0.1:8/callback"  # never called: the code is read from the answer that would go there
_RENEW_BEFORE = timedelta(minutes=5)


class NotSignedIn(CliError):
    """The issuer knows no such person."""


def id_token(issuer: str, client_id: str, name: str, password: str) -> str:
    """Signs in at the issuer and returns the person's identity token. Raises `CliError`."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    state = secrets.token_urlsafe(16)
    with httpx.Client(timeout=15, trust_env=False) as client:
        try:
            found = client.get(f"{issuer}/.well-known/openid-configuration").raise_for_status().json()
            page = client.get(
                found["authorization_endpoint"],
                params={
                    "response_type": "code",
                    "client_id": client_id,
                    "redirect_uri": _REDIRECT,
                    "scope": "openid profile email",
                    "state": state,
                    "nonce": secrets.token_urlsafe(16),
                    "code_challenge": challenge,
                    "code_challenge_method": "S256",
                },
            )
            if page.status_code != 200:
                raise CliError(f"the issuer {issuer} refused the sign-in: {_text(page)}")
            action, fields = _form(page.text)
            url = urljoin(str(page.url), action)
            answer = client.post(url, data=fields | {"name": name, "password": password})
            back = parse_qs(urlsplit(answer.headers.get("location", "")).query)
            if answer.status_code not in (302, 303) or "code" not in back or back.get("state") != [state]:
                raise NotSignedIn(f"the issuer did not sign in {name!r}: is there such a person in the mesh?")
            tokens = client.post(
                found["token_endpoint"],
                data={
                    "grant_type": "authorization_code",
                    "code": back["code"][0],
                    "redirect_uri": _REDIRECT,
                    "client_id": client_id,
                    "code_verifier": verifier,
                },
            )
            return str(tokens.raise_for_status().json()["id_token"])
        except httpx.HTTPError as error:
            raise CliError(f"the issuer {issuer} does not answer ({error}): is `twinplane up` running?") from None


def _text(page: httpx.Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())[:300]


def _form(page: str) -> tuple[str, dict[str, str]]:
    """Where the form of a page goes, and its hidden fields."""
    form = re.search(r"<form[^>]*>", page)
    action = re.search(r'action="([^"]*)"', form.group()) if form else None
    fields = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and value and 'type="hidden"' in tag:
            fields[name.group(1)] = html.unescape(value.group(1))
    return html.unescape(action.group(1)) if action else "", fields


@dataclass
class SignIn:
    """Acts for the people of a mesh that runs on this machine."""

    state: State
    mesh: Mesh
    app_url: str
    _cached: dict[tuple[str, ...], tuple[datetime, Any]] = field(default_factory=dict)

    @classmethod
    def to(cls, state: State) -> "SignIn":
        """To the mesh that runs on the state folder. Raises `CliError`."""
        from twinplane.mesh.load import load

        running = state.running
        return cls(state, load(running.mesh), running.app_url)

    @property
    def work_group(self) -> str:
        """The Athena work group in which people query as themselves."""
        return self.mesh.app.work_group

    @property
    def issuer(self) -> str:
        return self.mesh.identity.issuer.url or f"{self.state.plane_url()}/_idp"

    def id_token(self, person: str) -> str:
        """An identity token of the person, good for one exchange."""
        try:
            return id_token(self.issuer, self.mesh.app.client_id, person, self.state.development_password())
        except NotSignedIn as error:
            raise CliError(f"{error} It declares: {self._people()}") from None

    def app_token(self, person: str) -> str:
        """A token of the Management App's API."""
        token: str = self._session(person)["token"]
        return token

    def app_session(self, person: str) -> dict[str, Any]:
        """A new session of the Management App: `token` and `expires_at`."""
        try:
            answer = httpx.post(
                f"{self.app_url}/api/sessions", json={"id_token": self.id_token(person)}, timeout=30, trust_env=False
            )
        except httpx.HTTPError as error:
            raise CliError(f"the Management App does not answer ({error}): is `twinplane up` running?") from None
        if not answer.is_success:
            raise CliError(f"the Management App did not accept {person!r}: {answer.text}")
        session: dict[str, Any] = answer.json()
        return session

    def _session(self, person: str) -> dict[str, Any]:
        return dict(self._kept(("app", person), lambda: (session := self.app_session(person), session["expires_at"])))

    def administrator(self) -> "boto3.Session":
        """A session of the account's administrator."""
        return self.state.session(ADMINISTRATOR)

    def user_id(self, person: str) -> str:
        """The person's id in the identity store. Raises `CliError`."""
        store = self._kept(
            ("store",),
            lambda: (
                self.administrator().client("sso-admin").list_instances()["Instances"][0]["IdentityStoreId"],
                None,
            ),
        )
        client = self.administrator().client("identitystore")
        users = client.list_users(
            IdentityStoreId=store, Filters=[{"AttributePath": "UserName", "AttributeValue": person}]
        )["Users"]
        if not users:
            raise CliError(f"there is no person {person!r}; the mesh declares: {self._people()}")
        return str(users[0]["UserId"])

    def _people(self) -> str:
        return ", ".join(person.name for person in self.mesh.identity.people)

    def aws(self, person: str) -> "boto3.Session":
        """A session with the person's identity-enhanced credentials."""
        return self.state.session_with(self.credentials(person))

    def credentials(self, person: str) -> dict[str, Any]:
        """The person's identity-enhanced credentials, as STS answers them."""
        return dict(self._kept(("aws", person), lambda: self._exchange(person)))

    def _exchange(self, person: str) -> tuple[dict[str, Any], datetime]:
        app = self._app()
        token = app.client("sso-oidc").create_token_with_iam(
            clientId=self._application(), grantType=JWT_BEARER, assertion=self.id_token(person)
        )
        assumed = app.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{self.mesh.account_id}:role/{self.mesh.app.person_role}",
            RoleSessionName=re.sub(r"[^\w+=,.@-]", "-", person)[:64].ljust(2, "-"),
            ProvidedContexts=[
                {
                    "ProviderArn": _IDENTITY_CENTER,
                    "ContextAssertion": token["awsAdditionalDetails"]["identityContext"],
                }
            ],
        )
        credentials: dict[str, Any] = dict(assumed["Credentials"])
        return credentials, credentials["Expiration"]

    def _app(self) -> "boto3.Session":
        session: boto3.Session = self._kept(
            ("app role",),
            lambda: (self.state.session(MANAGEMENT_APP), datetime.now(UTC) + timedelta(minutes=30)),
        )
        return session

    def _application(self) -> str:
        from twinplane.foundation.identity import application_name

        def find() -> tuple[str, None]:
            sso, name = self.administrator().client("sso-admin"), application_name(self.mesh.name)
            instance = sso.list_instances()["Instances"][0]["InstanceArn"]
            pages = sso.get_paginator("list_applications").paginate(InstanceArn=instance)
            found = [a["ApplicationArn"] for page in pages for a in page["Applications"] if a["Name"] == name]
            if not found:
                raise CliError(f"the application {name} does not exist: run `twinplane apply`")
            return found[0], None

        return str(self._kept(("application",), find))

    def domain_id(self) -> str:
        """The id of the mesh's domain. Raises `CliError`."""

        def find() -> tuple[str, None]:
            pages = self.administrator().client("datazone").get_paginator("list_domains").paginate()
            found = [d["id"] for page in pages for d in page["items"] if d["name"] == self.mesh.domain.name]
            if not found:
                raise CliError(f"the domain {self.mesh.domain.name} does not exist: run `twinplane apply`")
            return found[0], None

        return str(self._kept(("domain",), find))

    def project_id(self, person: str, project: str) -> str:
        """The id of a project that the person sees, by name or id. Raises `CliError`."""
        pages = self.aws(person).client("datazone").get_paginator("list_projects")
        known = {
            item["name"]: item["id"]
            for page in pages.paginate(domainIdentifier=self.domain_id())
            for item in page["items"]
        }
        if project in known.values():
            return project
        if project not in known:
            raise CliError(f"{person} sees no project {project!r}; she sees: {', '.join(sorted(known)) or 'none'}")
        return known[project]

    def connection(self, person: str, project: str, name: str) -> dict[str, Any]:
        """A project's connection with the credentials it vends to the person. Raises `CliError`."""
        datazone, domain = self.aws(person).client("datazone"), self.domain_id()
        project_id = self.project_id(person, project)
        listed = datazone.list_connections(domainIdentifier=domain, projectIdentifier=project_id, name=name)["items"]
        if not listed:
            raise CliError(f"project {project} has no connection {name}")
        found = datazone.get_connection(domainIdentifier=domain, identifier=listed[0]["connectionId"], withSecret=True)
        return dict(found)

    def project_athena(self, person: str, project: str) -> "tuple[boto3.Session, str]":
        """A session with what the project's Athena connection vends to the person, and its work group."""
        found = self.connection(person, project, "project.athena")
        vended = found["connectionCredentials"]
        session = self.state.session_with({key[0].upper() + key[1:]: value for key, value in vended.items()})
        return session, found["props"]["athenaProperties"]["workgroupName"]

    def environment(self, person: str, project: str | None = None) -> dict[str, str]:
        """What an AWS client needs to act as the person; with the variables that `sagemaker_studio` reads."""
        endpoint, region = self.state.plane_url(), self.mesh.region
        credentials = self.credentials(person)
        found = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
            "AWS_ATHENA_WORK_GROUP": self.work_group,  # PyAthena reads it
            "DataZoneEndpoint": endpoint,
            "DataZoneDomainId": self.domain_id(),
            "DataZoneDomainRegion": region,
            "DataZoneUserId": self.user_id(person),
            "ExecutionRoleArn": f"arn:aws:iam::{self.mesh.account_id}:role/{self.mesh.app.person_role}",
        }
        if project is not None:
            found["DataZoneProjectId"] = self.project_id(person, project)
            iam = self.connection(person, project, "project.iam")
            found["ExecutionRoleArn"] = iam.get("environmentUserRole") or found["ExecutionRoleArn"]
        return found

    def _kept(self, key: tuple[str, ...], make: Any) -> Any:
        """What `make` gave (with its end, if it ends), as long as it is good."""
        kept = self._cached.get(key)
        if kept is None or datetime.now(UTC) + _RENEW_BEFORE > kept[0]:
            value, expires_at = make()
            kept = self._cached[key] = (_when(expires_at), value)
        return kept[1]


def _when(at: Any) -> datetime:
    if at is None:
        return datetime.max.replace(tzinfo=UTC)
    if isinstance(at, (int, float)):
        return datetime.fromtimestamp(at, UTC)
    return at if isinstance(at, datetime) else datetime.fromisoformat(at)
