"""The whole journey, walked without a person: request, publish, find, ask, approve, query, revoke, audit.

It uses what a person would use: the Management App's API and unmodified AWS clients, each step as the person whose step
it is. It knows no table and no count: what it expects of a governed query it computes by asking the owner of the data
the same question with the filter written out.
"""

import json
import os
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import yaml
from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict

from twinplane.cli.sign_in import SignIn


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Locked(_Part):
    environment: str
    parameter: str
    value: str


class ProjectStory(_Part):
    name: str
    profile: str
    domain_unit: str
    reason: str
    locked: Locked
    approved_profile: str


class AssetStory(_Part):
    owner: str
    project: str
    database: str
    table: str
    level: str
    reason: str
    contains_personal_data: bool = False

    @property
    def sql_name(self) -> str:
        return f'"{self.database}"."{self.table}"'


class GovernedStory(AssetStory):
    search: str
    days: int
    row_filter: str
    hidden_columns: tuple[str, ...]
    colleague_row_filter: str


class Story(_Part):
    """Who and what the journey is about; see `examples/retail/journey.yaml`."""

    consumer: str
    colleague: str
    outsider: str
    auditor: str
    project: ProjectStory
    internal: AssetStory
    confidential: GovernedStory
    shared: AssetStory

    @classmethod
    def load(cls, path: Path) -> "Story":
        return cls.model_validate(yaml.safe_load(path.read_text()))


class NotAsExpected(Exception):
    """A step did not do what it should."""


def expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise NotAsExpected(otherwise)


@dataclass(frozen=True)
class StepResult:
    title: str
    who: str
    outcome: str
    aws_calls: dict[str, int]
    seconds: float
    failed: bool = False


