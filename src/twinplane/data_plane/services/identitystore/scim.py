"""SCIM 2.0's words for people and groups, as far as Identity Center knows them: reading, showing, filters and patches.

Pure: SCIM's JSON in, documents of the identity store out, and back. Attributes that AWS does not support are ignored
where a directory may send them anyway (a password above all), and refused where ignoring them would lose something.
"""

import re
from typing import Any

from twinplane.data_plane.services.identitystore.rules import (
    ENTERPRISE,
    ENTERPRISE_ATTRIBUTES,
    USER_ATTRIBUTES,
    invalid,
)
from twinplane.data_plane.store import Document

USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE_SCHEMA = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MOST_MEMBERS = 100  # that one request may change

_UNKNOWN_TO_SCIM = ("Photos", "Website", "Birthdate")
_USER_NAMES = {name[:1].lower() + name[1:]: name for name in USER_ATTRIBUTES if name not in _UNKNOWN_TO_SCIM}
# The members of a person's document that a SCIM resource decides on.
USER_MEMBERS = (*_USER_NAMES.values(), "UserStatus", "Extensions", "ExternalIds")
_LISTS = ("emails", "addresses", "phoneNumbers", "roles")
_ENTERPRISE_NAMES = list(ENTERPRISE_ATTRIBUTES)
_PATH = re.compile(
    r"(?:(?P<schema>urn:[A-Za-z0-9:.]+):)?(?P<name>[A-Za-z]+)"
    r"(?:\[(?P<key>[A-Za-z]+) eq (?P<wanted>\"[^\"]*\"|true|false)\])?(?:\.(?P<inner>[A-Za-z$]+))?"
)
_CONDITION = re.compile(r'([A-Za-z.]+)\s+eq\s+"((?:[^"\\]|\\.)*)"', re.IGNORECASE)


# --- people ---


def user_document(resource: dict[str, Any], issuer: str) -> Document:
    """The attributes of a person that a SCIM resource gives. Raises `ServiceError` ValidationException."""
    resource = _folded(resource, [*_USER_NAMES, "active", "externalId", "groups", ENTERPRISE_SCHEMA])
    if resource.get("groups"):
        raise invalid("groups cannot be given with a user: change the groups.")
    document: Document = {"UserStatus": "ENABLED" if _active(resource.get("active", True)) else "DISABLED"}
    for name, member in _USER_NAMES.items():
        value = resource.get(name)
        if value in (None, [], {}, ""):
            continue
        document[member] = _from_scim(name, value, USER_ATTRIBUTES[member])
    for email in document.get("Emails") or ():
        if email.get("Primary") is not True:
            raise invalid("The email must be marked as primary.")
    enterprise = resource.get(ENTERPRISE_SCHEMA)
    if isinstance(enterprise, dict):
        document["Extensions"] = {ENTERPRISE: _enterprise(enterprise)}
    return document | _external(resource, issuer)


def user_resource(user: Document, issuer: str) -> dict[str, Any]:
    """The person as a SCIM resource."""
    shown = {name: _to_scim(user[member]) for name, member in _USER_NAMES.items() if user.get(member) is not None}
    enterprise = (user.get("Extensions") or {}).get(ENTERPRISE)
    resource = {"schemas": [USER_SCHEMA], "id": user["UserId"], **_external_id(user, issuer), **shown}
    resource["active"] = user.get("UserStatus", "ENABLED") == "ENABLED"
    if enterprise:
        resource["schemas"].append(ENTERPRISE_SCHEMA)
        resource[ENTERPRISE_SCHEMA] = enterprise
    return resource


