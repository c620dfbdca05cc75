"""Plan and apply: what would change, and changing it. Both are one and the same pass."""

from collections.abc import Callable

import boto3
from botocore.exceptions import ClientError

from twinplane.foundation import data, domain, identity, lake, projects, roles
from twinplane.foundation.changes import Change
from twinplane.foundation.run import Aws, NotAsExpected, Report, Run
from twinplane.mesh.model import Mesh

_STEPS: tuple[Callable[[Run], None], ...] = (
    roles.settle_roles,
    identity.settle_instance,
    identity.settle_people,
    identity.settle_trust,
    lake.settle_buckets,
    lake.settle_lake_formation,
    lake.settle_work_group,
    domain.settle_domain,
    domain.settle_blueprints,
    domain.settle_profiles_of_people,
    domain.settle_domain_units,
    domain.settle_project_profiles,
    domain.settle_policy_grants,
    projects.settle_projects,
    projects.settle_classification,
    data.settle_data,
)


def plan(
    mesh: Mesh,
    session: boto3.Session,
    *,
    issuer_url: str | None = None,
    endpoint_url: str | None = None,
    report: Report | None = None,
) -> list[Change]:
    """What `apply` would do, without doing it. `report` hears of each object as it is looked at."""
    return _pass(mesh, session, issuer_url, endpoint_url, report, applying=False)


def apply(
    mesh: Mesh,
    session: boto3.Session,
    *,
    issuer_url: str | None = None,
    endpoint_url: str | None = None,
    report: Report | None = None,
) -> list[Change]:
    """Creates what is missing and updates what differs; what a stack owns, or cannot be changed, is only reported.

    Nothing is deleted. Repeating it is safe, also after it was interrupted: each object is looked up first.
    `issuer_url` is used when the mesh names no issuer of its own. Raises `NotAsExpected` and botocore's errors.
    """
    return _pass(mesh, session, issuer_url, endpoint_url, report, applying=True)


def _pass(
    mesh: Mesh,
    session: boto3.Session,
    issuer_url: str | None,
    endpoint_url: str | None,
    report: Report | None,
    applying: bool,
) -> list[Change]:
    run = Run(mesh, Aws(session, mesh.region, endpoint_url), applying, issuer_url, report or (lambda _: None))
    caller = run.aws["sts"].get_caller_identity()
    if caller["Account"] != mesh.account_id:
        raise NotAsExpected(
            f"these credentials are of account {caller['Account']}, but the mesh's data plane is {mesh.account_id}"
        )
    run.ids["caller", ""] = _entity(caller["Arn"])
    for step in _STEPS:
        try:
            step(run)
        except ClientError as error:
            raise NotAsExpected(f"while looking after {_words(step)}: {error}") from error
    return run.changes


def _entity(arn: str) -> str:
    """The user's or role's ARN behind a session's."""
    if ":assumed-role/" not in arn:
        return arn
    prefix, _, rest = arn.partition(":assumed-role/")
    return f"{prefix.replace(':sts:', ':iam:')}:role/{rest.split('/')[0]}"


def _words(step: Callable[[Run], None]) -> str:
    return step.__name__.removeprefix("settle_").replace("_", " ")
