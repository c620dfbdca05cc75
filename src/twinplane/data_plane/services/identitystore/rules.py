"""What a person or a group may be called, and which attributes can be changed."""

from typing import Any

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.store import Document

USER_MEMBERS = (
    "UserName", "Name", "DisplayName", "NickName", "ProfileUrl", "Emails", "Addresses", "PhoneNumbers", "UserType",
    "Title", "PreferredLanguage", "Locale", "Timezone", "Photos", "Website", "Birthdate", "Roles",
)  # fmt: skip
GROUP_MEMBERS = ("DisplayName", "Description")


def check_user(user: Document) -> None:
    """Raises `ServiceError` ValidationException unless the user has the names AWS asks for, and one email at most."""
    name = user.get("Name") or {}
    if not (user.get("UserName") or "").strip():
        raise invalid("UserName is a required attribute")
    if not user.get("DisplayName") or not name.get("GivenName") or not name.get("FamilyName"):
        raise invalid("DisplayName, Name.GivenName and Name.FamilyName are required attributes")
    if user["UserName"].casefold() in ("administrator", "awsadministrators"):
        raise invalid(f"{user['UserName']} is a reserved name")
    if len(user.get("Emails") or ()) > 1:
        raise invalid("A user can have one email")


def check_group(group: Document) -> None:
    """Raises `ServiceError` ValidationException unless the group has a name."""
    if not (group.get("DisplayName") or "").strip():
        raise invalid("DisplayName is a required attribute")


def changed(document: Document, members: tuple[str, ...], operations: list[dict[str, Any]]) -> Document:
    """The document after AttributeOperations such as {AttributePath: "name.givenName", AttributeValue: "Ada"}.

    An operation without value removes the attribute. Raises `ServiceError` ValidationException.
    """
    names = {member.lower(): member for member in members}
    result = dict(document)
    for operation in operations:
        path = operation["AttributePath"]
        top, _, rest = path.partition(".")
        member = names.get(top.lower())
        if member is None or (rest and member != "Name"):
            raise invalid(f"{path} is not an attribute that can be changed")
        value = _members(operation.get("AttributeValue"))
        if rest:
            value = {**(result.get("Name") or {}), rest[:1].upper() + rest[1:]: value}
        if value is None:
            result.pop(member, None)
        else:
            result[member] = value
    return result


def _members(value: Any) -> Any:
    """Attribute values are JSON with SCIM's camelCase names; documents have AWS's."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: _members(inner) for key, inner in value.items()}
    return [_members(inner) for inner in value] if isinstance(value, list) else value


def invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
