"""People and groups are kept alike: a document under an id, with a unique name and attributes that can be changed.

What the API and SCIM do to them is here, once for both.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.services.identitystore import rules, store
from twinplane.data_plane.services.identitystore.rules import invalid
from twinplane.data_plane.store import AlreadyExists, Document, Kind, Transaction

STAMPS = ("CreatedAt", "CreatedBy", "UpdatedAt", "UpdatedBy")


@dataclass(frozen=True, slots=True, eq=False)
class Entity:
    """What people or groups are: `noun` is AWS's word; `unique` are the attributes one can be found by (lower case)."""

    noun: str
    kind: Kind
    name: str
    attributes: dict[str, Any]
    check: Callable[[Document], None]
    arn: Callable[[str], str]
    unique: dict[str, str]

    @property
    def id(self) -> str:
        """The member that holds the id."""
        return self.noun + "Id"


USER = Entity(
    "User", store.USERS, "UserName", rules.USER_ATTRIBUTES, rules.check_user, store.user_arn,
    {"username": "name_key", "emails.value": "email_key"},
)  # fmt: skip
GROUP = Entity(
    "Group", store.GROUPS, "DisplayName", rules.GROUP_ATTRIBUTES, rules.check_group, store.group_arn,
    {"displayname": "name_key"},
)  # fmt: skip


def bare(identifier: str) -> str:
    """The id in an id or an ARN: requests may give either."""
    return identifier.rpartition("/")[2]


def get(tx: Transaction, entity: Entity, identifier: str) -> Document:
    """The document with this id or ARN. Raises `ServiceError` ResourceNotFoundException."""
    document = tx.find(entity.kind, bare(identifier))
    if document is None:
        raise not_found(entity.noun.upper(), bare(identifier))
    return document


def add(tx: Transaction, entity: Entity, document: Document, *, now: float, who: str) -> Document:
    """Creates it and returns its document. Raises `ServiceError` ValidationException, ConflictException."""
    made = {
        **document, entity.id: str(uuid.uuid4()), "Revision": "1",
        "CreatedAt": now, "CreatedBy": who, "UpdatedAt": now, "UpdatedBy": who,
    }  # fmt: skip
    return _put(tx, entity, made)


def replace(tx: Transaction, entity: Entity, document: Document, *, now: float, who: str) -> Document:
    """Keeps the changed document as its next revision. Raises `ServiceError` ValidationException, ConflictException."""
    stamps = {"UpdatedAt": now, "UpdatedBy": who, "Revision": str(int(document["Revision"]) + 1)}
    return _put(tx, entity, document | stamps)


def remove(tx: Transaction, entity: Entity, document: Document) -> None:
    """Removes it and its memberships. What was granted to it stays, and is nobody's: ids are not used again."""
    for membership in tx.select(store.MEMBERSHIPS, {entity.id: document[entity.id]}):
        tx.remove(store.MEMBERSHIPS, membership["MembershipId"])
    tx.remove(entity.kind, document[entity.id])


def join(tx: Transaction, group_id: str, user_id: str, *, now: float, who: str) -> Document:
    """Makes the user a member of the group. Raises `ServiceError` ConflictException when she is one."""
    membership = {
        "MembershipId": str(uuid.uuid4()), "GroupId": group_id, "UserId": user_id,
        "CreatedAt": now, "CreatedBy": who, "UpdatedAt": now, "UpdatedBy": who,
    }  # fmt: skip
    try:
        return tx.add(store.MEMBERSHIPS, membership)
    except AlreadyExists:
        raise conflict("Member and Group relationship already exists.") from None


def find_by(tx: Transaction, entity: Entity, path: str, value: Any) -> Document:
    """The one with this unique attribute. Raises `ServiceError` ValidationException, ResourceNotFoundException.

    An email that several people have names none of them.
    """
    column = entity.unique.get(path.lower())
    if column is None:
        raise invalid(f"AttributePath must be one of {', '.join(entity.unique)}")
    found = tx.select(entity.kind, {column: store.fold(str(value))}, limit=2)
    if len(found) != 1:
        raise not_found(entity.noun.upper(), str(value))
    return found[0]


def find_external(tx: Transaction, entity: Entity, issuer: str, identifier: str) -> Document | None:
    """The one that the issuer of external ids knows by this id, or None."""
    return tx.first(entity.kind, {"external_key": store.fold_external(issuer, identifier)})


def _put(tx: Transaction, entity: Entity, document: Document) -> Document:
    entity.check(document)
    external = (document.get("ExternalIds") or [None])[0]
    document |= {
        "name_key": store.fold(document[entity.name]),
        "external_key": store.fold_external(external["Issuer"], external["Id"]) if external else None,
    }
    if entity is USER:
        emails = document.get("Emails") or [{}]
        document["email_key"] = store.fold(emails[0]["Value"]) if emails[0].get("Value") else None
    try:
        return tx.put(entity.kind, document)
    except AlreadyExists:
        same_name = tx.first(entity.kind, {"name_key": document["name_key"]})
        taken = same_name is not None and same_name[entity.id] != document[entity.id]
        named = entity.name if entity is USER else "GroupDisplayName"
        raise conflict(f"Duplicate {named if taken else 'ExternalId'}") from None


def not_found(kind: str, identifier: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", f"{kind} not found.", ResourceType=kind, ResourceId=identifier)


def conflict(message: str) -> ServiceError:
    return ServiceError("ConflictException", message)
