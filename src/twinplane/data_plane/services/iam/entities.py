"""What IAM's entities have in common: how permissions name them, how they are shown, tagged, listed and limited."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from twinplane.data_plane.call import Access, Call, Request, ServiceError
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.iam import store
from twinplane.data_plane.services.iam.policy import MalformedPolicy, PolicyKind, Values, compile_policy
from twinplane.data_plane.services.iam.rules import iam, require
from twinplane.data_plane.store import AlreadyExists, Document, Kind, Transaction

_MOST_TAGS = 50
_REQUEST_KEYS = ("aws:requesttag/", "aws:tagkeys", "aws:resourcetag/", "iam:")


@dataclass(frozen=True)
class Entity:
    """A kind of entity: a word of AWS's for it, the request's member that names one, and where it is kept."""

    word: str
    member: str
    kind: Kind
    name_of: Callable[[Call, Request], str]
    arn_type: str = ""

    def find(self, call: Call, request: Request) -> Document | None:
        return call.tx.find(self.kind, self.name_of(call, request))

    def get(self, call: Call, request: Request) -> Document:
        """The entity that a request names. Raises `ServiceError` NoSuchEntityException."""
        entity = self.find(call, request)
        if entity is None:
            raise no_such(f"The {self.word.lower()} with name {self.name_of(call, request)} cannot be found.")
        self.note(call, entity)
        return entity

    def note(self, call: Call, entity: Document) -> None:
        """Names the entity in the record of the call."""
        call.resources.append({"ARN": entity["Arn"], "type": f"AWS::IAM::{self.word}"})

    def add(self, call: Call, entity: Document) -> Document:
        """Raises `ServiceError` EntityAlreadyExistsException, also on a name that differs only in case."""
        check_path(entity["Path"])
        try:
            call.tx.add(self.kind, entity)
        except AlreadyExists:
            raise already_exists(self.word, entity[self.member]) from None
        self.note(call, entity)
        return entity

    def put(self, call: Call, entity: Document) -> dict[str, Any]:
        check_modifiable(entity)
        call.tx.put(self.kind, entity)
        return {}

    def may_rename(self, operation: str) -> Access:
        """`may`, on what the entity is called and on what it will be called: else it could take another's place."""
        now = self.may(operation)

        def access(call: Call, request: Request) -> None:
            now(call, request)
            entity = self.find(call, request)
            if entity is not None:
                name = request.get(f"New{self.member}") or entity[self.member]
                path = request.get("NewPath") or entity["Path"]
                arn = f"arn:aws:iam::{call.account_id}:{self.word.lower()}{path}{name}"
                require(call, f"iam:{operation}", arn, request_values(request, entity), known=_REQUEST_KEYS)

        return access

    def may(self, operation: str) -> Access:
        """Access by IAM policy to an operation on the entity that a request names.

        A refusal says its name and not its ARN: the path in it may be news to the caller.
        """

        def resource(call: Call, request: Request) -> str:
            entity = self.find(call, request)
            if entity is not None:
                return str(entity["Arn"])
            path, name = request.get("Path") or "/", self.name_of(call, request)
            return f"arn:aws:iam::{call.account_id}:{self.arn_type or self.word.lower()}{path}{name}"

        def values(call: Call, request: Request) -> Values:
            return request_values(request, self.find(call, request))

        return iam(
            f"iam:{operation}", resource, values, known=_REQUEST_KEYS,
            shown=lambda call, request: f"{self.word.lower()} {self.name_of(call, request)}",
        )  # fmt: skip


def request_values(request: Request, entity: Document | None) -> Values:
    """The condition keys of a request about an entity: tags, boundary, and the policy to attach."""
    values: dict[str, str | tuple[str, ...]] = {}
    tags = request.get("Tags") or []
    for tag in tags:
        values[f"aws:RequestTag/{tag['Key']}"] = tag["Value"]
    keys = [tag["Key"] for tag in tags] + list(request.get("TagKeys") or [])
    if keys:
        values["aws:TagKeys"] = tuple(keys)
    for key, value in (entity or {}).get("tags", {}).items():
        values[f"aws:ResourceTag/{key}"] = values[f"iam:ResourceTag/{key}"] = value
    if request.get("PolicyArn"):
        values["iam:PolicyARN"] = request["PolicyArn"]
    boundary = request.get("PermissionsBoundary") or (entity or {}).get("boundary_arn")
    if boundary:
        values["iam:PermissionsBoundary"] = boundary
    return values


def _named_by(member: str) -> Callable[[Call, Request], str]:
    return lambda _call, request: str(request[member])


def _user_name(call: Call, request: Request) -> str:
    """The user a request is about: the one it names, else the caller."""
    if request.get("UserName"):
        return str(request["UserName"])
    if call.principal.kind == "IAMUser":
        return call.principal.arn.rpartition("/")[2]
    raise ServiceError("ValidationError", "Must specify userName when calling with non-User credentials", 400)


ROLE = Entity("Role", "RoleName", store.ROLES, _named_by("RoleName"))
USER = Entity("User", "UserName", store.USERS, _user_name)
GROUP = Entity("Group", "GroupName", store.GROUPS, _named_by("GroupName"))


