"""Making a project that was approved: create, deploy, hand over, verify; or delete what was half made."""

from typing import Any

import sqlalchemy as sa
from botocore.exceptions import ClientError

from twinplane.control_plane.aws import code_of
from twinplane.control_plane.database import Transaction
from twinplane.control_plane.jobs import Done, GiveUp, Job, JobKind, Later, Step, wait_for
from twinplane.control_plane.memberships import datazone as members
from twinplane.control_plane.parts import App
from twinplane.control_plane.projects import datazone, rules
from twinplane.control_plane.requests import use_cases as requests
from twinplane.control_plane.requests.model import Status
from twinplane.control_plane.requests.records import REQUESTS

FULFIL = "project.fulfil"
_FAILED = ("FAILED_VALIDATION", "FAILED_DEPLOYMENT")


class ProjectJobs:
    """The steps, with the app they run in."""

    def __init__(self, app: App) -> None:
        self._app = app

    def kinds(self) -> dict[str, JobKind]:
        """The job kinds of this capability, by name."""
        steps = (
            Step("begin", self.begin),
            Step("create", self.create, undo=self.delete),
            Step("deploy", self.deploy, patience_seconds=1800),
            Step("hand_over", self.hand_over),
            Step("verify", self.verify),
        )
        return {FULFIL: JobKind(steps, self.failed)}

    def begin(self, job: Job) -> Done:
        def record(tx: Transaction) -> None:
            requests.advance(tx, job.subject, Status.FULFILLING, "The project is being made")

        return Done(record=record)

    def create(self, job: Job) -> Done:
        """Creates the project, or finds the one that an interrupted attempt of this job created."""
        app, request = self._app, requests.load(self._app, job.subject)
        body, clients = request.body, self._app.as_app(job.subject)
        units = datazone.domain_unit_ids(clients, app.domain_id, app.data_plane.found.root_domain_unit_id)
        if body["domain_unit"] not in units:
            raise GiveUp(f"The data plane has no domain unit {body['domain_unit']}. Run `twinplane apply`.")
        try:
            project_id = clients.datazone.create_project(
                domainIdentifier=app.domain_id,
                name=body["name"],
                description=body["description"],
                domainUnitId=units[body["domain_unit"]],
                projectProfileId=datazone.profile_id(clients, app.domain_id, body["profile"]),
                userParameters=rules.user_parameters(body["parameters"]),
            )["id"]
        except ClientError as error:
            if code_of(error) == "ValidationException":
                raise GiveUp(f"The data plane does not accept the project: {error}") from error
            if code_of(error) != "ConflictException":
                raise
            project_id = self._own_earlier(job, body["name"])

        def record(tx: Transaction) -> None:
            requests.note(tx, job.subject, f"Project {project_id} is created", project_id=project_id)

        return Done({"project_id": project_id}, record)

    def deploy(self, job: Job) -> Done | Later:
        """Waits until every environment is deployed; each change of one is shown."""
        app, project_id = self._app, job.outputs["create"]["project_id"]
        clients = app.as_app(job.subject)
        shown: dict[str, str] = {}

        def is_settled() -> dict[str, Any] | None:
            project = datazone.get_project(clients, app.domain_id, project_id)
            details: dict[str, Any] = project.get("environmentDeploymentDetails", {})
            if details.get("overallDeploymentStatus") in ("SUCCESSFUL", *_FAILED):
                return details
            for environment in datazone.list_environments(clients, app.domain_id, project_id):
                name, status = environment["name"], environment.get("status", "")
                if shown.get(name) != status:
                    shown[name] = status
                    with app.database.write() as tx:
                        requests.tell(tx, job.subject, f"{name}: {status.lower().replace('_', ' ')}", environment=name)
            return None

        details = wait_for(is_settled)
        if details is None:
            return Later(1.0)
        if details["overallDeploymentStatus"] in _FAILED:
            raise GiveUp(f"An environment could not be deployed: {_reasons(details)}")

        def record(tx: Transaction) -> None:
            requests.tell(tx, job.subject, "Every environment is deployed")

        return Done(record=record)

    def hand_over(self, job: Job) -> Done:
        """Makes the requester an owner."""
        request, clients = requests.load(self._app, job.subject), self._app.as_app(job.subject)
        project_id = job.outputs["create"]["project_id"]
        members.add_member(clients, self._app.domain_id, project_id, request.requester.user_id, members.OWNER)

        def record(tx: Transaction) -> None:
            requests.tell(tx, job.subject, f"{request.requester.name} is an owner of it")

        return Done(record=record)

    def verify(self, job: Job) -> Done:
        """Reads back what was made, and says that it is there."""
        app, request = self._app, requests.load(self._app, job.subject)
        project_id, clients = job.outputs["create"]["project_id"], self._app.as_app(job.subject)
        project = datazone.get_project(clients, app.domain_id, project_id)
        profile = members.user_profile(clients, app.domain_id, request.requester.user_id)
        owners = [m.profile_id for m in members.list_members(clients, app.domain_id, project_id)
                  if m.designation == members.OWNER]  # fmt: skip
        if project.get("projectStatus", "ACTIVE") != "ACTIVE" or profile["id"] not in owners:
            raise RuntimeError(f"Project {project_id} is {project.get('projectStatus')} and its owners are {owners}")

        def record(tx: Transaction) -> None:
            outcome = {"project_id": project_id, "project_name": project["name"], "domain_id": app.domain_id}
            requests.advance(tx, job.subject, Status.ACTIVE, "The project is ready", outcome=outcome)

        return Done(record=record)

    def delete(self, job: Job) -> None:
        """Deletes the project that this job made, also one whose creation was not recorded."""
        app, clients = self._app, self._app.as_app(job.subject)
        project_id = job.outputs.get("create", {}).get("project_id")
        if project_id is None:
            request = requests.load(app, job.subject)
            project_id = self._unclaimed(job, request.body["name"])
        if project_id is None or datazone.find_by_id(clients, app.domain_id, project_id) is None:
            return
        clients.datazone.delete_project(domainIdentifier=app.domain_id, identifier=project_id, skipDeletionCheck=True)
        if not wait_for(lambda: datazone.find_by_id(clients, app.domain_id, project_id) is None, within_seconds=30):
            raise RuntimeError(f"Project {project_id} is still being deleted")

    def failed(self, tx: Transaction, job: Job, reason: str) -> None:
        """Shows the person why there is no project."""
        requests.advance(
            tx, job.subject, Status.FAILED, f"The project could not be made: {reason}", project_id=None,
            outcome={"failure": reason},
        )  # fmt: skip

    def _own_earlier(self, job: Job, name: str) -> str:
        project_id = self._unclaimed(job, name)
        if project_id is None:
            raise GiveUp(f"There is a project called {name}. Ask for another name.")
        return project_id

    def _unclaimed(self, job: Job, name: str) -> str | None:
        """A project of this name that the app made since this job began and that no other request made."""
        app, clients = self._app, self._app.as_app(job.subject)
        found = datazone.find_project(clients, app.domain_id, name)
        if found is None:
            return None
        project = datazone.get_project(clients, app.domain_id, found["id"])
        me = members.user_profile(clients, app.domain_id, app.data_plane.found.app_role_arn)["id"]
        request = requests.load(app, job.subject)
        with app.database.read() as tx:
            claimed = tx.row(
                sa.select(REQUESTS.c.id).where(REQUESTS.c.project_id == project["id"], REQUESTS.c.id != job.subject)
            )
        made_since = project["createdAt"] >= request.created_at.replace(microsecond=0)
        return str(project["id"]) if project["createdBy"] == me and made_since and claimed is None else None


def _reasons(details: dict[str, Any]) -> str:
    reasons = details.get("environmentFailureReasons", {})
    texts = [f"{r.get('code', '')} {r.get('message', '')}".strip() for found in reasons.values() for r in found]
    return "; ".join(texts) or str(details.get("overallDeploymentStatus"))
