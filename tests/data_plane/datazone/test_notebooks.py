"""Notebooks: described here, their documents real files in the project's storage."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.domains_for_tests import Mesh, eventually


def refused(pattern: str) -> Any:
    return pytest.raises(ClientError, match=pattern)


@pytest.fixture(scope="module")
def project(mesh: Mesh) -> str:
    return str(mesh.project("With notebooks")["id"])


def put(mesh: Mesh, project: str, text: str) -> str:
    """The URI of a new file in the project's storage."""
    uri = f"{mesh.resources(project)['s3BucketPath']}/work/{uuid.uuid4().hex}.ipynb"
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    mesh.plane.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())
    return uri


def cells_of(mesh: Mesh, uri: str) -> list[str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = mesh.plane.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return [cell["source"] for cell in json.loads(body)["cells"]]


def document(*sources: str) -> str:
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in sources]
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells})


def synchronized(mesh: Mesh, project: str, uri: str, **members: Any) -> dict[str, Any]:
    """The notebook once its sync has ended."""
    here = {"domainIdentifier": mesh.domain_id}
    begun = mesh.admin.start_notebook_sync(
        owningProjectIdentifier=project, sourceLocation={"s3": uri}, **members, **here
    )
    assert begun["status"] == "SYNC_IN_PROGRESS"
    answer: dict[str, Any] = eventually(
        lambda: mesh.admin.get_notebook(identifier=begun["notebookId"], **here),
        lambda notebook: notebook["status"] != "SYNC_IN_PROGRESS",
    )
    return answer


def exported(mesh: Mesh, project: str, notebook: str, file_format: str = "IPYNB") -> dict[str, Any]:
    here = {"domainIdentifier": mesh.domain_id}
    begun = mesh.admin.start_notebook_export(
        notebookIdentifier=notebook, owningProjectIdentifier=project, fileFormat=file_format, **here
    )
    assert begun["status"] == "IN_PROGRESS"
    answer: dict[str, Any] = eventually(
        lambda: mesh.admin.get_notebook_export(identifier=begun["id"], **here), lambda e: e["status"] != "IN_PROGRESS"
    )
    return answer


def test_a_notebook_is_made_changed_listed_and_removed(mesh: Mesh, project: str) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    made = mesh.admin.create_notebook(
        owningProjectIdentifier=project, name="Sales", parameters={"region": "north"}, **here
    )
    assert (made["status"], made["cellOrder"], made["parameters"]) == ("ACTIVE", [], {"region": "north"})
    that = {"identifier": made["id"], **here}
    mesh.admin.update_notebook(description="of the north", status="ARCHIVED", **that)
    got = mesh.admin.get_notebook(**that)
    assert (got["description"], got["status"], got["owningProjectId"]) == ("of the north", "ARCHIVED", project)
    second = mesh.admin.create_notebook(owningProjectIdentifier=project, name="Stock", **here)["id"]
    pages = mesh.admin.get_paginator("list_notebooks").paginate(
        owningProjectIdentifier=project, sortOrder="DESCENDING", PaginationConfig={"PageSize": 1}, **here
    )
    assert [n["id"] for page in pages for n in page["items"]] == [second, made["id"]]
    archived = mesh.admin.list_notebooks(owningProjectIdentifier=project, status="ARCHIVED", **here)["items"]
    assert [n["id"] for n in archived] == [made["id"]]
    for identifier in (made["id"], second):
        mesh.admin.delete_notebook(identifier=identifier, **here)
    with refused("ResourceNotFoundException"):
        mesh.admin.get_notebook(**that)


def test_a_notebook_takes_its_cells_from_a_file_and_gives_them_back_in_its_order(mesh: Mesh, project: str) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    notebook = synchronized(mesh, project, put(mesh, project, document("one", "two")), name="Synced")
    assert notebook["status"] == "ACTIVE"
    export = exported(mesh, project, notebook["id"])
    assert export["status"] == "SUCCEEDED"
    assert cells_of(mesh, export["outputLocation"]["s3"]["uri"]) == ["one", "two"]
    again = synchronized(mesh, project, put(mesh, project, document("three")), notebookId=notebook["id"])
    assert again["id"] == notebook["id"]
    assert cells_of(mesh, exported(mesh, project, again["id"])["outputLocation"]["s3"]["uri"]) == ["three"]
    mesh.admin.delete_notebook(identifier=notebook["id"], **here)


def test_a_file_that_is_no_notebook_fails_the_sync_and_a_file_of_others_is_refused(mesh: Mesh, project: str) -> None:
    failed = synchronized(mesh, project, put(mesh, project, "no JSON"), name="Broken")
    assert (failed["status"], failed["error"]["message"]) == (
        "SYNC_FAILED",
        "The file is not JSON, as .ipynb files are.",
    )
    other = mesh.project("With files")["id"]
    with refused("ValidationException.*own storage"):
        synchronized(mesh, project, put(mesh, other, document("theirs")))


def test_an_export_that_is_not_served_fails_and_says_so(mesh: Mesh, project: str) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    notebook = mesh.admin.create_notebook(owningProjectIdentifier=project, name="Printed", **here)["id"]
    export = exported(mesh, project, notebook, "PDF")
    assert (export["status"], "IPYNB only" in export["error"]["message"]) == ("FAILED", True)
    assert exported(mesh, project, notebook)["status"] == "SUCCEEDED"


