"""Asking for access to published data."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from twinplane.control_plane import jobs
from twinplane.control_plane.aws import code_of
from twinplane.control_plane.catalog import use_cases as catalog
from twinplane.control_plane.catalog.model import Listing, OwningProject
from twinplane.control_plane.errors import Conflict, NotFound, RefusedByRule
from twinplane.control_plane.identity import Person
from twinplane.control_plane.memberships import use_cases as memberships
from twinplane.control_plane.parts import App
from twinplane.control_plane.permissions import groups, principal
from twinplane.control_plane.policy.model import Decision, Entity
from twinplane.control_plane.projects import use_cases as projects
from twinplane.control_plane.requests import records
from twinplane.control_plane.requests import use_cases as requests
from twinplane.control_plane.requests.model import Request, RequestId, Status
from twinplane.control_plane.requests.rules import first_approvals
from twinplane.control_plane.subscriptions import datazone, rules
from twinplane.control_plane.subscriptions.model import ForPerson, ForProject
from twinplane.mesh.model import Level

log = structlog.get_logger()

KIND = "subscription"
SETTLE = "subscription.settle"
SETTLE_AFTER = timedelta(seconds=60)
LIVE = (Status.DRAFT, Status.PENDING_APPROVAL, Status.APPROVED, Status.FULFILLING, Status.ACTIVE, Status.REVOKING)


class ListingNotActive(Conflict):
    """The listing is not published any more."""


class AlreadyRequested(Conflict):
    """There is a live request for the same data and principal."""


class SubscriptionRefused(RefusedByRule):
    """Policy forbids asking for it like this."""


def request_subscription(
    app: App, person: Person, *, listing_id: str, reason: str, ends_on: date | None, project_id: str | None
) -> Request:
    """Asks for access, for the person or for a project she is in. Policy grants it, or says who must agree."""
    listing = catalog.get_listing(app, person, listing_id)
    if listing.status != "ACTIVE":
        raise ListingNotActive(f"{listing.name} is not published any more.")
    whom = _for_project(app, person, project_id) if project_id else _for_person(app, person)
    _check_not_live(app, listing, whom)
    level = app.mesh.level(listing.level or app.mesh.classification.unclassified)
    today = app.clock().date()
    last_day = rules.end_date(ends_on, today, level.max_days)
    decision = _may_subscribe(app, person, listing, level, whom, (last_day - today).days, reason)
    owning = catalog.owning_project(app, listing.project_id)
    automatic = _is_automatic(app, person, listing, level, whom, owning)
    approvers = () if automatic.allowed else _approvers(app, person, listing, level, whom)
    owner_names = memberships.owner_names(app, listing.project_id) if "owner" in approvers else []
    request = requests.new_request(
        app, person, kind=KIND, title=f"{listing.name} of {owning.name} for {whom.name}", reason=reason,
        body=_body(listing, owning, level, whom, last_day), decision=automatic if automatic.allowed else decision,
        approvals=first_approvals(
            approvers, {"project_id": listing.project_id, "names": owner_names}, owner_names, person.name
        ),
        project_id=listing.project_id, beneficiary=whom.id, asset=listing.asset, ends_at=rules.end_of(last_day),
    )  # fmt: skip
    with app.database.write() as tx:
        requests.record(tx, request)
        jobs.enqueue(tx, SETTLE, request.id, due_at=tx.now + SETTLE_AFTER)
    return _hand_over(app, person, request)


def check_terms(request: Request, terms: dict[str, Any]) -> dict[str, Any]:
    """What an approver grants of the data: `row_filter` (an SQL condition) and `hidden_columns`."""
    columns = [column["name"] for column in request.body["columns"]]
    kept: dict[str, Any] = {}
    if terms.get("row_filter"):
        kept["row_filter"] = terms["row_filter"]
        types = {column["name"]: column["type"] for column in request.body["columns"]}
        kept["row_filter_tree"] = rules.row_filter(terms["row_filter"], types)
    if terms.get("hidden_columns"):
        kept["hidden_columns"] = list(terms["hidden_columns"])
        kept["shown_columns"] = rules.shown_columns(terms["hidden_columns"], columns)
    return kept


def withdraw(app: App, person: Person, request: Request) -> None:
    """Takes the subscription request back in the data plane; what this does not reach, the closing job does."""
    subscription_request_id = request.body.get("subscription_request_id")
    if subscription_request_id is None:
        return
    try:
        datazone.delete_request(app.as_person(person), app.domain_id, subscription_request_id)
    except (ClientError, BotoCoreError) as error:
        log.info("a withdrawn request is closed later", request=request.id, error=str(error))


def access_of(app: App, person: Person, listings: list[Listing]) -> dict[str, str]:
    """Whether the person has each listing: have, requested, can_request or cannot. By listing id."""
    projects_of = {project["id"] for project in projects.list_projects(app, person)}
    hers = [memberships.profile_id(app, person), *projects_of]
    with app.database.read() as tx:
        theirs = records.list_requests(tx, beneficiaries=hers, kind=KIND, limit=5000)
    have = {r.body["listing_id"] for r in theirs if r.status is Status.ACTIVE}
    waiting = {r.body["listing_id"] for r in theirs if r.status in LIVE and r.status is not Status.ACTIVE}
    return {
        listing.id: "have" if listing.id in have or listing.project_id in projects_of
        else "requested" if listing.id in waiting
        else "can_request" if _may_ask(app, person, listing) else "cannot"
        for listing in listings
    }  # fmt: skip


def _hand_over(app: App, person: Person, request: Request) -> Request:
    """Tells the data plane, as the person, and then submits; a crash in between is settled by a job."""
    body = request.body
    try:
        subscription_request_id = datazone.create_request(
            app.as_person(person), app.domain_id, body["listing_id"], body["principal"], request.reason, request.id
        )
    except (ClientError, BotoCoreError) as error:
        with app.database.write() as tx:
            jobs.cancel_waiting(tx, SETTLE, request.id)
            text = f"The data plane did not take the request: {error}"
            requests.advance(tx, request.id, Status.FAILED, text, outcome={"failure": str(error), "retry": False})
        if isinstance(error, ClientError) and code_of(error) == "ConflictException":
            raise AlreadyRequested(f"The data plane has such a request or subscription already: {error}") from error
        raise
    with app.database.write() as tx:
        jobs.cancel_waiting(tx, SETTLE, request.id)
        return requests.submit(tx, app, request.id, subscription_request_id=subscription_request_id)


def _body(
    listing: Listing, owning: OwningProject, level: Level, whom: ForPerson | ForProject, last_day: date
) -> dict[str, Any]:
    return {
        "listing_id": listing.id,
        "listing_name": listing.name,
        "asset_id": listing.asset_id,
        "database": listing.database,
        "table": listing.table,
        "columns": [{"name": c.name, "type": c.type} for c in listing.columns],
        "owning_project_id": owning.id,
        "owning_project": owning.name,
        "classification": level.name,
        "principal": whom.as_json(),
        "ends_on": last_day.isoformat(),
    }


def _for_person(app: App, person: Person) -> ForPerson:
    return ForPerson(person.user_id, memberships.profile_id(app, person), person.name)


def _for_project(app: App, person: Person, project_id: str) -> ForProject:
    projects.get_project(app, person, project_id)  # as the person: raises NotFound when she is not in it
    found = app.data_plane.app.datazone.get_project(domainIdentifier=app.domain_id, identifier=project_id)
    name = datazone.profile_of_project(app.data_plane.app, app.domain_id, found["projectProfileId"])
    try:
        profile = app.mesh.profile(name)
    except KeyError:
        raise NotFound(f"Project {found['name']} is of the profile {name}, which the mesh does not declare.") from None
    return ForProject(project_id, found["name"], found["domainUnitId"], profile)


def _check_not_live(app: App, listing: Listing, whom: ForPerson | ForProject) -> None:
    with app.database.read() as tx:
        theirs = records.list_requests(tx, kind=KIND, beneficiaries=[whom.id], limit=5000)
    found = [r for r in theirs if r.status in LIVE and r.body["listing_id"] == listing.id]
    if found:
        raise AlreadyRequested(
            f"{listing.name} is {'granted' if found[0].status is Status.ACTIVE else 'requested'} already for "
            f"{whom.name} by request {found[0].id}.",
            request_id=found[0].id,
        )


def _listing_entity(listing: Listing, level: Level) -> Entity:
    return Entity(
        "Listing",
        listing.id,
        {
            "classification": level.name,
            "max_days": level.max_days,
            "purpose_required": level.purpose_required,
            "named_people_only": level.named_people_only,
            "stages": list(level.stages),
        },
    )


def _may_subscribe(
    app: App, person: Person, listing: Listing, level: Level, whom: ForPerson | ForProject, days: int, reason: str
) -> Decision:
    stage = whom.profile.stage if isinstance(whom, ForProject) else ""
    context = {
        "days": days, "has_reason": bool(reason.strip()), "for_project": isinstance(whom, ForProject), "stage": stage,
    }  # fmt: skip
    decision = app.policies.decide(
        principal(person), "subscribe", _listing_entity(listing, level), context, *groups(person)
    )
    if not decision.allowed:
        limit = ""
        if days > level.max_days:
            latest = app.clock().date() + timedelta(days=level.max_days)
            limit = f" {level.name} allows {level.max_days} days, so until {latest} at most; not {days} days."
        raise SubscriptionRefused(" ".join(decision.reasons) + limit, policy=decision.as_json())
    return decision


def _may_ask(app: App, person: Person, listing: Listing) -> bool:
    level = app.mesh.level(listing.level or app.mesh.classification.unclassified)
    context = {"days": 1, "has_reason": True, "for_project": False, "stage": ""}
    entity = _listing_entity(listing, level)
    return app.policies.decide(principal(person), "subscribe", entity, context, *groups(person)).allowed


def _is_automatic(
    app: App, person: Person, listing: Listing, level: Level, whom: ForPerson | ForProject, owning: OwningProject
) -> Decision:
    automatic: str = level.automatic
    if isinstance(whom, ForProject):
        if level.name not in whom.profile.approvals.subscription.automatic_levels:
            automatic = "never"
        in_unit = whom.domain_unit_id == owning.domain_unit_id
    else:
        in_unit = owning.domain_unit is not None and _is_of_unit(app, person, owning.domain_unit)
    context = {"automatic": automatic, "in_unit": in_unit}
    entity = _listing_entity(listing, level)
    return app.policies.decide(principal(person), "grant_automatically", entity, context, *groups(person))


def _is_of_unit(app: App, person: Person, unit_name: str) -> bool:
    try:
        return bool(person.groups & set(app.mesh.domain_unit(unit_name).members))
    except KeyError:
        return False


def _approvers(
    app: App, person: Person, listing: Listing, level: Level, whom: ForPerson | ForProject
) -> tuple[str, ...]:
    """Who must agree, in order. Somebody always must: when policy names nobody, the owners."""
    declared = set(level.approvers)
    if isinstance(whom, ForProject):
        rule = whom.profile.approvals.subscription
        declared = set(rule.approvers) | (declared if rule.by_level else set())
    found = tuple(
        approver
        for approver in projects.APPROVERS
        if app.policies.decide(
            principal(person), "needs_approval", _listing_entity(listing, level),
            {"approver": approver, "declared": sorted(declared)}, *groups(person),
        ).allowed
    )  # fmt: skip
    return found or ("owner",)


def settle(app: App, request_id: RequestId, body: Mapping[str, Any]) -> None:
    """Rejects what an interrupted request may have left in the data plane. Used by the settling job."""
    clients = app.as_app(request_id)
    left = datazone.find_pending(clients, app.domain_id, body["listing_id"], body["principal"])
    if left is not None:
        datazone.reject(clients, app.domain_id, left, "The request was interrupted before it was complete")
