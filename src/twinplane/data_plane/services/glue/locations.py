"""What a caller may read as part of a table: decided for a place, not for what metadata says of it."""

from twinplane.data_plane.call import Call, ServiceError
from twinplane.data_plane.services.glue import store
from twinplane.data_plane.services.glue.iceberg import MayRead
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.services.s3.permissions import check, may
from twinplane.data_plane.store import Document
from twinplane.engines.sql.plan import QueryError


def place_of(location: str) -> tuple[str, str]:
    """The bucket of a location, and the prefix of what lies in it. Raises `QueryError` for one not in S3."""
    scheme, _, rest = location.rstrip("/").partition("://")
    if scheme.lower() not in ("s3", "s3a", "s3n"):
        raise QueryError("NOT_SUPPORTED", "The table's location is not in Amazon S3")
    bucket, _, key = f"{rest}/".partition("/")
    return bucket, key


def check_readable(call: Call, location: str, *, by_iam: bool) -> None:
    """Raises `QueryError` unless the caller, who may read a table, may read it there.

    Lake Formation reads what it was given care of; everything else only as the caller's own IAM policies allow.
    """
    bucket, prefix = place_of(location)
    if by_iam or lakeformation.registered_location(call.tx, f"arn:aws:s3:::{bucket}/{prefix}") is None:
        try:
            check(call, "s3:GetObject", {}, bucket, f"{prefix}*")
        except ServiceError:
            raise QueryError(
                "PERMISSION_DENIED",
                "The table's location is not registered with Lake Formation, and IAM does not allow reading it",
            ) from None


def reader_of(call: Call, table: Document, *, by_iam: bool) -> MayRead:
    """What the caller, who may read a table, reads through it: what lies in the table's own location, which was asked
    for when the table was made; anything else only as her own IAM policies allow. Raises `QueryError`.
    """
    own: tuple[str, str] | None = None
    location = store.table_location(table)
    if location:
        check_readable(call, location, by_iam=by_iam)
        own = place_of(location)

    def may_read(bucket: str, key: str) -> bool:
        if own is not None and bucket == own[0] and key.startswith(own[1]):
            return True
        return may(lambda: check(call, "s3:GetObject", {}, bucket, key))

    return may_read