def test_a_notebook_is_imported_from_a_file(mesh: Mesh, project: str) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    begun = mesh.admin.start_notebook_import(
        owningProjectIdentifier=project, name="Imported", description="of a file",
        sourceLocation={"s3": put(mesh, project, document("one", "two"))}, **here,
    )  # fmt: skip
    assert (begun["status"], begun["name"]) == ("SYNC_IN_PROGRESS", "Imported")
    notebook = eventually(
        lambda: mesh.admin.get_notebook(identifier=begun["notebookId"], **here), lambda n: n["status"] == "ACTIVE"
    )
    assert (notebook["description"], len(notebook["cellOrder"])) == ("of a file", 2)
    with refused("ValidationException.*own storage"):
        mesh.admin.start_notebook_import(
            owningProjectIdentifier=project, name="Theirs", sourceLocation={"s3": "s3://elsewhere/a.ipynb"}, **here
        )


def test_a_run_of_a_notebook_fails_and_says_that_nothing_here_runs_it(mesh: Mesh, project: str) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    made = mesh.admin.create_notebook(
        owningProjectIdentifier=project, name="Run", parameters={"region": "north", "year": "2025"}, **here
    )
    that = {"owningProjectIdentifier": project, "notebookIdentifier": made["id"], **here}
    timeout = {"runTimeoutInMinutes": 60}
    begun = mesh.admin.start_notebook_run(parameters={"year": "2026"}, timeoutConfiguration=timeout, **that)
    assert (begun["status"], begun["timeoutConfiguration"]) == ("QUEUED", timeout)
    run = eventually(
        lambda: mesh.admin.get_notebook_run(identifier=begun["id"], **here), lambda r: r["status"] != "QUEUED"
    )
    assert run["status"] == "FAILED"
    assert "no compute that runs notebooks" in run["error"]["message"]
    assert run["parameters"] == {"region": "north", "year": "2026"}
    assert "startedAt" not in run
    with refused("ConflictException.*FAILED already"):
        mesh.admin.stop_notebook_run(identifier=begun["id"], **here)
    mesh.admin.update_notebook(identifier=made["id"], status="ARCHIVED", **here)
    with refused("ConflictException.*ARCHIVED"):
        mesh.admin.start_notebook_run(**that)


def test_runs_of_notebooks_are_listed_latest_first_by_notebook_and_status(mesh: Mesh, project: str) -> None:
    here = {"domainIdentifier": mesh.domain_id, "owningProjectIdentifier": project}
    stopped = mesh.admin.create_notebook(name="Stopped", **here)["id"]
    run = mesh.admin.start_notebook_run(notebookIdentifier=stopped, **here)["id"]
    that = {"domainIdentifier": mesh.domain_id, "identifier": run}
    assert mesh.admin.stop_notebook_run(**that)["status"] == "STOPPED"
    books = [mesh.admin.create_notebook(name="Listed", **here)["id"] for _ in range(2)]
    runs = [
        mesh.admin.start_notebook_run(notebookIdentifier=book, scheduleIdentifier="nightly", **here)["id"]
        for book in (*books, books[0])
    ]

    def listed(**where: Any) -> list[str]:
        pages = mesh.admin.get_paginator("list_notebook_runs").paginate(
            PaginationConfig={"PageSize": 1}, **where, **here
        )
        return [run["id"] for page in pages for run in page["items"]]

    eventually(lambda: listed(scheduleIdentifier="nightly", status="QUEUED"), lambda found: not found)
    assert listed(scheduleIdentifier="nightly") == runs[::-1]
    assert listed(notebookIdentifier=books[0], status="FAILED", sortOrder="ASCENDING") == [runs[0], runs[2]]
    assert listed(notebookIdentifier=books[1], status="SUCCEEDED") == []
    assert mesh.admin.get_notebook_run(**that)["status"] == "STOPPED"
    with refused("ResourceNotFoundException"):
        mesh.as_person("nosy").get_notebook_run(domainIdentifier=mesh.domain_id, identifier=runs[0])


def test_strangers_learn_nothing_of_a_notebook(mesh: Mesh, project: str) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    notebook = mesh.admin.create_notebook(owningProjectIdentifier=project, name="Private", **here)["id"]
    stranger = mesh.as_person("nosy")
    for ask, code in ((stranger.get_notebook, "ResourceNotFound"), (stranger.delete_notebook, "AccessDenied")):
        with refused(f"{code}Exception"):
            ask(identifier=notebook, **here)
    with refused("AccessDeniedException"):
        stranger.list_notebooks(owningProjectIdentifier=project, **here)


def test_a_role_is_associated_with_an_environment_when_it_exists(mesh: Mesh, project: str) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    tooling = mesh.admin.list_environments(projectIdentifier=project, name="Tooling", **here)["items"][0]["id"]
    role = f"arn:aws:iam::{mesh.plane.account_id}:role/"
    that = {"environmentIdentifier": tooling, **here}
    with refused("ValidationException.*no role"):
        mesh.admin.associate_environment_role(environmentRoleArn=f"{role}Nobody", **that)
    mesh.admin.associate_environment_role(environmentRoleArn=f"{role}Manage", **that)
    mesh.admin.disassociate_environment_role(environmentRoleArn=f"{role}Manage", **that)
    with refused("ResourceNotFoundException"):
        mesh.admin.disassociate_environment_role(environmentRoleArn=f"{role}Manage", **that)
