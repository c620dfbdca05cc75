"""What a person or a group may be called, and which attributes can be changed."""

from typing import Any

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.store import Document

_MAX_TEXT = 1024
_RESERVED_NAMES = ("administrator", "awsadministrators")
ENTERPRISE = "aws:identitystore:enterprise"

# An attribute is a text, a bool, a structure of attributes (dict), or a list (its element, the most of them).
_TEXT, _BOOL = "text", "bool"
_VALUE = {"Value": _TEXT, "Type": _TEXT, "Primary": _BOOL}
USER_ATTRIBUTES: dict[str, Any] = {
    "UserName": _TEXT,
    "Name": dict.fromkeys(
        ("Formatted", "FamilyName", "GivenName", "MiddleName", "HonorificPrefix", "HonorificSuffix"), _TEXT
    ),
    "DisplayName": _TEXT, "NickName": _TEXT, "ProfileUrl": _TEXT,
    "Emails": (_VALUE, 1),
    "Addresses": (
        dict.fromkeys(("StreetAddress", "Locality", "Region", "PostalCode", "Country", "Formatted", "Type"), _TEXT)
        | {"Primary": _BOOL},
        1,
    ),
    "PhoneNumbers": (_VALUE, 1),
    "UserType": _TEXT, "Title": _TEXT, "PreferredLanguage": _TEXT, "Locale": _TEXT, "Timezone": _TEXT,
    "Photos": ({"Value": _TEXT, "Type": _TEXT, "Display": _TEXT, "Primary": _BOOL}, 3),
    "Website": _TEXT, "Birthdate": _TEXT,
    "Roles": (_VALUE, 1),
}  # fmt: skip
GROUP_ATTRIBUTES: dict[str, Any] = {"DisplayName": _TEXT, "Description": _TEXT}
# What the enterprise extension of a person may hold; its names are SCIM's.
ENTERPRISE_ATTRIBUTES: dict[str, Any] = {
    "employeeNumber": _TEXT, "costCenter": _TEXT, "organization": _TEXT, "division": _TEXT, "department": _TEXT,
    "manager": {"value": _TEXT, "$ref": _TEXT, "displayName": _TEXT},
}  # fmt: skip


def check_user(user: Document) -> None:
    """Raises `ServiceError` ValidationException unless the user has the names AWS asks for, and attributes as it has.

    Attributes that come as free documents (UpdateUser, SCIM) are checked here; no model does it.
    """
    check_attributes(user, USER_ATTRIBUTES)
    extensions = user.get("Extensions") or {}
    for name, extension in extensions.items():
        if name != ENTERPRISE or not isinstance(extension, dict):
            raise invalid(f"{name} is not an extension of this identity store")
        unknown = extension.keys() - ENTERPRISE_ATTRIBUTES.keys()
        if unknown:
            raise invalid(f"{name} has no attribute {sorted(unknown)[0]}")
        check_attributes(extension, ENTERPRISE_ATTRIBUTES)
    name = user.get("Name") or {}
    if not (user.get("UserName") or "").strip():
        raise invalid("UserName is a required attribute")
    if len(user["UserName"]) > 128:
        raise invalid("UserName has at most 128 characters")
    if not user.get("DisplayName") or not name.get("GivenName") or not name.get("FamilyName"):
        raise invalid("DisplayName, Name.GivenName and Name.FamilyName are required attributes")
    if user["UserName"].strip().casefold() in _RESERVED_NAMES:
        raise invalid(f"{user['UserName']} is a reserved name")


def check_group(group: Document) -> None:
    """Raises `ServiceError` ValidationException unless the group has a name."""
    check_attributes(group, GROUP_ATTRIBUTES)
    if not (group.get("DisplayName") or "").strip():
        raise invalid("DisplayName is a required attribute")
    if group["DisplayName"].strip().casefold() in _RESERVED_NAMES:
        raise invalid(f"{group['DisplayName']} is a reserved name")


def check_attributes(values: dict[str, Any], attributes: dict[str, Any]) -> None:
    """Raises `ServiceError` ValidationException when an attribute that is there is not of its kind."""
    for name, kind in attributes.items():
        if values.get(name) is not None:
            _check(name, values[name], kind)


def _check(path: str, value: Any, kind: Any) -> None:
    if kind == _TEXT:
        if not isinstance(value, str) or not 1 <= len(value) <= _MAX_TEXT:
            raise invalid(f"{path} must be a text of 1 to {_MAX_TEXT} characters")
    elif kind == _BOOL:
        if not isinstance(value, bool):
            raise invalid(f"{path} must be true or false")
    elif isinstance(kind, dict):
        if not isinstance(value, dict) or value.keys() - kind.keys():
            raise invalid(f"{path} may have the attributes {', '.join(kind)}")
        for name, each in value.items():
            if each is not None:
                _check(f"{path}.{name}", each, kind[name])
    else:
        element, most = kind
        if not isinstance(value, list) or len(value) > most:
            raise invalid(f"{path} must be a list of at most {most}")
        for each in value:
            _check(path, each, element)


def changed(document: Document, attributes: dict[str, Any], operations: list[dict[str, Any]]) -> Document:
    """The document after AttributeOperations such as {AttributePath: "name.givenName", AttributeValue: "Ada"}.

    An operation without value removes the attribute. Raises `ServiceError` ValidationException.
    """
    names = {member.lower(): member for member in attributes}
    result = dict(document)
    for operation in operations:
        path, value = operation["AttributePath"], operation.get("AttributeValue")
        if path.startswith(ENTERPRISE) and "UserName" in attributes:
            result["Extensions"] = _extended(result.get("Extensions") or {}, path, value)
            continue
        top, _, rest = path.partition(".")
        member = names.get(top.lower())
        if member is None:
            raise invalid(f"{path} is not an attribute that can be changed")
        value = _members(value)
        if rest:
            value = _inner(result.get(member) or {}, attributes[member], path, rest, value)
        if value is None or value == []:
            result.pop(member, None)
        else:
            result[member] = value
    return result


def _inner(old: Any, kind: Any, path: str, rest: str, value: Any) -> Any:
    names = {name.lower(): name for name in kind} if isinstance(kind, dict) else {}
    if rest.lower() not in names:
        raise invalid(f"{path} is not an attribute that can be changed")
    return {**old, names[rest.lower()]: value}


def _extended(extensions: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    _, _, name = path.removeprefix(ENTERPRISE).partition(".")
    if not name:
        return {ENTERPRISE: value} if value is not None else {}
    enterprise = {**extensions.get(ENTERPRISE, {}), name: value}
    return {ENTERPRISE: {key: each for key, each in enterprise.items() if each is not None}}


def _members(value: Any) -> Any:
    """Attribute values are JSON with SCIM's camelCase names; documents have AWS's."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: _members(inner) for key, inner in value.items()}
    return [_members(inner) for inner in value] if isinstance(value, list) else value


def invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
