"""Athena's decisions: where results go, what a statement asks of the catalog, how a table is stored. Pure."""

import fnmatch
from dataclasses import dataclass
from typing import Literal

from twinplane.data_plane.call import Principal
from twinplane.data_plane.store import Document

FINISHED = ("SUCCEEDED", "FAILED", "CANCELLED")
CATALOG = "AwsDataCatalog"


class NotReadable(Exception):
    """The table is stored in a way that is not served. The text may be shown to the user."""


def owner_of(principal: Principal) -> str:
    """Whose query it is: the person's a session acts for; else the session's, or the user's, own."""
    return principal.arn if principal.on_behalf_of is None else f"user/{principal.on_behalf_of}"


def result_prefix(configuration: Document, given: str | None, principal: Principal) -> str | None:
    """The s3:// prefix that results go under, with its slash; None when neither side names one."""
    own = (configuration.get("ResultConfiguration") or {}).get("OutputLocation")
    location = own if configuration.get("EnforceWorkGroupConfiguration") and own else given or own
    if not location:
        return None
    prefix = str(location).rstrip("/") + "/"
    grants = configuration.get("QueryResultsS3AccessGrantsConfiguration") or {}
    if principal.on_behalf_of is not None and grants.get("CreateUserLevelPrefix"):
        prefix += f"{principal.on_behalf_of}/"
    return prefix


def bucket_and_key(location: str) -> tuple[str, str]:
    """The bucket and the key of a location in S3. Raises `NotReadable` for any other."""
    scheme, _, rest = location.partition("://")
    if scheme.lower() not in ("s3", "s3a", "s3n"):
        raise NotReadable("The table's location is not in Amazon S3")
    bucket, _, key = rest.partition("/")
    return bucket, key


def context_database(request: Document) -> str:
    """The database that unqualified names of a request's statement are in."""
    given = str((request.get("QueryExecutionContext") or {}).get("Database") or "default")
    return given.strip("`").lower()  # awswrangler writes it so


def matches(name: str, pattern: str | None) -> bool:
    """Whether a name fits a Hive pattern: `*` is anything, `|` is or."""
    if pattern is None:
        return True
    parts = pattern.replace("%", "*").replace("[", "[[]").replace("?", "[?]").lower().split("|")
    return any(fnmatch.fnmatchcase(name, part) for part in parts)


@dataclass(frozen=True, slots=True)
class Storage:
    """How a table's files are written."""

    format: Literal["parquet", "csv", "json"]
    options: tuple[tuple[str, str], ...] = ()


def storage_of(table: Document) -> Storage:
    """How the files of a Glue table are written. Raises `NotReadable`."""
    parameters = {k.lower(): v for k, v in (table.get("Parameters") or {}).items()}
    if table.get("TableType") == "VIRTUAL_VIEW":
        raise NotReadable("Views are not served by this engine yet")
    descriptor = table.get("StorageDescriptor") or {}
    serde = descriptor.get("SerdeInfo") or {}
    library = str(serde.get("SerializationLibrary") or "").lower()
    classification = str(parameters.get("classification", "")).lower()
    if "parquet" in library or classification == "parquet":
        return Storage("parquet")
    if "json" in library or classification == "json":
        return Storage("json")
    if "opencsv" in library or "lazysimple" in library or classification == "csv":
        return Storage("csv", _csv_options("opencsv" in library, serde.get("Parameters") or {}, parameters))
    raise NotReadable("The table's file format is not served: it must be Parquet, CSV or JSON")


def _csv_options(quoted: bool, serde: dict[str, str], table: dict[str, str]) -> tuple[tuple[str, str], ...]:
    delimiter = serde.get("separatorChar") or serde.get("field.delim") or serde.get("serialization.format") or ","
    skipped = int(table.get("skip.header.line.count") or 0)
    options = {
        "delim": delimiter if delimiter != "1" else "\x01",
        "header": "false",
        "skip": str(skipped),
        "quote": (serde.get("quoteChar") or '"') if quoted else "",
        "escape": (serde.get("escapeChar") or '"') if quoted else "",
        "nullstr": "" if quoted else "\\N",
    }
    return tuple(options.items())
