"""The people of the sample mesh, with the means they have: AWS clients, SQL and the Management App's API."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from twinplane.cli.sign_in import SignIn

PROJECT = "Sales Forecasting - Dev"
PRODUCER = "Campaign Insights"
_NO_RETRIES = Config(retries={"max_attempts": 0}, read_timeout=20)


@cache
def _session() -> Any:
    """One session for all clients: it reads each service's model once."""
    return boto3.Session()


@dataclass
class Insiders:
    """Everybody with a session of her own, and the facts an attack needs to know."""

    sign_in: SignIn
    app_url: str
    state: Path
    _clients: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    _credentials: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def prepare(self) -> None:
        """The analyst has a project, and sees homeowners without their income; the colleague sees renters."""
        asked = {"profile": "business-dev-profile", "domain_unit": "Sales Forecasting", "reason": "Forecast"}
        made = self.ask("analyst", "POST", "/api/requests/project", asked | {"name": PROJECT}).json()
        self._until_active("analyst", made["id"])
        listing = self.publish("households", "Confidential")
        for person, terms in (
            ("analyst", {"row_filter": "home_ownership = 'Homeowner'", "hidden_columns": ["income"]}),
            ("colleague", {"row_filter": "home_ownership in ('Renter', 'Probable Renter')"}),
        ):
            body = {"listing_id": listing, "reason": "Forecast by household"}
            request = self.ask(person, "POST", "/api/requests/subscription", body).json()
            self.ask("owner", "POST", f"/api/requests/{request['id']}/approve", terms)
            self._until_active(person, request["id"])

    def publish(self, table: str, level: str) -> str:
        """Has the owner import, classify and publish a table of marketing; returns the listing's id."""
        base = f"/api/projects/{self.producer}"
        run = self.ask("owner", "POST", f"{base}/imports", {"database": "marketing"}).json()["run_id"]
        until(
            lambda: self.ask("owner", "GET", f"{base}/imports/{run}").json()["status"], lambda s: s == "SUCCESS"
        )  # fmt: skip
        assets = self.ask("owner", "GET", f"{base}/assets").json()["items"]
        path = f"{base}/assets/{next(a['id'] for a in assets if a['name'] == table)}"
        self.ask("owner", "PUT", f"{path}/classification", {"level": level, "contains_personal_data": True})
        return str(self.ask("owner", "POST", f"{path}/publish", {}).json()["listing_id"])

    def _until_active(self, person: str, request_id: str) -> None:
        def status() -> str:
            return str(self.ask(person, "GET", f"/api/requests/{request_id}").json()["status"])

        assert until(status, lambda s: s in ("active", "failed")) == "active"

    def ask(self, person: str, method: str, path: str, body: Any = None) -> httpx.Response:
        """A call of the API that is expected to be answered."""
        answer = self.call(person, method, path, body)
        assert answer.is_success, answer.text
        return answer

    def call(self, person: str, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.sign_in.app_token(person)}"}
        return httpx.request(
            method, self.app_url + path, json=body, headers=headers, timeout=60, trust_env=False
        )  # fmt: skip

    def aws(self, person: str, service: str) -> Any:
        """A client with the person's own identity-enhanced credentials."""
        return self._client(("", person), service, lambda: self.sign_in.aws(person))

    def in_project(self, person: str, service: str) -> Any:
        """A client with what the project vends to the person."""
        return self._client((PROJECT, person), service, lambda: self.sign_in.project_athena(person, PROJECT)[0])

    def administrator(self, service: str) -> Any:
        return self._client(("", ""), service, self.sign_in.administrator)

    def _client(self, who: tuple[str, str], service: str, session: Callable[[], Any]) -> Any:
        if who not in self._credentials:
            found = session().get_credentials().get_frozen_credentials()
            self._credentials[who] = {
                "AccessKeyId": found.access_key, "SecretAccessKey": found.secret_key, "SessionToken": found.token,
            }  # fmt: skip
        if (*who, service) not in self._clients:
            self._clients[*who, service] = self.client_of(self._credentials[who], service)
        return self._clients[*who, service]

    def client_of(self, credentials: dict[str, Any], service: str) -> Any:
        """A client with credentials as STS or Lake Formation answer them."""
        return _session().client(
            service,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            endpoint_url=self.sign_in.state.plane_url(),
            region_name=self.sign_in.mesh.region,
            config=_NO_RETRIES,
        )

    @cached_property
    def domain(self) -> str:
        return self.sign_in.domain_id()

    @cached_property
    def producer(self) -> str:
        """The id of the project that owns households."""
        return self.sign_in.project_id("owner", PRODUCER)

    @cached_property
    def project(self) -> str:
        """The id of the analyst's project."""
        return self.sign_in.project_id("analyst", PROJECT)

    @cached_property
    def database(self) -> str:
        """The Glue database of the analyst's project."""
        return f"glue_db_{self.project}"

    @cached_property
    def work_group(self) -> str:
        """The work group of the analyst's project."""
        return self.sign_in.project_athena("analyst", PROJECT)[1]

    def table_location(self, database: str, table: str) -> str:
        """Where a table's data lies, as its administrator knows."""
        found = self.administrator("glue").get_table(DatabaseName=database, Name=table)["Table"]
        return str(found["StorageDescriptor"]["Location"])

    def query(self, person: str, text: str, *, client: Any = None, work_group: str = "") -> "Answer":
        """Runs a statement to its end. Raises `ClientError` where Athena refuses it at once."""
        athena = client or self.aws(person, "athena")
        started = athena.start_query_execution(
            QueryString=text,
            WorkGroup=work_group or self.sign_in.work_group,
            QueryExecutionContext={"Database": "marketing"},
        )
        query_id = started["QueryExecutionId"]

        def execution() -> Any:
            return athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]

        done = until(execution, lambda e: e["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED"))
        if done["Status"]["State"] != "SUCCEEDED":
            return Answer(query_id, reason=done["Status"]["StateChangeReason"])
        rows = athena.get_query_results(QueryExecutionId=query_id)["ResultSet"]["Rows"]
        return Answer(query_id, [[d.get("VarCharValue") for d in row["Data"]] for row in rows])


@dataclass
class Answer:
    """What a query came to: its rows with the header, or why it failed."""

    query_id: str
    rows: list[list[str | None]] = field(default_factory=list)
    reason: str = ""


def until(ask: Callable[[], Any], enough: Callable[[Any], bool], seconds: float = 30) -> Any:
    """Asks until the answer is enough."""
    end = time.monotonic() + seconds
    while not enough(answer := ask()):
        assert time.monotonic() < end, answer
        time.sleep(0.02)
    return answer


def refused(*codes: str) -> Any:
    """The call inside is refused with one of these codes, whatever the HTTP status of its protocol."""
    return pytest.raises(ClientError, match="|".join(codes or ("AccessDenied",)))