# --- policies and tags ---


def checked_policy(text: str, kind: PolicyKind = "identity") -> str:
    """The policy text, when it is a policy. Raises `ServiceError` MalformedPolicyDocumentException."""
    try:
        compile_policy(text, kind)
    except MalformedPolicy as error:
        raise ServiceError("MalformedPolicyDocumentException", str(error)) from None
    return text


def characters_of(text: str) -> int:
    """The size of a policy as AWS counts it: white space does not count."""
    return len("".join(text.split()))


def known_policy_arn(tx: Transaction, arn: str) -> str:
    """The ARN, when a managed policy has it. Raises `ServiceError` NoSuchEntityException."""
    if store.managed_policy(tx, arn) is None:
        raise no_such(f"Policy {arn} does not exist or is not attachable.")
    return arn


def on_the_wire(policy_text: str) -> str:
    """IAM answers policy documents URL-encoded (RFC 3986)."""
    return quote(policy_text, safe="")


def boundary_and_tags(entity: Document) -> dict[str, Any]:
    """The members PermissionsBoundary and Tags of a role or user."""
    members: dict[str, Any] = {"Tags": tag_list(entity["tags"])}
    if entity["boundary_arn"] is not None:
        members["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": entity["boundary_arn"],
        }  # fmt: skip
    return members


def attached_policies(entity: Document) -> list[Document]:
    """The managed policies of an entity, as AWS lists them."""
    return [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in sorted(entity["attached"])]


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def changed_tags(tags: dict[str, str], given: list[dict[str, str]] | None) -> dict[str, str]:
    """The tags with the given ones over them; keys that differ only in case are the same key.

    Raises `ServiceError` InvalidInputException on a doubled or reserved key, LimitExceededException.
    """
    new = {tag["Key"]: tag["Value"] for tag in given or ()}
    folded = {key.casefold() for key in new}
    if len(folded) != len(given or ()):
        raise ServiceError("InvalidInputException", "A tag key is there twice (keys do not differ by case).")
    if any(key.startswith("aws:") for key in folded):
        raise ServiceError("InvalidInputException", "Tag keys that begin with aws: are reserved.")
    changed = {key: value for key, value in tags.items() if key.casefold() not in folded} | new
    quota(len(changed), _MOST_TAGS, "TagsPerResource")
    return changed


def without_tags(tags: dict[str, str], keys: list[str]) -> dict[str, str]:
    gone = {key.casefold() for key in keys}
    return {key: value for key, value in tags.items() if key.casefold() not in gone}


# --- refusals ---


def check_modifiable(entity: Document) -> None:
    """Raises `ServiceError` UnmodifiableEntityException for what AWS keeps itself, such as a permission set's role."""
    if entity["Path"].startswith("/aws-reserved/"):
        name = entity.get("RoleName") or entity.get("UserName")
        raise ServiceError(
            "UnmodifiableEntityException",
            f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS",
        )


def check_path(path: str) -> None:
    """Raises `ServiceError` InvalidInputException on the paths of AWS's own: what is there escapes other policies."""
    if path.startswith(("/aws-service-role/", "/aws-reserved/")):
        raise ServiceError("InvalidInputException", f"The path {path} is reserved for entities that AWS manages.")


def no_such(message: str) -> ServiceError:
    return ServiceError("NoSuchEntityException", message)


def already_exists(what: str, name: str) -> ServiceError:
    return ServiceError("EntityAlreadyExistsException", f"{what} with name {name} already exists.")


def conflict(message: str) -> ServiceError:
    return ServiceError("DeleteConflictException", f"Cannot delete entity, must {message} first.")


def quota(wanted: int, most: int, name: str) -> None:
    """Raises `ServiceError` LimitExceededException when there would be more than there may be."""
    if wanted > most:
        raise ServiceError("LimitExceededException", f"Cannot exceed quota for {name}: {most}")


# --- listings ---


def page_of_kind(call: Call, request: Request, kind: Kind) -> tuple[list[Document], dict[str, Any]]:
    """One page of the documents below the request's PathPrefix, and the members that say whether more follow."""
    prefix = request.get("PathPrefix") or "/"

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        found = call.tx.select(kind, after=after)
        return [document for document in found if document["Path"].startswith(prefix)][:limit]

    return _paged(call, request, fetch, kind.key[0])


def page_of_list(
    call: Call, request: Request, documents: list[Document], key: str
) -> tuple[list[Document], dict[str, Any]]:
    """The same for a list at hand, ordered by the member `key`."""
    ordered = sorted(documents, key=lambda document: str(document[key]))

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return [d for d in ordered if after is None or d[key] > after[0]][:limit]

    return _paged(call, request, fetch, key)


def _paged(call: Call, request: Request, fetch: Any, key: str) -> tuple[list[Document], dict[str, Any]]:
    documents, marker = page(
        call, request, fetch, lambda document: [document[key]],
        size="MaxItems", token="Marker", default=100, error="InvalidInputException",  # noqa: S106
    )  # fmt: skip
    return documents, {"IsTruncated": marker is not None, **({"Marker": marker} if marker else {})}
