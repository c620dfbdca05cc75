"""What the SCIM endpoint says of itself: its abilities, its kinds of resources and their attributes."""

from typing import Any

from twinplane.data_plane.services.identitystore.scim import ENTERPRISE_SCHEMA, GROUP_SCHEMA, USER_SCHEMA

_SCHEMA = ["urn:ietf:params:scim:schemas:core:2.0:Schema"]
_RESOURCE_TYPE = ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"]

SERVICE_PROVIDER: dict[str, Any] = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    "authenticationSchemes": [
        {
            "type": "oauthbearertoken", "name": "OAuth Bearer Token", "primary": True,
            "description": "The token of the file scim-token in the data plane's state folder",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
        }
    ],
    "patch": {"supported": True},
    "bulk": {"supported": False, "maxOperations": 1, "maxPayloadSize": 1_048_576},
    "filter": {"supported": True, "maxResults": 50},
    "changePassword": {"supported": False},
    "sort": {"supported": False},
    "etag": {"supported": False},
}  # fmt: skip

RESOURCE_TYPES: list[dict[str, Any]] = [
    {
        "schemas": _RESOURCE_TYPE, "id": "User", "name": "User", "endpoint": "/Users", "schema": USER_SCHEMA,
        "schemaExtensions": [{"schema": ENTERPRISE_SCHEMA, "required": False}],
    },
    {"schemas": _RESOURCE_TYPE, "id": "Group", "name": "Group", "endpoint": "/Groups", "schema": GROUP_SCHEMA},
]  # fmt: skip


def _attribute(name: str, kind: str = "string", *, required: bool = False, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "type": kind, "multiValued": False, "required": required, "caseExact": False,
        "mutability": "readWrite", "returned": "default", "uniqueness": "none", **more,
    }  # fmt: skip


def _complex(name: str, *members: dict[str, Any], many: bool = False, required: bool = False) -> dict[str, Any]:
    return _attribute(name, "complex", required=required, multiValued=many, subAttributes=list(members))


def _texts(*names: str) -> list[dict[str, Any]]:
    return [_attribute(name) for name in names]


_PRIMARY = _attribute("primary", "boolean")
_VALUED = (*_texts("value", "type"), _PRIMARY)
_USER = [
    _attribute("userName", required=True, uniqueness="server"),
    _complex(
        "name", *_texts("formatted", "middleName", "honorificPrefix", "honorificSuffix"),
        _attribute("familyName", required=True), _attribute("givenName", required=True), required=True,
    ),
    _attribute("displayName", required=True),
    *_texts("nickName", "profileUrl", "title", "userType", "preferredLanguage", "locale", "timezone"),
    _attribute("active", "boolean"),
    _complex("emails", *_VALUED, many=True),
    _complex(
        "addresses",
        *_texts("formatted", "streetAddress", "locality", "region", "postalCode", "country", "type"),
        _PRIMARY, many=True,
    ),
    _complex("phoneNumbers", *_VALUED, many=True),
    _complex("roles", *_VALUED, many=True),
]  # fmt: skip
_ENTERPRISE = [
    *_texts("employeeNumber", "costCenter", "organization", "division", "department"),
    _complex("manager", *_texts("value", "$ref")),
]
_GROUP = [
    _attribute("displayName", required=True, uniqueness="server"),
    _complex("members", _attribute("value", mutability="immutable"), many=True),
]

SCHEMAS: list[dict[str, Any]] = [
    {"schemas": _SCHEMA, "id": schema, "name": name, "attributes": attributes}
    for schema, name, attributes in (
        (USER_SCHEMA, "User", _USER), (ENTERPRISE_SCHEMA, "EnterpriseUser", _ENTERPRISE),
        (GROUP_SCHEMA, "Group", _GROUP),
    )
]  # fmt: skip
