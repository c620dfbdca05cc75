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


def test_strangers_learn_nothing_of_a_notebook(mesh: Mesh, project: str) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    notebook = mesh.admin.create_notebook(owningProjectIdentifier=project, name="Private", **here)["id"]
    stranger = mesh.as_person("nosy")
    for ask in (stranger.get_notebook, stranger.delete_notebook):
        with refused("ResourceNotFoundException"):
            ask(identifier=notebook, **here)
    with refused("ResourceNotFoundException"):
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
