"""Fulfilling access that was approved, proving it, ending it, and telling the data plane of requests that ended."""

import hashlib
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from twinplane.control_plane import jobs
from twinplane.control_plane.aws import Clients, code_of
from twinplane.control_plane.database import Transaction
from twinplane.control_plane.jobs import Done, GiveUp, Job, JobKind, Later, Step, wait_for
from twinplane.control_plane.parts import App
from twinplane.control_plane.requests import records
from twinplane.control_plane.requests import use_cases as requests
from twinplane.control_plane.requests.model import Request, Status
from twinplane.control_plane.subscriptions import datazone, lake_formation, use_cases

FULFIL = "subscription.fulfil"
REVOKE = "subscription.revoke"
EXPIRE = "subscription.expire"
CLOSE = "subscription.close"

TRY_REVOKING_AGAIN = timedelta(seconds=60)
_GRANTED, _GRANT_FAILED, _REVOKED = "GRANTED", "GRANT_FAILED", "REVOKED"


class SubscriptionJobs:
    """The steps, with the app they run in."""

    def __init__(self, app: App) -> None:
        self._app = app

    def kinds(self) -> dict[str, JobKind]:
        """The job kinds of this capability, by name."""
        fulfil = (
            Step("begin", self.begin),
            Step("filter", self.make_filters, undo=self.delete_filters),
            Step("accept", self.accept, undo=self.revoke_accepted),
            Step("grant", self.wait_for_grant),
            Step("verify", self.verify),
        )
        revoke = (
            Step("revoke", self.revoke),
            Step("take_back", self.wait_for_revocation),
            Step("end", self.end),
        )
        return {
            FULFIL: JobKind(fulfil, self.fulfilment_failed),
            REVOKE: JobKind(revoke, self.revocation_failed),
            EXPIRE: JobKind((Step("expire", self.expire),), self.left_alone),
            CLOSE: JobKind((Step("close", self.close),), self.left_alone),
            use_cases.SETTLE: JobKind((Step("settle", self.settle),), self.left_alone),
        }

    # --- fulfilment ----------------------------------------------------------------------------------------------

    def begin(self, job: Job) -> Done:
        def record(tx: Transaction) -> None:
            requests.advance(tx, job.subject, Status.FULFILLING, "Access is being granted")

        return Done(record=record)

    def make_filters(self, job: Job) -> Done:
        """Makes the asset filters that the approval asks for."""
        request, clients = requests.load(self._app, job.subject), self._app.as_app(job.subject)
        terms, filter_ids = request.body.get("terms", {}), []
        for name, configuration in _filters(terms):
            filter_ids.append(
                datazone.ensure_filter(
                    clients, self._app.domain_id, request.body["asset_id"], f"{request.id} {name}", configuration,
                    hashlib.sha256(f"{request.id}:{name}:{configuration}".encode()).hexdigest(),
                )
            )  # fmt: skip

        def record(tx: Transaction) -> None:
            if terms.get("row_filter"):
                requests.tell(tx, job.subject, f"Rows: {terms['row_filter']}")
            if terms.get("hidden_columns"):
                requests.tell(tx, job.subject, f"Hidden columns: {', '.join(terms['hidden_columns'])}")

        return Done({"filter_ids": filter_ids}, record)

    def accept(self, job: Job) -> Done:
        """Accepts the subscription request in the data plane."""
        request, clients = requests.load(self._app, job.subject), self._app.as_app(job.subject)
        body, domain_id = request.body, self._app.domain_id
        status = datazone.request_status(clients, domain_id, body["subscription_request_id"])
        if status is None or status == "REJECTED":
            raise GiveUp("The subscription request was withdrawn or rejected in the data plane itself.")
        if status == "PENDING":
            comment = f"Approved by request {request.id}"
            filter_ids = job.outputs["filter"]["filter_ids"]
            datazone.accept(clients, domain_id, body["subscription_request_id"], body["asset_id"], filter_ids, comment)

        def record(tx: Transaction) -> None:
            requests.tell(tx, job.subject, "The data plane has accepted the subscription")

        return Done(record=record)

    def wait_for_grant(self, job: Job) -> Done | Later:
        """Waits until every grant of the subscription is made."""
        request, clients, domain_id = requests.load(self._app, job.subject), self._clients(job), self._app.domain_id

        def granted() -> tuple[str, list[dict[str, Any]]] | None:
            subscription = self._subscription(clients, request)
            if subscription is None:
                return None
            grants = datazone.list_grants(clients, domain_id, subscription["id"])
            assets = [asset for grant in grants for asset in grant.get("assets", ())]
            failed = [asset for asset in assets if asset["status"] == _GRANT_FAILED]
            if failed:
                cause = (failed[0].get("failureCause") or {}).get("message", "the data plane does not say why")
                raise GiveUp(f"The grant failed: {cause}")
            if grants and all(asset["status"] == _GRANTED for asset in assets):
                return subscription["id"], grants
            return None

        found = wait_for(granted)
        if found is None:
            return Later(0.5)
        subscription_id, grants = found

        def record(tx: Transaction) -> None:
            requests.tell(tx, job.subject, "Granted", subscription_id=subscription_id)

        return Done({"subscription_id": subscription_id, "grant_ids": [grant["id"] for grant in grants]}, record)

    def verify(self, job: Job) -> Done | Later:
        """Reads Lake Formation: the access is there. From now on its end date is kept by a timer."""
        request, clients = requests.load(self._app, job.subject), self._clients(job)
        body = request.body
        principal = self._lake_principal(clients, request)
        if body["table"] is not None and principal is not None:
            table = (body["database"], body["table"])
            if not wait_for(lambda: lake_formation.may_select(clients, principal, *table)):
                return Later(1.0)
        outcome = {
            "subscription_id": job.outputs["grant"]["subscription_id"],
            "grant_ids": job.outputs["grant"]["grant_ids"],
            "filter_ids": job.outputs["filter"]["filter_ids"],
            "lake_principal": principal,
        }

        def record(tx: Transaction) -> None:
            text = f"Access is there until {body['ends_on']}, verified in Lake Formation"
            requests.advance(tx, job.subject, Status.ACTIVE, text, outcome=outcome)
            if request.ends_at is not None:
                jobs.enqueue(tx, EXPIRE, job.subject, due_at=request.ends_at)

        return Done(record=record)

    def delete_filters(self, job: Job) -> None:
        """Deletes the filters of an approval that came to nothing, also those whose making was not recorded."""
        request, clients = requests.load(self._app, job.subject), self._clients(job)
        self._delete_filters(clients, request)

    def revoke_accepted(self, job: Job) -> None:
        """Revokes the subscription when its grant could not be made or proved."""
        clients = self._clients(job)
        subscription = self._subscription(clients, requests.load(self._app, job.subject))
        if subscription is not None and subscription["status"] == "APPROVED":
            datazone.revoke(clients, self._app.domain_id, subscription["id"])

    def fulfilment_failed(self, tx: Transaction, job: Job, reason: str) -> None:
        """Shows why there is no access. It can be tried again as long as the data plane had not accepted."""
        outcome = {"failure": reason, "retry": "accept" not in job.outputs}
        requests.advance(tx, job.subject, Status.FAILED, f"Access could not be granted: {reason}", outcome=outcome)

    # --- the end of access -----------------------------------------------------------------------------------------

    def expire(self, job: Job) -> Done:
        """The end date has come."""
        return Done(record=lambda tx: requests.expire(tx, self._app, job.subject))

    def revoke(self, job: Job) -> Done:
        """Revokes the subscription; what it granted goes with it."""
        request, clients = requests.load(self._app, job.subject), self._clients(job)
        subscription_id = request.outcome["subscription_id"]
        try:
            subscription = datazone.get_subscription(clients, self._app.domain_id, subscription_id)
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            return Done()
        if subscription["status"] == "APPROVED":
            datazone.revoke(clients, self._app.domain_id, subscription_id)

        def record(tx: Transaction) -> None:
            requests.tell(tx, job.subject, "The data plane takes the grant back")

        return Done(record=record)

    def wait_for_revocation(self, job: Job) -> Done | Later:
        """Waits until the grants are gone, and reads Lake Formation to prove it."""
        request, clients, domain_id = requests.load(self._app, job.subject), self._clients(job), self._app.domain_id

        def is_gone() -> bool:
            grants = datazone.list_grants(clients, domain_id, request.outcome["subscription_id"])
            if any(asset["status"] != _REVOKED for grant in grants for asset in grant.get("assets", ())):
                return False
            principal = request.outcome.get("lake_principal")
            if principal is None or request.body["table"] is None or self._has_other_access(request):
                return True
            return not lake_formation.may_select(clients, principal, request.body["database"], request.body["table"])

        return Done() if wait_for(is_gone) else Later(0.5)

    def end(self, job: Job) -> Done:
        """Deletes the filters and says that access has ended."""
        request, clients = requests.load(self._app, job.subject), self._clients(job)
        self._delete_filters(clients, request)
        to = Status.EXPIRED if request.outcome.get("ended_by") == "expired" else Status.REVOKED

        def record(tx: Transaction) -> None:
            jobs.cancel_waiting(tx, EXPIRE, job.subject)
            requests.advance(tx, job.subject, to, "Access has ended")

        return Done(record=record)

    def revocation_failed(self, tx: Transaction, job: Job, reason: str) -> None:
        """Access that must end is not left: it is tried again, and everybody who sees the request sees why."""
        requests.tell(tx, job.subject, f"Access could not be taken back yet, trying again: {reason}")
        request = records.get(tx, job.subject)
        requests.start_revoking(tx, self._app, request, due_at=tx.now + TRY_REVOKING_AGAIN)

    # --- requests that came to nothing ---------------------------------------------------------------------------

    def close(self, job: Job) -> Done:
        """Tells the data plane that the request was rejected or withdrawn."""
        request, clients, domain_id = requests.load(self._app, job.subject), self._clients(job), self._app.domain_id
        subscription_request_id = request.body.get("subscription_request_id")
        if subscription_request_id is not None:
            status = datazone.request_status(clients, domain_id, subscription_request_id)
            if status == "PENDING":
                decided = next((a.comment for a in request.approvals if a.status == "rejected" and a.comment), None)
                comment = decided or f"The request was {request.status.value} by who made it"
                datazone.reject(clients, domain_id, subscription_request_id, comment)
        return Done()

    def settle(self, job: Job) -> Done:
        """A request that is a draft still was interrupted: what it left in the data plane is taken out."""
        request = requests.load(self._app, job.subject)
        if request.status is not Status.DRAFT:
            return Done()
        use_cases.settle(self._app, request.id, request.body)

        def record(tx: Transaction) -> None:
            text = "The request was interrupted before it was complete. Ask again."
            requests.advance(tx, job.subject, Status.FAILED, text, outcome={"failure": text, "retry": False})

        return Done(record=record)

    def left_alone(self, tx: Transaction, job: Job, reason: str) -> None:
        """Shows on the request what could not be done."""
        requests.tell(tx, job.subject, f"{job.kind} could not be done: {reason}")

    # --- inside ----------------------------------------------------------------------------------------------------

    def _clients(self, job: Job) -> Clients:
        return self._app.as_app(job.subject)

    def _subscription(self, clients: Clients, request: Request) -> dict[str, Any] | None:
        body = request.body
        return datazone.find_subscription(
            clients, self._app.domain_id, body["subscription_request_id"], body["listing_id"]
        )

    def _lake_principal(self, clients: Clients, request: Request) -> str | None:
        principal = request.body["principal"]
        if principal["kind"] == "person":
            return lake_formation.person_principal(principal["user_id"])
        return datazone.project_role(clients, self._app.domain_id, principal["id"])

    def _has_other_access(self, request: Request) -> bool:
        with self._app.database.read() as tx:
            active = records.list_requests(tx, status=Status.ACTIVE.value, assets=[request.asset or ""], limit=5000)
        principal = request.outcome.get("lake_principal")
        return any(r.id != request.id and r.outcome.get("lake_principal") == principal for r in active)

    def _delete_filters(self, clients: Clients, request: Request) -> None:
        domain_id, asset_id = self._app.domain_id, request.body["asset_id"]
        pages = clients.datazone.get_paginator("list_asset_filters").paginate(
            domainIdentifier=domain_id, assetIdentifier=asset_id
        )
        for found in [f for page in pages for f in page["items"] if f["name"].startswith(f"{request.id} ")]:
            datazone.delete_filter(clients, domain_id, asset_id, found["id"])


def _filters(terms: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    if terms.get("row_filter_tree"):
        found.append(("rows", {"rowConfiguration": {"rowFilter": terms["row_filter_tree"], "sensitive": False}}))
    if terms.get("shown_columns"):
        found.append(("columns", {"columnConfiguration": {"includedColumnNames": terms["shown_columns"]}}))
    return found
