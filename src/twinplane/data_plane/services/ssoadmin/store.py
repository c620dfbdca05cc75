"""Applications of IAM Identity Center, who is assigned to them, and the token issuers they trust."""

from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.store import Document, Kind, Transaction

# An application's document holds its grants by type, its scopes, its actor policy and its assignment setting.
APPLICATIONS = Kind("sso_application", key=("ApplicationArn",), columns=("Name",), unique=(("client_token",),))
ASSIGNMENTS = Kind("sso_application_assignment", key=("ApplicationArn", "PrincipalType", "PrincipalId"))
ISSUERS = Kind(
    "sso_trusted_token_issuer", key=("TrustedTokenIssuerArn",), unique=(("Name",), ("issuer_url",), ("client_token",))
)
KINDS = [APPLICATIONS, ASSIGNMENTS, ISSUERS]


def find_application(tx: Transaction, application_arn: str) -> Document | None:
    """The application with this ARN (which is also its client id), or None."""
    return tx.find(APPLICATIONS, application_arn)


def find_issuer(tx: Transaction, issuer_arn: str) -> Document | None:
    """The trusted token issuer with this ARN, or None."""
    return tx.find(ISSUERS, issuer_arn)


def may_use(tx: Transaction, application: Document, user_id: str) -> bool:
    """May this person use the application: is it enabled, and is she assigned where that is required?"""
    if application["Status"] != "ENABLED" or identity_store.find_active_user(tx, user_id) is None:
        return False
    if not application["assignment_required"]:
        return True
    arn = application["ApplicationArn"]
    if tx.find(ASSIGNMENTS, arn, "USER", user_id) is not None:
        return True
    return any(tx.find(ASSIGNMENTS, arn, "GROUP", group) is not None for group in identity_store.group_ids(tx, user_id))
