"""Which databases and tables of the catalog lie where in S3."""

from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation.rules import lies_in
from twinplane.data_plane.store import Derived, Transaction

_PLACES = Derived("places of databases and tables", (glue.DATABASES, glue.TABLES))


def arn_of(location: str) -> str:
    """The ARN of an S3 location (`s3://bucket/key`), without a slash at its end."""
    return "arn:aws:s3:::" + location.partition("://")[2].rstrip("/")


def touch(one: str, other: str) -> bool:
    """Whether two locations are the same, or one is beneath the other."""
    return lies_in(one, other) or lies_in(other, one)


def touching(tx: Transaction, arn: str) -> list[tuple[str, str]]:
    """The databases (table "") and tables whose location is at, under or above this one."""
    return [(database, table) for place, database, table in _places(tx) if touch(place, arn)]


def _places(tx: Transaction) -> list[tuple[str, str, str]]:
    def compute() -> list[tuple[str, str, str]]:
        databases = ((d.get("LocationUri"), d["Name"], "") for d in glue.list_databases(tx))
        tables = ((glue.table_location(t), t["DatabaseName"], t["Name"]) for t in tx.select(glue.TABLES))
        return [(arn_of(place), *name) for place, *name in (*databases, *tables) if place and "://" in place]

    return tx.derived(_PLACES, "", compute)
