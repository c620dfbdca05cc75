"""What roles and users have in common: policies, tags, boundaries, and how IAM lists things."""

from typing import Any
from urllib.parse import quote

from twinplane.data_plane.call import Call, Request, ServiceError
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.iam import store
from twinplane.data_plane.services.iam.policy import MalformedPolicy, PolicyKind, compile_policy
from twinplane.data_plane.store import Document, Kind, Transaction


def checked_policy(text: str, kind: PolicyKind = "identity") -> str:
    """The policy text, when it is a policy. Raises `ServiceError` MalformedPolicyDocumentException."""
    try:
        compile_policy(text, kind)
    except MalformedPolicy as error:
        raise ServiceError("MalformedPolicyDocumentException", str(error)) from None
    return text


def known_policy_arn(tx: Transaction, arn: str) -> str:
    """The ARN, when a managed policy has it. Raises `ServiceError` NoSuchEntityException."""
    if store.managed_policy(tx, arn) is None:
        raise no_such(f"Policy {arn} does not exist or is not attachable.")
    return arn


def no_such(message: str) -> ServiceError:
    return ServiceError("NoSuchEntityException", message)


def already_exists(what: str, name: str) -> ServiceError:
    return ServiceError("EntityAlreadyExistsException", f"{what} with name {name} already exists.")


def get_policy_text(entity: Document, name: str, owner: str) -> str:
    """The text of an inline policy. Raises `ServiceError` NoSuchEntityException."""
    text: str | None = entity["policies"].get(name)
    if text is None:
        raise no_such(f"The {owner} policy with name {name} cannot be found.")
    return text


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


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


_MOST_TAGS = 50


def changed_tags(tags: dict[str, str], given: list[dict[str, str]] | None) -> dict[str, str]:
    """The tags with the given ones over them; keys that differ only in case are the same key.

    Raises `ServiceError` InvalidInputException on a doubled or reserved key, LimitExceededException.
    """
    new = {tag["Key"]: tag["Value"] for tag in given or ()}
    folded = {key.casefold() for key in new}
    if len(folded) != len(given or ()):
        raise ServiceError(
            "InvalidInputException", "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    if any(key.startswith("aws:") for key in folded):
        raise ServiceError("InvalidInputException", "Tag keys that begin with aws: are reserved.")
    changed = {key: value for key, value in tags.items() if key.casefold() not in folded} | new
    quota(len(changed), _MOST_TAGS, "TagsPerResource")
    return changed


def without_tags(tags: dict[str, str], keys: list[str]) -> dict[str, str]:
    gone = {key.casefold() for key in keys}
    return {key: value for key, value in tags.items() if key.casefold() not in gone}


def quota(wanted: int, most: int, name: str) -> None:
    """Raises `ServiceError` LimitExceededException when there would be more than there may be."""
    if wanted > most:
        raise ServiceError("LimitExceededException", f"Cannot exceed quota for {name}: {most}")


def attached_policies(entity: Document) -> list[Document]:
    return [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in sorted(entity["attached"])]


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
    """The same for a short list at hand, ordered by the member `key`."""
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
