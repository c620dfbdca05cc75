"""What a connection with `glueProperties` is in AWS Glue: a connection of the name it gives, tagged with its project.

A project's role reads no connections but those that have its project's tag. Glue's connection goes with DataZone's,
unless it has been made anew by somebody else meanwhile.
"""

import re
from typing import TYPE_CHECKING, Any

import msgspec

from twinplane.data_plane.call import Call
from twinplane.data_plane.services.datazone import rules
from twinplane.data_plane.services.glue import connections as glue_connections
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.iam import store as iam
from twinplane.data_plane.store import Document, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

PROJECT_TAG, _OWN_TAG = "AmazonDataZoneProject", "AmazonDataZoneConnection"
_ROLE_OF_PROJECT = re.compile(r"datazone_usr_role_([a-z0-9]+)_[a-z0-9]+")
_MAPS = ("ConnectionProperties", "SparkProperties", "AthenaProperties", "PythonProperties", "TokenUrlParametersMap")


def closed(account_id: str, project_id: str) -> dict[str, Any]:
    """The statement of a project's role that leaves it no connections but those of its project."""
    return {
        "Effect": "Deny",
        "Action": ["glue:GetConnection", "glue:GetConnections"],
        "Resource": f"arn:aws:glue:*:{account_id}:connection/*",
        "Condition": {"StringNotEquals": {f"aws:ResourceTag/{PROJECT_TAG}": project_id}},
    }


def close(tx: Transaction) -> None:
    """Upgrade: gives the statement to the roles of projects that were made before there was one."""
    if not tx.run("SELECT 1 FROM sqlite_schema WHERE name = ?", (iam.ROLES.name,)):
        return
    for role in tx.select(iam.ROLES):
        project = _ROLE_OF_PROJECT.fullmatch(role["RoleName"])
        if project is None or "project" not in role["policies"]:
            continue
        policy = msgspec.json.decode(role["policies"]["project"])
        policy["Statement"].append(closed(role["Arn"].split(":")[4], project[1]))
        tx.put(iam.ROLES, role | {"policies": role["policies"] | {"project": iam.text_of(policy)}})


def make(call: Call, connection: Document) -> None:
    """Makes Glue's connection for a new one of DataZone. Raises ConflictException when Glue has one of its name."""
    given = _input(connection)
    if given is None:
        return
    if call.tx.find(glue.CONNECTIONS, given["Name"]) is not None:
        raise rules.conflict(f"AWS Glue has a connection named {given['Name']}.")
    tags = {_OWN_TAG: connection["connectionId"], PROJECT_TAG: connection["projectId"]}
    glue_connections.add(call, given, {key: value for key, value in tags.items() if value})


def change(call: Call, connection: Document) -> None:
    """Has Glue's connection say what DataZone's says now."""
    given = _input(connection)
    if given is not None and _is_own(call.tx, call.plane, connection, given["Name"]):
        glue_connections.put(call, given)


def forget(tx: Transaction, plane: "Plane", connection: Document) -> None:
    """Removes Glue's connection of one of DataZone that goes."""
    given = _input(connection)
    if given is not None and _is_own(tx, plane, connection, given["Name"]):
        tx.remove(glue.CONNECTIONS, given["Name"])
        tx.remove(glue.TAGS, _arn(plane, given["Name"]))


def _arn(plane: "Plane", name: str) -> str:
    return f"arn:aws:glue:{plane.settings.region}:{plane.settings.account_id}:connection/{name}"


def _is_own(tx: Transaction, plane: "Plane", connection: Document, name: str) -> bool:
    tags = tx.find(glue.TAGS, _arn(plane, name))
    is_there = tx.find(glue.CONNECTIONS, name) is not None
    return is_there and tags is not None and tags["tags"].get(_OWN_TAG) == connection["connectionId"]


def _input(connection: Document) -> dict[str, Any] | None:
    """Glue's ConnectionInput; None for connections of other kinds."""
    given = (
        (connection.get("given") or {}).get("glueConnectionInput") if "glueProperties" in connection["props"] else None
    )
    if given is None:
        return None
    made: dict[str, Any] = _as_glue_names(given)
    if made.get("MatchCriteria") is not None:
        made["MatchCriteria"] = [made["MatchCriteria"]]
    return made


def _as_glue_names(given: dict[str, Any]) -> dict[str, Any]:
    """A structure with Glue's names of its members, which begin with a capital."""
    made: dict[str, Any] = {}
    for member, value in given.items():
        name = member[0].upper() + member[1:]
        made[name] = _as_glue_names(value) if isinstance(value, dict) and name not in _MAPS else value
    requirements = made.get("PhysicalConnectionRequirements")
    if requirements is not None:
        made["PhysicalConnectionRequirements"] = {k: v for k, v in requirements.items() if k != "SubnetIdList"}
    return made
