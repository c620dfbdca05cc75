"""Places that statements write to: who may, and that nothing is there yet."""

from dataclasses import dataclass

from twinplane.data_plane.call import Call, ServiceError
from twinplane.data_plane.services.athena import rules
from twinplane.data_plane.services.athena.rules import NotReadable
from twinplane.data_plane.services.lakeformation import names
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.services.s3 import store as s3
from twinplane.data_plane.services.s3.permissions import check
from twinplane.engines.sql.plan import QueryError


@dataclass(frozen=True, slots=True)
class Place:
    """A folder in S3. `by_iam`: each object that is put there needs the caller's own right to put it.

    `owner`: the person whom alone its objects are shown to, as those of her results are.
    """

    bucket: str
    prefix: str
    by_iam: bool = True
    owner: str | None = None

    @property
    def location(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:::{self.bucket}/{self.prefix}"


def place(location: str, *, by_iam: bool = True, owner: str | None = None) -> Place:
    """The folder that a location names. Raises `QueryError`."""
    try:
        bucket, prefix = rules.bucket_and_key(location.rstrip("/") + "/")
    except NotReadable:
        raise QueryError("INVALID_TABLE_PROPERTY", f"{location} is not a location in Amazon S3") from None
    if not bucket or not prefix.strip("/"):
        raise QueryError("INVALID_TABLE_PROPERTY", f"{location} names no folder in a bucket")
    return Place(bucket, prefix, by_iam, owner)


def of_the_caller(call: Call, location: str) -> Place:
    """A place named by the caller: hers to put objects into, by IAM, or by Lake Formation's DATA_LOCATION_ACCESS.

    Raises `QueryError`, in the same words whether or not there is such a bucket.
    """
    found = place(location)
    if lakeformation.registered_location(call.tx, found.arn) is not None:
        who = lakeformation.lake_principals(call.tx, call.principal, call.account_id)
        if lakeformation.may(call.tx, who, names.location(found.arn), "DATA_LOCATION_ACCESS"):
            return place(location, by_iam=False)
    check_put(call, found, found.prefix + "*")
    return found


def of_the_table(call: Call, location: str, *, governed: bool) -> Place:
    """Where a table's files go. `governed`: Lake Formation's grants give the caller the right to write to the table.

    Raises `QueryError`.
    """
    found = place(location)
    if governed and lakeformation.registered_location(call.tx, found.arn) is not None:
        return place(location, by_iam=False)
    check_put(call, found, found.prefix + "*")
    first = next(s3.walk_objects(call.tx, found.bucket, found.prefix), None)
    # what lies among a person's results stays hers
    return place(location, owner=None if first is None else first.get("owner_user_id"))


def check_put(call: Call, where: Place, key: str, action: str = "s3:PutObject") -> None:
    """Raises `QueryError` unless IAM lets the caller put this object."""
    try:
        check(call, action, {}, where.bucket, key)
    except ServiceError:
        raise QueryError("PERMISSION_DENIED", f"Access denied when writing output to url: {where.location}") from None
    if s3.find_bucket(call.tx, where.bucket) is None:
        raise QueryError("PERMISSION_DENIED", f"Access denied when writing output to url: {where.location}")


def check_empty(call: Call, where: Place, name: str) -> None:
    """Raises `QueryError` when something is there already: asked only after the right to write there."""
    if next(s3.walk_objects(call.tx, where.bucket, where.prefix), None) is not None:
        raise QueryError(
            "HIVE_PATH_ALREADY_EXISTS", f"Target directory for table '{name}' already exists: {where.location}."
        )
