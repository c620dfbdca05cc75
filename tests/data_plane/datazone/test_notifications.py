"""Notifications: tasks and events of the projects a caller is in."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.data_plane.datazone.catalog_for_tests import Producer, producer, unique
from tests.data_plane.datazone.domains_for_tests import Mesh, eventually
from tests.data_plane.datazone.test_subscriptions import accept, ask, grant_of, table_name


@pytest.fixture(scope="module")
def owner(mesh: Mesh) -> Producer:
    return producer(mesh, "owner")


@pytest.fixture(scope="module")
def listing_id(owner: Producer) -> str:
    return owner.published(table_name())[1]


def told(mesh: Mesh, person: str, kind: str, **members: Any) -> list[dict[str, Any]]:
    pages = (
        mesh.as_person(person)
        .get_paginator("list_notifications")
        .paginate(domainIdentifier=mesh.domain_id, type=kind, PaginationConfig={"PageSize": 2}, **members)
    )
    return [notification for page in pages for notification in page["notifications"]]


def about(entity_id: str) -> Callable[[dict[str, Any]], bool]:
    return lambda notification: notification["metadata"]["entityId"] == entity_id


def subjects(found: list[dict[str, Any]]) -> list[str]:
    return [n["topic"]["subject"] for n in found]


def test_a_request_is_a_task_of_the_publisher_until_it_is_decided(mesh: Mesh, owner: Producer, listing_id: str) -> None:
    accepted, withdrawn = ask(mesh, "reader", listing_id), ask(mesh, "other", listing_id)
    [task] = filter(about(accepted), told(mesh, "owner", "TASK", taskStatus="ACTIVE"))
    assert task["topic"]["resource"]["id"] == owner.project_id
    assert (task["type"], task["status"], task["topic"]["role"]) == ("TASK", "ACTIVE", "PROJECT_OWNER")
    assert "quarterly forecast" in task["message"]
    subscription = accept(owner, accepted)
    assert grant_of(owner, subscription["id"])["status"] == "COMPLETED"  # nobody is notified of it: it is a person's
    mesh.as_person("other").delete_subscription_request(domainIdentifier=mesh.domain_id, identifier=withdrawn)
    assert told(mesh, "owner", "TASK", taskStatus="ACTIVE") == []
    done = told(mesh, "owner", "TASK", taskStatus="INACTIVE")
    assert {n["metadata"]["entityId"] for n in done} >= {accepted, withdrawn}
    assert all(n["lastUpdatedTimestamp"] >= n["creationTimestamp"] for n in done)


def test_the_subscribing_project_hears_of_the_decision_and_of_the_grant(
    mesh: Mesh, owner: Producer, listing_id: str
) -> None:
    consumer = producer(mesh, "analyst")
    request_id = ask(mesh, "analyst", listing_id, {"project": {"identifier": consumer.project_id}})
    accept(owner, request_id)
    found = eventually(
        lambda: told(mesh, "analyst", "EVENT", subjects=["Subscription Grant Completed"]), lambda n: len(n) == 1
    )
    assert found[0]["topic"]["role"] == "PROJECT_SUBSCRIBER"
    [decision] = filter(about(request_id), told(mesh, "analyst", "EVENT"))
    assert decision["title"] == "Subscription Request Accepted"
    assert [n for n in told(mesh, "owner", "EVENT") if n["topic"]["role"] == "PROJECT_SUBSCRIBER"] == []


def test_notifications_are_for_members_and_tasks_for_those_who_may_do_them(
    mesh: Mesh, owner: Producer, listing_id: str
) -> None:
    ask(mesh, "asker", listing_id)
    assert told(mesh, "stranger", "TASK") == told(mesh, "stranger", "EVENT") == []
    owner.datazone.create_project_membership(
        domainIdentifier=mesh.domain_id,
        projectIdentifier=owner.project_id,
        member={"userIdentifier": mesh.person("viewer")},
        designation="PROJECT_CATALOG_VIEWER",
    )
    assert told(mesh, "viewer", "TASK") == []
    assert "Data Source Run Succeeded" in subjects(told(mesh, "viewer", "EVENT"))
    assert told(mesh, "owner", "TASK", taskStatus="ACTIVE") != []


def test_events_of_several_projects_come_latest_first_within_the_times_asked_for(mesh: Mesh) -> None:
    for _ in range(3):
        mesh.project(unique("Many"), client=mesh.as_person("founder"))
    found = told(mesh, "founder", "EVENT")
    times = [n["creationTimestamp"] for n in found]
    assert times == sorted(times, reverse=True)
    assert len({n["topic"]["resource"]["id"] for n in found}) == 3
    assert len({n["identifier"] for n in found}) == len(found)
    made = told(mesh, "founder", "EVENT", subjects=["Project Creation Succeeded", "Environment Deployment Completed"])
    assert set(subjects(made)) == {"Project Creation Succeeded", "Environment Deployment Completed"}
    later = told(mesh, "founder", "EVENT", afterTimestamp=times[0] + timedelta(seconds=5))
    earlier = told(mesh, "founder", "EVENT", beforeTimestamp=times[0] + timedelta(seconds=5))
    assert (later, earlier) == ([], found)


def test_a_project_that_is_deleted_takes_its_notifications_along(mesh: Mesh) -> None:
    project_id = mesh.project(unique("Short"), client=mesh.as_person("mayfly"))["id"]
    mesh.as_person("mayfly").delete_project(domainIdentifier=mesh.domain_id, identifier=project_id)
    eventually(lambda: told(mesh, "mayfly", "EVENT"), lambda found: found == [])
