"""People and groups of the identity store."""

from typing import TYPE_CHECKING

from twinplane.data_plane.store import Document, Kind, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

# `name_key` is the name folded for comparison: names that differ only in case are the same name. `external_key` is the
# id that the company's directory gave through SCIM.
USERS = Kind(
    "identitystore_user", key=("UserId",), columns=("email_key",), unique=(("name_key",), ("external_key",)),
    indexes=(("email_key",),),
)  # fmt: skip
GROUPS = Kind("identitystore_group", key=("GroupId",), unique=(("name_key",), ("external_key",)))
MEMBERSHIPS = Kind(
    "identitystore_membership", key=("MembershipId",), unique=(("GroupId", "UserId"),), indexes=(("UserId", "GroupId"),)
)
KINDS = [USERS, GROUPS, MEMBERSHIPS]


def identity_store_id(plane: "Plane") -> str:
    """The id of the plane's one identity store."""
    return "d-" + plane.keys.derive("identity store id").hex()[:10]


def identity_store_arn(plane: "Plane") -> str:
    """The ARN of the plane's one identity store."""
    return f"arn:aws:identitystore::{plane.settings.account_id}:identitystore/{identity_store_id(plane)}"


def instance_arn(plane: "Plane") -> str:
    """The ARN of the plane's one IAM Identity Center instance."""
    return "arn:aws:sso:::instance/ssoins-" + plane.keys.derive("identity center instance").hex()[:16]


def get_user(tx: Transaction, user_id: str) -> Document | None:
    """The user with this id, or None."""
    return tx.find(USERS, user_id)


def find_active_user(tx: Transaction, user_id: str) -> Document | None:
    """The user with this id who may sign in and act; None when there is none, or she was disabled."""
    user = tx.find(USERS, user_id)
    return user if user is not None and is_active(user) else None


def is_active(user: Document) -> bool:
    """May this user sign in and act? The company's directory can disable her without deleting her."""
    return bool(user.get("UserStatus", "ENABLED") == "ENABLED")


def find_user(tx: Transaction, user_name: str) -> Document | None:
    """The user with this sign-in name, or None."""
    return tx.first(USERS, {"name_key": fold(user_name)})


def group_ids(tx: Transaction, user_id: str) -> tuple[str, ...]:
    """Ids of the groups the user is in, sorted."""
    return tuple(row["GroupId"] for row in tx.select(MEMBERSHIPS, {"UserId": user_id}, order=("GroupId",)))


def get_group(tx: Transaction, group_id: str) -> Document | None:
    """The group with this id, or None."""
    return tx.find(GROUPS, group_id)


def find_group(tx: Transaction, display_name: str) -> Document | None:
    """The group with this display name, or None."""
    return tx.first(GROUPS, {"name_key": fold(display_name)})


def fold_external(issuer: str, identifier: str) -> str:
    """An external id as it is compared: exactly, and apart by issuer."""
    return f"{issuer}\n{identifier}"


def scim_issuer(plane: "Plane") -> str:
    """Who issues the external ids that come through the plane's SCIM endpoint."""
    return f"https://scim.aws.com/{identity_store_id(plane)}"


def fold(name: str) -> str:
    """A name as it is compared."""
    return name.strip().casefold()


def user_arn(user_id: str) -> str:
    """How Lake Formation and DataZone name a person as a principal."""
    return f"arn:aws:identitystore:::user/{user_id}"


def group_arn(group_id: str) -> str:
    """How Lake Formation and DataZone name a group as a principal."""
    return f"arn:aws:identitystore:::group/{group_id}"
