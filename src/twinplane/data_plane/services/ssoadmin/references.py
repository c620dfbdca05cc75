"""What Identity Center's documents name."""

from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.ssoadmin.store import (
    ACCOUNT_ASSIGNMENTS,
    APPLICATIONS,
    ASSIGNMENTS,
    PERMISSION_SETS,
    PROVISIONED,
)

REFERENCES = [
    Reference(ASSIGNMENTS, APPLICATIONS, ("ApplicationArn",)),
    Reference(ACCOUNT_ASSIGNMENTS, PERMISSION_SETS, ("PermissionSetArn",)),
    Reference(ACCOUNT_ASSIGNMENTS, PROVISIONED, ("PermissionSetArn", "AccountId")),
    Reference(PROVISIONED, PERMISSION_SETS, ("PermissionSetArn",)),
]
