"""Changes of Iceberg tables: new metadata is on disk, and the catalog points to it, in one transaction or not at all.

Whoever changes a table says which metadata the change was made of; when the table has other metadata by then, the
change is refused and nothing is lost. Clients of the Glue API do the same through the table's version.
"""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from twinplane.data_plane.call import Answer, Call, ServiceError
from twinplane.data_plane.plane import Plane
from twinplane.data_plane.services.glue import iceberg, iceberg_rules, store
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.services.s3 import bodies
from twinplane.data_plane.services.s3 import store as s3
from twinplane.data_plane.services.s3.bodies import Body
from twinplane.data_plane.services.s3.permissions import check
from twinplane.data_plane.store import Document, Transaction
from twinplane.engines.sql.manifest_messages import ChangeTable, NewTable, TableText

_ICEBERG = "ICEBERG"


def conflict(name: str) -> ServiceError:
    return ServiceError("CommitFailedException", f"Cannot commit to {name}: the table was changed meanwhile", 409)


async def changed(
    plane: Plane, person: str, body: bytes, location: str, requirements: list[Any], updates: list[Any]
) -> TableText:  # fmt: skip
    """What metadata (`body`, of the file at `location`) becomes through the updates of an Iceberg REST commit.

    Raises `QueryError`; its code is `CommitFailedException` where the metadata does not meet the requirements.
    """
    encode = msgspec.json.encode
    request = ChangeTable(body, location, encode(requirements), encode(updates))
    reply = await plane.iceberg.reader.read(person, request)
    assert reply.table is not None
    return reply.table


async def new_table(plane: Plane, person: str, request: dict[str, Any], location: str) -> TableText:
    """The first metadata of a table at `location`. `request`: the CreateTableRequest of an Iceberg REST catalog."""
    reply = await plane.iceberg.reader.read(person, NewTable(msgspec.json.encode(request), location))
    assert reply.table is not None
    return reply.table


def next_location(location: str, base: str | None) -> str:
    """Where the next metadata file of a table at `location` goes; `base` is where the present one is."""
    name = (base or "").rpartition("/")[2].partition("-")[0]
    number = int(name) + 1 if base and name.isdecimal() and len(name) < 10 else 0
    return f"{location.rstrip('/')}/metadata/{number:05d}-{uuid.uuid4()}.metadata.json"


def table_input(name: str, text: TableText, metadata_location: str, old: Document | None = None) -> dict[str, Any]:
    """The Glue table of an Iceberg table with this metadata; what else the catalog knew of it (`old`) stays."""
    kept: dict[str, Any] = {m: old[m] for m in ("Description", "Owner", "Retention") if old and m in old}
    parameters = dict((old or {}).get("Parameters") or {})
    if parameters.get("metadata_location"):
        parameters["previous_metadata_location"] = parameters["metadata_location"]
    parameters |= {k: v for k, v in text.properties.items() if k not in ("metadata_location", "table_type")}
    parameters |= {"table_type": _ICEBERG, "metadata_location": metadata_location}
    columns = [
        {
            "Name": column.name, "Type": column.type,
            **({"Comment": column.comment[:255]} if column.comment else {}),
            "Parameters": {
                "iceberg.field.id": str(column.id), "iceberg.field.optional": str(column.is_optional).lower(),
                "iceberg.field.current": str(column.is_current).lower(),
            },
        }
        for column in text.columns
    ]  # fmt: skip
    return {
        "Name": name, "TableType": "EXTERNAL_TABLE", **kept, "Parameters": parameters,
        "StorageDescriptor": {**((old or {}).get("StorageDescriptor") or {}), "Columns": columns,
                              "Location": text.location},
    }  # fmt: skip


async def write(call: Call, text: TableText, change: Callable[[Transaction, Body], Answer]) -> Answer:
    """Has new metadata stored and the catalog changed in the operation's last transaction (`call.commit`).

    `change` calls `put_metadata` and changes the catalog.
    """
    body = await bodies.receive(call.plane, bodies.once(text.text.encode()))
    try:
        return await call.commit(lambda tx: change(tx, body))
    except BaseException:
        s3.look_again(call.plane, body)
        raise


def put_metadata(call: Call, location: str, body: Body) -> None:
    """Stores a metadata file, in the caller's transaction.

    Below a location that Lake Formation has care of it does so itself, for whoever may change the table; elsewhere
    the caller's own IAM policies must allow writing there. Raises `ServiceError`.
    """
    bucket, key = iceberg_rules.place(location)
    if s3.find_bucket(call.tx, bucket) is None:
        raise ServiceError("InvalidInputException", f"The bucket {bucket} does not exist")
    if lakeformation.registered_location(call.tx, f"arn:aws:s3:::{bucket}/{key}") is None:
        check(call, "s3:PutObject", {}, bucket, key)
    if s3.find_object(call.tx, bucket, key) is not None:
        raise ServiceError("CommitFailedException", "The metadata file is there already", 409)
    document = s3.new_object(bucket, key, body, call.now, content_type="application/json")
    s3.put_object(call.tx, call.plane, document, body)


def commit(call: Call, table: Document, base: str, location: str, text: TableText, body: Body) -> Document:
    """Makes the metadata at `location` (stored here) the table's, if it still has the one at `base`.

    The caller has decided that this person may. Returns the table. Raises `CommitFailedException`.
    """
    found = store.find_table(call.tx, table["DatabaseName"], table["Name"])
    if found is None or not iceberg.is_iceberg(found) or found["Parameters"].get("metadata_location") != base:
        raise conflict(f"{table['DatabaseName']}.{table['Name']}")
    put_metadata(call, location, body)
    given = table_input(found["Name"], text, location, found)
    return store.replace_table(call.tx, found, given, call.now, archive=False)


def within(call: Call, tx: Transaction) -> Call:
    """The same call in a transaction."""
    return replace(call, transaction=tx)