@dataclass
class Journey:
    """One walk. `app` and `plane` are the URLs of the running mesh; `sign_in` acts for its sample people."""

    story: Story
    app: str
    sign_in: SignIn
    report: Callable[[StepResult], None]
    memory: dict[str, Any] = field(default_factory=dict)
    _sessions: dict[str, httpx.Client] = field(default_factory=dict)
    _seen_events: set[str] = field(default_factory=set)

    def walk(self) -> list[StepResult]:
        """Runs the steps in order and stops at the first that is not as expected."""
        results = []
        self._new_events(datetime.now(UTC) - timedelta(minutes=10))
        for title, who, step in self._steps():
            began, started_at = time.perf_counter(), datetime.now(UTC) - timedelta(seconds=1)
            failed = False
            try:
                outcome = step()
            except (NotAsExpected, ClientError, httpx.HTTPError, subprocess.SubprocessError, KeyError) as error:
                outcome, failed = f"{type(error).__name__}: {error}", True
            seconds = time.perf_counter() - began
            results.append(StepResult(title, who, outcome, self._new_events(started_at), seconds, failed))
            self.report(results[-1])
            if failed:
                break
        return results

    def _steps(self) -> list[tuple[str, str, Callable[[], str]]]:
        story = self.story
        consumer, colleague = story.consumer, story.colleague
        return [
            ("Sign in", consumer, self.signs_in),
            ("Change what the profile locks", consumer, self.alters_a_locked_parameter),
            ("Request a project", consumer, self.requests_the_project),
            ("Ask for a project that needs approval", consumer, self.asks_for_an_approved_profile),
            ("Use the project with sagemaker_studio", consumer, self.uses_the_project),
            ("Manage members", consumer, self.manages_members),
            ("Publish internal data", story.internal.owner, lambda: self.publishes(story.internal)),
            ("Publish confidential data", story.confidential.owner, lambda: self.publishes(story.confidential)),
            ("Find data by a column's name", consumer, self.finds_by_column),
            ("Query before any grant", consumer, self.is_refused_before_any_grant),
            ("Subscribe to internal data", consumer, self.subscribes_by_policy),
            ("Ask for confidential data", consumer, self.asks_for_confidential_data),
            ("Approve some rows and columns", story.confidential.owner, self.approves_with_filters),
            ("Query as herself", consumer, self.sees_her_rows_and_columns),
            ("Query as a colleague", colleague, self.colleague_sees_other_rows),
            ("Query through sqlutils", consumer, self.queries_through_sqlutils),
            ("Subscribe for the whole project", consumer, self.subscribes_for_the_project),
            ("Revoke", story.confidential.owner, self.revokes),
            ("Answer the auditor", story.auditor, self.answers_the_auditor),
        ]

    # --- the steps: each returns what happened, in a sentence --------------------------------------------------

    def signs_in(self) -> str:
        me = self._get(self.story.consumer, "/api/me")
        expect(me["name"] == self.story.consumer, f"signed in as {me['name']}")
        return f"{me['display_name']}, member of {', '.join(me['groups'])}"

    def alters_a_locked_parameter(self) -> str:
        locked = self.story.project.locked
        answer = self._call(
            self.story.consumer, "POST", "/api/requests/project",
            self._project_request() | {"parameters": {locked.environment: {locked.parameter: locked.value}}},
        )  # fmt: skip
        expect(answer.status_code == 422, f"the app answered {answer.status_code}: {answer.text}")
        detail = str(answer.json().get("detail"))
        expect(locked.parameter in detail, f"the refusal does not name {locked.parameter}: {detail}")
        return f"refused: {detail}"

    def requests_the_project(self) -> str:
        request = self._post(self.story.consumer, "/api/requests/project", self._project_request())
        done = self._wait_until(self.story.consumer, request["id"], "active")
        project = self._project(self.story.consumer, self.story.project.name)
        self.memory |= {"project_id": project["id"], "project_request": done["id"]}
        return f"approved by policy ({'; '.join(done['policy']['reasons'])}), project {project['id']} is ready"

    def asks_for_an_approved_profile(self) -> str:
        body = self._project_request() | {
            "name": f"{self.story.project.name} to production"[:64],
            "profile": self.story.project.approved_profile,
        }
        request = self._post(self.story.consumer, "/api/requests/project", body)
        expect(request["status"] == "pending_approval", f"the request is {request['status']}")
        own = self._call(self.story.consumer, "POST", f"/api/requests/{request['id']}/approve", {})
        expect(own.status_code in (403, 404, 409), f"the requester could approve: {own.status_code}")
        self._post(self.story.consumer, f"/api/requests/{request['id']}/withdraw", {})
        stages = ", ".join(a["stage"] for a in request["approvals"])
        return f"waits for {stages}; the requester may not approve; withdrawn"

    def uses_the_project(self) -> str:
        found = self._as_in_the_studio(
            """
            proj = Project(name=NAME, domain_id=DOMAIN)
            out = {"id": proj.id, "name": proj.name, "status": proj.project_status, "role": proj.iam_role,
                   "root": proj.s3.root, "connections": [c.name for c in proj.connections],
                   "athena": proj.connection("project.athena").create_client().meta.service_model.service_name,
                   "one": int(sqlutils.sql("SELECT 1 AS one", connection_name="project.athena")["one"][0])}
            """
        )
        expect(found["id"] == self.memory["project_id"], f"the library found project {found['id']}")
        expect(found["status"] == "ACTIVE", f"the project is {found['status']}")
        expect(found["one"] == 1, "SELECT 1 did not answer 1")
        return (
            f"role {found['role'].rsplit('/', 1)[-1]}, {found['root']}, connections {', '.join(found['connections'])}"
        )

    def manages_members(self) -> str:
        story, path = self.story, f"/api/projects/{self.memory['project_id']}/members"
        self._as_in_the_studio(
            f"""
            from twinplane import Project as MeshProject
            MeshProject(name=NAME, domain_id=DOMAIN).add_member({story.colleague!r}, role="Contributor")
            out = {{}}
            """
        )
        names = {m["name"]: m["designation"] for m in self._get(story.consumer, path)["items"]}
        expect(names.get(story.colleague) == "PROJECT_CONTRIBUTOR", f"members are {names}")
        added = {"person": story.outsider, "designation": "PROJECT_CONTRIBUTOR"}
        refused = self._call(story.colleague, "POST", path, added)
        expect(refused.status_code == 403, f"a contributor could add a member: {refused.status_code}")
        self._post(story.consumer, path, added)
        removed = self._call(story.consumer, "DELETE", f"{path}/{story.outsider}")
        expect(removed.status_code == 204, f"removing answered {removed.status_code}: {removed.text}")
        return f"{story.colleague} added by proj.add_member; {story.colleague} may not add others; the owner may"

    def publishes(self, asset: AssetStory) -> str:
        project = self._project(asset.owner, asset.project)
        base = f"/api/projects/{project['id']}"
        run = self._post(asset.owner, f"{base}/imports", {"database": asset.database})
        run = self._poll(
            lambda: self._get(asset.owner, f"{base}/imports/{run['run_id']}"),
            lambda r: r["status"] in ("SUCCESS", "PARTIALLY_SUCCEEDED", "FAILED"),
        )
        expect(run["status"] == "SUCCESS", f"the import is {run['status']}")
        asset_id = self._asset(asset, base)["id"]
        early = self._call(asset.owner, "POST", f"{base}/assets/{asset_id}/publish", {})
        expect(early.status_code in (409, 422), f"unclassified data could be published: {early.status_code}")
        classification = {"level": asset.level, "contains_personal_data": asset.contains_personal_data}
        self._call(asset.owner, "PUT", f"{base}/assets/{asset_id}/classification", classification).raise_for_status()
        self._post(asset.owner, f"{base}/assets/{asset_id}/publish", {})
        listed = self._poll(lambda: self._asset(asset, base), lambda a: a["listing_status"] == "ACTIVE")
        return f"{asset.table} is published as {asset.level} (listing {listed['listing_id']}); unclassified was refused"

    def finds_by_column(self) -> str:
        asset = self.story.confidential
        hit = self._listing(self.story.consumer, asset, asset.search)
        fields = {m["field"] for m in hit["matched"]}
        expect(any(asset.search in m["text"] for m in hit["matched"]), f"matched {hit['matched']}")
        expect(hit["access"] == "can_request", f"access is {hit['access']}")
        return (
            f"{hit['name']} of {hit['owning_project']}, matched in {', '.join(sorted(fields))}; access: {hit['access']}"
        )

    def is_refused_before_any_grant(self) -> str:
        refusals = [self._refused(self.story.consumer, f"SELECT * FROM {a.sql_name}") for a in self._assets()]
        return f"AccessDeniedException: {refusals[-1]}"

    def subscribes_by_policy(self) -> str:
        asset = self.story.internal
        listing = self._listing(self.story.consumer, asset, asset.table)
        request = self._subscribe(self.story.consumer, listing, asset.reason)
        done = self._wait_until(self.story.consumer, request["id"], "active")
        rows = self._query(self.story.consumer, f"SELECT count(*) FROM {asset.sql_name}")
        expected = self._owner_query(asset, f"SELECT count(*) FROM {asset.sql_name}")
        expect(rows == expected, f"she counts {rows}, the owner {expected}")
        return f"granted by policy until {done['ends_on']}; {rows[1][0]} rows"

    def asks_for_confidential_data(self) -> str:
        asset, consumer = self.story.confidential, self.story.consumer
        listing = self._listing(consumer, asset, asset.table)
        ends_on = (datetime.now(UTC) + timedelta(days=asset.days)).date().isoformat()
        request = self._subscribe(consumer, listing, asset.reason, ends_on=ends_on)
        expect(request["status"] == "pending_approval", f"the request is {request['status']}")
        own = self._call(consumer, "POST", f"/api/requests/{request['id']}/approve", {})
        expect(own.status_code in (403, 404, 409), f"the requester could approve: {own.status_code}")
        self._refused(consumer, f"SELECT * FROM {asset.sql_name}")
        self.memory["governed_request"] = request["id"]
        return f"waits for {', '.join(a['stage'] for a in request['approvals'])}, until {ends_on}; still refused"

    def approves_with_filters(self) -> str:
        asset, request_id = self.story.confidential, self.memory["governed_request"]
        inbox = self._get(asset.owner, "/api/requests?box=inbox")["items"]
        expect(request_id in {r["id"] for r in inbox}, "the request is not in the owner's inbox")
        body = {"row_filter": asset.row_filter, "hidden_columns": list(asset.hidden_columns)}
        self._post(asset.owner, f"/api/requests/{request_id}/approve", body)
        done = self._wait_until(self.story.consumer, request_id, "active")
        return f"rows where {asset.row_filter}, without {', '.join(asset.hidden_columns)}, until {done['ends_on']}"

    def sees_her_rows_and_columns(self) -> str:
        asset, consumer = self.story.confidential, self.story.consumer
        rows = self._query(consumer, f"SELECT * FROM {asset.sql_name}")
        everything = self._owner_query(asset, f"SELECT * FROM {asset.sql_name} LIMIT 1")
        visible = [c for c in everything[0] if c not in asset.hidden_columns]
        expect(rows[0] == visible, f"she sees the columns {rows[0]}, not {visible}")
        columns = ", ".join(f'"{c}"' for c in visible)
        expected = self._owner_query(asset, f"SELECT {columns} FROM {asset.sql_name} WHERE {asset.row_filter}")
        expect(sorted(map(str, rows[1:])) == sorted(map(str, expected[1:])), "her rows are not the filtered rows")
        for hidden in asset.hidden_columns:
            failure = self._failed_query(consumer, f'SELECT "{hidden}" FROM {asset.sql_name}')
            expect("COLUMN_NOT_FOUND" in failure, f"asking for {hidden} answered {failure}")
        self.memory["governed_rows"] = rows
        return f"{len(rows) - 1} rows, {len(visible)} of {len(everything[0])} columns, exactly as granted"

    def colleague_sees_other_rows(self) -> str:
        asset, colleague = self.story.confidential, self.story.colleague
        listing = self._listing(colleague, asset, asset.table)
        request = self._subscribe(colleague, listing, asset.reason)
        body = {"row_filter": asset.colleague_row_filter}
        self._post(asset.owner, f"/api/requests/{request['id']}/approve", body)
        self._wait_until(colleague, request["id"], "active")
        statement = f"SELECT count(*) FROM {asset.sql_name}"
        rows = self._query(colleague, statement)
        expected = self._owner_query(asset, f"{statement} WHERE {asset.colleague_row_filter}")
        expect(rows == expected, f"the colleague counts {rows}, expected {expected}")
        return f"{rows[1][0]} rows where {asset.colleague_row_filter}, in the same project"

    def queries_through_sqlutils(self) -> str:
        asset, governed = self.story.confidential, self.memory["governed_rows"]
        found = self._as_in_the_studio(
            f"""
            frame = sqlutils.sql('SELECT * FROM {asset.sql_name}', connection_name="project.athena")
            out = {{"columns": list(frame.columns), "rows": len(frame)}}
            """
        )
        expect(found["columns"] == governed[0], f"sqlutils shows the columns {found['columns']}")
        expect(found["rows"] == len(governed) - 1, f"sqlutils shows {found['rows']} rows")
        return f"{found['rows']} rows, the same columns: the vended credentials carry who she is"

    def subscribes_for_the_project(self) -> str:
        asset, story = self.story.shared, self.story
        self.publishes(asset)
        listing = self._listing(story.consumer, asset, asset.table)
        request = self._subscribe(story.consumer, listing, asset.reason, project_id=self.memory["project_id"])
        self._wait_until(story.consumer, request["id"], "active")
        counts = {
            person: self._as_in_the_studio(
                f"""
                frame = sqlutils.sql('SELECT count(*) AS n FROM {asset.sql_name}', connection_name="project.athena")
                out = {{"n": int(frame["n"][0])}}
                """,
                person,
            )["n"]
            for person in (story.consumer, story.colleague)
        }
        expect(len(set(counts.values())) == 1, f"the members count {counts}")
        self._refused(story.outsider, f"SELECT * FROM {asset.sql_name}")
        return f"both members count {counts[story.consumer]} rows; {story.outsider} is refused"

    def revokes(self) -> str:
        asset, request_id = self.story.confidential, self.memory["governed_request"]
        self._post(asset.owner, f"/api/requests/{request_id}/revoke", {"reason": "The forecast is done"})
        began = time.perf_counter()
        self._wait_until(self.story.consumer, request_id, "revoked")
        self._refused(self.story.consumer, f"SELECT * FROM {asset.sql_name}")
        seconds = time.perf_counter() - began
        self._query(self.story.colleague, f"SELECT count(*) FROM {asset.sql_name}")
        return f"refused again {seconds:.1f} s later; the colleague's own grant stands"

    def answers_the_auditor(self) -> str:
        story, request_id = self.story, self.memory["governed_request"]
        records = self._get(story.auditor, f"/api/audit?request_id={request_id}&limit=200")["items"]
        actions = {r["action"] for r in records}
        approvals = [r for r in records if r["action"] == "request.approve"]
        expect(bool(approvals) and approvals[0]["actor"] == story.confidential.owner, f"approvals: {approvals}")
        expect(bool(approvals[0]["policy_hash"]), "the approval names no policy version")
        used = [r for r in self._get(story.auditor, f"/api/audit?person={story.consumer}&limit=500")["items"]
                if r["action"] == "athena:StartQueryExecution"]  # fmt: skip
        expect(bool(used), f"no query of {story.consumer} on record")
        refused = self._get(story.outsider, f"/api/audit?person={story.consumer}&limit=500")["items"]
        expect(not refused, f"{story.outsider} could read {len(refused)} records of {story.consumer}")
        events = self._events_on_behalf_of(self.sign_in.user_id(story.consumer))
        expect("StartQueryExecution" in events, f"CloudTrail shows {events} on behalf of {story.consumer}")
        return (
            f"{len(records)} records of the request ({', '.join(sorted(actions))}); {len(used)} queries by "
            f"{story.consumer}; CloudTrail shows {sum(events.values())} calls with onBehalfOf"
        )

    # --- what a step needs -----------------------------------------------------------------------------------

    def _assets(self) -> list[AssetStory]:
        return [self.story.internal, self.story.confidential]

    def _project_request(self) -> dict[str, Any]:
        project = self.story.project
        return {
            "name": project.name, "profile": project.profile, "domain_unit": project.domain_unit,
            "reason": project.reason,
        }  # fmt: skip

    def _call(self, person: str, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        if person not in self._sessions:
            token = self.sign_in.app_token(person)
            headers = {"Authorization": f"Bearer {token}"}
            self._sessions[person] = httpx.Client(base_url=self.app, headers=headers, timeout=60)
        return self._sessions[person].request(method, path, json=body)

    def _answer(self, response: httpx.Response) -> Any:
        expect(response.is_success, f"{response.request.method} {response.request.url.path}: {response.text}")
        return response.json() if response.content else None

    def _get(self, person: str, path: str) -> Any:
        return self._answer(self._call(person, "GET", path))

    def _post(self, person: str, path: str, body: dict[str, Any]) -> Any:
        return self._answer(self._call(person, "POST", path, body))

    def _poll(self, ask: Callable[[], Any], enough: Callable[[Any], bool], seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while not enough(answer := ask()):
            expect(time.monotonic() < deadline, f"still {answer} after {seconds} s")
            time.sleep(0.05)
        return answer

    def _wait_until(self, person: str, request_id: str, status: str) -> Any:
        ended = {status, "failed", "rejected", "withdrawn"}
        request = self._poll(lambda: self._get(person, f"/api/requests/{request_id}"), lambda r: r["status"] in ended)
        expect(request["status"] == status, f"the request is {request['status']}: {request.get('failure')}")
        return request

    def _project(self, person: str, name: str) -> Any:
        projects = [p for p in self._get(person, "/api/projects")["items"] if p["name"] == name]
        expect(len(projects) == 1, f"{person} sees {len(projects)} projects called {name}")
        return projects[0]

    def _asset(self, asset: AssetStory, base: str) -> Any:
        found = [a for a in self._get(asset.owner, f"{base}/assets")["items"] if a["name"] == asset.table]
        expect(len(found) == 1, f"{len(found)} assets called {asset.table} in {asset.project}")
        return found[0]

    def _listing(self, person: str, asset: AssetStory, text: str) -> Any:
        hits = self._get(person, f"/api/catalog?q={text}")["items"]
        found = [h for h in hits if h["name"] == asset.table and h["owning_project"] == asset.project]
        expect(len(found) == 1, f"searching {text} found {[h['name'] for h in hits]}")
        return found[0]

    def _subscribe(self, person: str, listing: Any, reason: str, **more: str) -> Any:
        body = {"listing_id": listing["listing_id"], "reason": reason, **more}
        return self._post(person, "/api/requests/subscription", body)

    def _query(self, person: str, sql: str) -> list[list[str | None]]:
        """The header and the rows, through Athena, with the person's identity-enhanced credentials."""
        return _athena(self.sign_in.aws(person), sql, self.sign_in.work_group)

    def _owner_query(self, asset: AssetStory, sql: str) -> list[list[str | None]]:
        """The same, as the owner of the data, with the credentials of her own project."""
        credentials, work_group = self.sign_in.project_athena(asset.owner, asset.project)
        return _athena(credentials, sql, work_group)

    def _failed_query(self, person: str, sql: str) -> str:
        try:
            self._query(person, sql)
        except (NotAsExpected, ClientError) as error:
            return str(error)
        raise NotAsExpected(f"{sql} was not refused")

    def _refused(self, person: str, sql: str) -> str:
        try:
            self._query(person, sql)
        except ClientError as error:
            expect(error.response["Error"]["Code"] == "AccessDeniedException", str(error))
            return error.response["Error"]["Message"]
        raise NotAsExpected(f"{person} could run {sql}")

    def _as_in_the_studio(self, code: str, person: str | None = None) -> Any:
        """Runs Python with the real library in a process of its own, in the environment `twinplane env` prints."""
        environment = self.sign_in.environment(person or self.story.consumer, self.story.project.name)
        program = (
            "import json, os\nfrom sagemaker_studio import Project, sqlutils\n"
            f"NAME, DOMAIN = {self.story.project.name!r}, os.environ['DataZoneDomainId']\n"
            + textwrap.dedent(code)
            + "\nprint('\\n' + json.dumps(out))"
        )
        kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        done = subprocess.run(
            [sys.executable, "-c", program], env=kept | environment, capture_output=True, text=True, timeout=120
        )
        expect(done.returncode == 0, done.stderr[-2000:])
        return json.loads(done.stdout.splitlines()[-1])

    def _trail(self, since: datetime, **lookup: Any) -> list[dict[str, Any]]:
        pages: Any = self.sign_in.administrator().client("cloudtrail").get_paginator("lookup_events")
        return [event for page in pages.paginate(StartTime=since, **lookup) for event in page["Events"]]

    def _new_events(self, since: datetime) -> dict[str, int]:
        new: Counter[str] = Counter()
        for event in self._trail(since):
            if event["EventId"] not in self._seen_events and event["EventName"] != "LookupEvents":
                self._seen_events.add(event["EventId"])
                new[f"{event['EventSource'].split('.')[0]}:{event['EventName']}"] += 1
        return dict(new.most_common())

    def _events_on_behalf_of(self, user_id: str) -> dict[str, int]:
        found: Counter[str] = Counter()
        for event in self._trail(datetime.now(UTC) - timedelta(hours=1)):
            on_behalf_of = json.loads(event["CloudTrailEvent"])["userIdentity"].get("onBehalfOf") or {}
            if on_behalf_of.get("userId") == user_id:
                found[event["EventName"]] += 1
        return found


def _athena(session: boto3.Session, sql: str, work_group: str) -> list[list[str | None]]:
    athena = session.client("athena")
    execution = athena.start_query_execution(QueryString=sql, WorkGroup=work_group)["QueryExecutionId"]
    while True:
        status = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
        if status["State"] in ("SUCCEEDED", "FAILED", "CANCELLED"):
            break
        time.sleep(0.02)
    expect(status["State"] == "SUCCEEDED", f"{sql}: {status.get('StateChangeReason')}")
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution)
    return [[cell.get("VarCharValue") for cell in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]
