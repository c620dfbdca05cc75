"""What S3 Access Grants keeps: the account's one instance, the locations it may give access to, the grants."""

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.store import Document, Kind, Transaction

INSTANCES = Kind("s3_access_grants_instance", key=("AccessGrantsInstanceId",))
LOCATIONS = Kind("s3_access_grants_location", key=("AccessGrantsLocationId",), unique=(("LocationScope",),))
GRANTS = Kind(
    "s3_access_grant", key=("AccessGrantId",), columns=("GrantScope", "Permission"),
    indexes=(("grantee_type", "grantee_id"), ("AccessGrantsLocationId",)),
    unique=(("grantee_type", "grantee_id", "GrantScope", "Permission"),),
)  # fmt: skip
KINDS = [INSTANCES, LOCATIONS, GRANTS]

INSTANCE_ID = "default"  # an account has one in each region


def get_instance(tx: Transaction) -> Document:
    """The account's instance. Raises `AccessGrantsInstanceNotExistsError`."""
    instance = tx.find(INSTANCES, INSTANCE_ID)
    if instance is None:
        raise ServiceError("AccessGrantsInstanceNotExistsError", "Access Grants Instance does not exist.", 404)
    return instance


def get_location(tx: Transaction, location_id: str) -> Document:
    """A registered location. Raises `NoSuchAccessGrantsLocationError`."""
    location = tx.find(LOCATIONS, location_id)
    if location is None:
        raise ServiceError(
            "NoSuchAccessGrantsLocationError", "The specified access grants location does not exist.", 404
        )
    return location


def get_grant(tx: Transaction, grant_id: str) -> Document:
    """A grant. Raises `NoSuchAccessGrantError`."""
    grant = tx.find(GRANTS, grant_id)
    if grant is None:
        raise ServiceError("NoSuchAccessGrantError", "The specified access grant does not exist.", 404)
    return grant