def patched_user(resource: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """The person's resource after PATCH operations. Raises `ServiceError` ValidationException."""
    result = dict(resource)
    for operation in operations:
        verb, path, value = _operation(operation)
        if path is None:
            if not isinstance(value, dict):
                raise invalid("An operation without path needs an object as its value.")
            for name, each in value.items():
                _patch(result, verb, name, each)
        else:
            _patch(result, verb, path, value)
    return result


def _patch(resource: dict[str, Any], verb: str, path: str, value: Any) -> None:
    if path.lower() == ENTERPRISE_SCHEMA.lower():
        old = {} if verb == "remove" else resource.get(ENTERPRISE_SCHEMA) or {}
        resource[ENTERPRISE_SCHEMA] = {} if verb == "remove" else {**old, **_object(path, value)}
        return
    found = _PATH.fullmatch(path)
    if found is None:
        raise invalid(f"{path} is not a path of a user.")
    schema, name, inner = found["schema"], found["name"], found["inner"]
    if schema is not None and schema.lower() == ENTERPRISE_SCHEMA.lower():
        _set(_own(resource, ENTERPRISE_SCHEMA), _name_of(name, _ENTERPRISE_NAMES, path), verb, value, inner)
        return
    if schema is not None and schema.lower() != USER_SCHEMA.lower():
        raise invalid(f"{path} is not a path of a user.")
    name = _name_of(name, [*_USER_NAMES, "active", "externalId"], path)
    if verb == "remove" and name in ("userName", "active"):
        raise invalid(f"{name} cannot be removed.")
    if name in _LISTS:
        _patch_list(resource, verb, name, found, value)
    else:
        _set(resource, name, verb, value, inner)


def _patch_list(resource: dict[str, Any], verb: str, name: str, found: re.Match[str], value: Any) -> None:
    """Changes the one element of a list such as `emails[type eq "work"].value`."""
    elements = resource.get(name) or []
    key, inner = found["key"], found["inner"]
    if key is None and inner is None:
        resource[name] = [] if verb == "remove" else (value if isinstance(value, list) else [value])
        return
    wanted = None if key is None else {"true": True, "false": False}.get(found["wanted"], found["wanted"].strip('"'))
    fits = not elements or key is None or elements[0].get(key) == wanted
    if not fits:
        raise invalid(f"{name} has no element where {key} is {wanted}.")
    old = dict(elements[0]) if elements else ({} if key is None else {key: wanted})
    if inner is None:
        resource[name] = [] if verb == "remove" else [{**old, **_object(name, value)}]
        return
    if verb == "remove":
        old.pop(inner, None)
    else:
        old[inner] = value
        if name == "emails" and not elements:
            old["primary"] = True
    resource[name] = [old] if old else []


def _set(target: dict[str, Any], name: str, verb: str, value: Any, inner: str | None) -> None:
    if inner is not None:
        _set(_own(target, name), inner, verb, value, None)
    elif verb == "remove":
        target.pop(name, None)
    elif isinstance(value, dict) and isinstance(target.get(name), dict):
        target[name] = {**target[name], **value}
    else:
        target[name] = value


def _own(target: dict[str, Any], name: str) -> dict[str, Any]:
    """The object at a name, as one that may be changed."""
    own = dict(target.get(name) or {}) if isinstance(target.get(name) or {}, dict) else {}
    target[name] = own
    return own


# --- groups ---


def group_document(resource: dict[str, Any], issuer: str) -> Document:
    """The attributes of a group that a SCIM resource gives; its members are read by `member_ids`."""
    resource = _folded(resource, ["displayName", "externalId"])
    name = resource.get("displayName")
    return {**({"DisplayName": name} if name is not None else {}), **_external(resource, issuer)}


def group_resource(group: Document, issuer: str) -> dict[str, Any]:
    """The group as a SCIM resource. Its members are not listed, as in AWS: they are asked for one by one."""
    return {
        "schemas": [GROUP_SCHEMA], "id": group["GroupId"], **_external_id(group, issuer),
        "displayName": group["DisplayName"], "members": [],
    }  # fmt: skip


def member_ids(members: Any) -> list[str]:
    """The ids of members such as [{"value": "…"}]. Raises `ServiceError` ValidationException."""
    if not isinstance(members, list) or not all(
        isinstance(m, dict) and isinstance(m.get("value"), str) for m in members
    ):
        raise invalid("members must be a list of objects with a value.")
    if len(members) > MOST_MEMBERS:
        raise invalid(f"At most {MOST_MEMBERS} members can be changed in one request.")
    return [member["value"] for member in members]


def group_changes(operations: list[dict[str, Any]]) -> tuple[dict[str, Any], list[str], list[str]]:
    """What PATCH operations change of a group: its attributes, who joins, who leaves.

    As in AWS, members cannot be replaced or removed all at once. Raises `ServiceError` ValidationException.
    """
    attributes: dict[str, Any] = {}
    joining: list[str] = []
    leaving: list[str] = []
    for operation in operations:
        verb, path, value = _operation(operation)
        changes = _object("value", value) if path is None else {path: value}
        for name, each in changes.items():
            found = _PATH.fullmatch(name)
            if found is None or found["schema"] is not None or found["inner"] is not None:
                raise invalid(f"{name} is not a path of a group.")
            attribute = _name_of(found["name"], ["displayName", "externalId", "members", "id"], name)
            if attribute == "members":
                one = [{"value": found["wanted"].strip('"')}] if found["key"] == "value" else None
                _change_members(verb, one if one is not None else each, joining, leaving)
            elif verb == "remove" and attribute == "displayName":
                raise invalid("displayName cannot be removed.")
            elif attribute != "id":
                attributes[attribute] = None if verb == "remove" else each
    if len(joining) + len(leaving) > MOST_MEMBERS:
        raise invalid(f"At most {MOST_MEMBERS} members can be changed in one request.")
    return attributes, joining, leaving


def _change_members(verb: str, members: Any, joining: list[str], leaving: list[str]) -> None:
    if verb == "replace" or (verb == "remove" and not members):
        raise invalid("Members of a group cannot be replaced or removed all at once.")
    (joining if verb == "add" else leaving).extend(member_ids(members))


# --- filters ---


def conditions(text: str, allowed: tuple[frozenset[str], ...]) -> dict[str, str]:
    """The conditions of a filter: `eq` joined by `and`, in one of the allowed sets of attributes (lower case).

    Raises `ServiceError` ValidationException on any other filter.
    """
    found: dict[str, str] = {}
    for part in re.split(r"\s+and\s+(?=[A-Za-z.]+\s+eq\s)", text.strip(), flags=re.IGNORECASE):
        match = _CONDITION.fullmatch(part.strip())
        if match is None:
            raise invalid('The filter must be <attribute> eq "<value>", joined by and.')
        found[match.group(1).lower()] = re.sub(r"\\(.)", r"\1", match.group(2))
    if frozenset(found) not in allowed:
        raise invalid("The filter asks for attributes that cannot be asked for together.")
    return found


# --- shared ---


def _operation(operation: Any) -> tuple[str, str | None, Any]:
    if not isinstance(operation, dict):
        raise invalid("Operations must be objects.")
    named = {str(key).lower(): value for key, value in operation.items()}
    verb, path = str(named.get("op", "")).lower(), named.get("path")
    if verb not in ("add", "replace", "remove"):
        raise invalid("op must be add, replace or remove.")
    if verb == "remove" and not path:
        raise invalid("remove needs a path.")
    if verb != "remove" and "value" not in named:
        raise invalid(f"{verb} needs a value.")
    if path is not None and not isinstance(path, str):
        raise invalid("path must be a text.")
    return verb, path or None, named.get("value")


def _object(what: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(f"{what} must be an object.")
    return value


def _name_of(given: str, names: list[str], path: str) -> str:
    """The attribute's own spelling: SCIM compares names without case."""
    found = next((name for name in names if name.lower() == given.lower()), None)
    if found is None:
        raise invalid(f"{path} is not an attribute that can be changed.")
    return found


def _folded(resource: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """The resource's members under their own spelling; others are left out."""
    own = {name.lower(): name for name in names}
    return {own[key.lower()]: value for key, value in resource.items() if key.lower() in own}


def _active(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):  # as some directories write it
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise invalid("active must be true or false.")
    return value


def _external(resource: dict[str, Any], issuer: str) -> Document:
    external = resource.get("externalId")
    if external in (None, ""):
        return {}
    if not isinstance(external, str) or len(external) > 256:
        raise invalid("externalId must be a text of at most 256 characters.")
    return {"ExternalIds": [{"Issuer": issuer, "Id": external}]}


def _external_id(document: Document, issuer: str) -> dict[str, str]:
    mine = [each["Id"] for each in document.get("ExternalIds") or () if each["Issuer"] == issuer]
    return {"externalId": mine[0]} if mine else {}


def _enterprise(given: dict[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in _folded(given, _ENTERPRISE_NAMES).items() if value not in (None, "")}
    manager = found.get("manager")
    if isinstance(manager, str):
        found["manager"] = {"value": manager}
    elif isinstance(manager, dict):
        found["manager"] = {key: manager[key] for key in ("value", "$ref") if manager.get(key)}
    return found


def _from_scim(name: str, value: Any, kind: Any) -> Any:
    """A value with AWS's names; members that AWS does not support are left out. Its kind is checked by the store."""
    if isinstance(kind, tuple):
        if not isinstance(value, list):
            raise invalid(f"{name} must be a list.")
        return [_from_scim(name, each, kind[0]) for each in value]
    if isinstance(kind, dict):
        if not isinstance(value, dict):
            raise invalid(f"{name} must be an object.")
        own = {member[:1].lower() + member[1:]: member for member in kind}
        return {own[key]: each for key, each in value.items() if key in own and each not in (None, "")}
    return value


def _to_scim(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _to_scim(each) for key, each in value.items()}
    return [_to_scim(each) for each in value] if isinstance(value, list) else value
