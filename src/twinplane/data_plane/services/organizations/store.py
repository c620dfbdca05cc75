"""The organization: its tree of root, units and accounts, its policies, and what they say about the plane's account."""

import base64
import hashlib
import hmac
import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twinplane.data_plane.services.iam.policy import Policy, compile_policy, joined
from twinplane.data_plane.services.organizations.rules import (
    AWS_MANAGED,
    FULL_ACCESS_OF,
    RESOURCE_CONTROL,
    SERVICE_CONTROL,
)
from twinplane.data_plane.store import Derived, Document, Kind, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Keys

ORGANIZATION = Kind("organizations_organization", key=("Id",))
# The root, the units and the accounts. Units of one parent have different names; no two accounts have one address.
NODES = Kind(
    "organizations_node", key=("Id",), columns=("type",), indexes=(("parent",),),
    unique=(("parent", "unit_name"), ("email_key",)),
)  # fmt: skip
POLICIES = Kind("organizations_policy", key=("Id",), columns=("Type",), unique=(("Type", "Name"),))
ATTACHMENTS = Kind("organizations_attachment", key=("target_id", "policy_id"), indexes=(("policy_id",),))
ACCOUNT_REQUESTS = Kind("organizations_account_request", key=("Id",), columns=("State",))
KINDS = [ORGANIZATION, NODES, POLICIES, ATTACHMENTS, ACCOUNT_REQUESTS]

_CONTROLS = Derived("organizations.controls", (ORGANIZATION, NODES, POLICIES, ATTACHMENTS))
_ALPHABET = string.ascii_lowercase + string.digits


@dataclass(frozen=True, slots=True)
class Controls:
    """What the organization says about the plane's account; one policy for each level from the root to the account."""

    service: tuple[Policy, ...] = ()
    resource: tuple[Policy, ...] = ()
    organization_id: str | None = None
    path: str | None = None  # as in aws:PrincipalOrgPaths


def controls(tx: Transaction) -> Controls:
    """What the organization says about the plane's account; kept until the organization changes."""
    return tx.derived(_CONTROLS, None, lambda: _controls(tx))


def _controls(tx: Transaction) -> Controls:
    organization = find_organization(tx)
    if organization is None:
        return Controls()
    levels = ancestry(tx, organization["member_account_id"])
    enabled = organization["policy_types"]
    return Controls(
        service=_levels(tx, levels, SERVICE_CONTROL) if SERVICE_CONTROL in enabled else (),
        resource=_levels(tx, levels, RESOURCE_CONTROL) if RESOURCE_CONTROL in enabled else (),
        organization_id=organization["Id"],
        path="/".join([organization["Id"], *(node["Id"] for node in levels[:-1]), ""]),
    )


def _levels(tx: Transaction, levels: list[Document], policy_type: str) -> tuple[Policy, ...]:
    kind = "identity" if policy_type == SERVICE_CONTROL else "resource_control"
    found = []
    for node in levels:
        texts = [policy["Content"] for policy in attached_policies(tx, node["Id"], policy_type)]
        found.append(joined(_compiled(text, kind) for text in texts))
    return tuple(found)


def _compiled(text: str, kind: str) -> Policy:
    if kind == "identity":
        return compile_policy(text)
    if text == AWS_MANAGED[FULL_ACCESS_OF[RESOURCE_CONTROL]]["Content"]:  # the one such policy that allows
        return compile_policy(text, "resource")
    return compile_policy(text, "resource_control")


def find_organization(tx: Transaction) -> Document | None:
    """The organization, or None when the plane's account stands alone."""
    return tx.first(ORGANIZATION, {})


def ancestry(tx: Transaction, node_id: str) -> list[Document]:
    """The node and everything above it, the root first; empty when there is no such node."""
    found: list[Document] = []
    node = tx.find(NODES, node_id)
    while node is not None:
        found.append(node)
        node = tx.find(NODES, node["parent"]) if node["parent"] is not None else None
    return found[::-1]


def find_policy(tx: Transaction, policy_id: str) -> Document | None:
    """A policy of the organization or one of AWS's own, or None."""
    return AWS_MANAGED.get(policy_id) or tx.find(POLICIES, policy_id)


def attached_policies(tx: Transaction, target_id: str, policy_type: str | None = None) -> list[Document]:
    """The policies attached to a root, unit or account itself, by id."""
    found = [find_policy(tx, row["policy_id"]) for row in tx.select(ATTACHMENTS, {"target_id": target_id})]
    return [policy for policy in found if policy is not None and policy_type in (None, policy["Type"])]


def add_node(tx: Transaction, organization: Document, node: Document) -> Document:
    """Adds a root, unit or account; full access is attached for every enabled policy type. Raises `AlreadyExists`."""
    tx.add(NODES, node)
    for policy_type in organization["policy_types"]:
        tx.put(ATTACHMENTS, {"target_id": node["Id"], "policy_id": FULL_ACCESS_OF[policy_type]})
    return node


def remove_node(tx: Transaction, node_id: str) -> None:
    """Removes a node and what is attached to it."""
    for row in tx.select(ATTACHMENTS, {"target_id": node_id}):
        tx.remove(ATTACHMENTS, node_id, row["policy_id"])
    tx.remove(NODES, node_id)


def new_id(prefix: str, length: int) -> str:
    """A random id."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))


# --- the management account: another account than the plane's, with nothing in it but the organization ---


def management_account_id(account_id: str) -> str:
    """The account that manages the organization of the plane's account: always the same other one."""
    number = int.from_bytes(hashlib.sha256(f"management of {account_id}".encode()).digest()[:8])
    managing = str(100_000_000_000 + number % 900_000_000_000)
    return managing if managing != account_id else str(int(managing) ^ 1)


def management_key_id(keys: "Keys") -> str:
    """The access key id of the management account's root user, derived so that no lock-out can remove it."""
    mark = hmac.digest(keys.derive("management access key"), b"id", "sha256")
    return "AKIA" + base64.b32encode(mark).decode()[:16]
