"""Iceberg tables of the catalog: their metadata whole, and changes of it that lose nothing."""

from typing import Any

import msgspec

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, streams, writes
from twinplane.data_plane.services.glue import iceberg, iceberg_commit, iceberg_rules, locations, permissions, store
from twinplane.data_plane.services.glue import tables as glue_tables
from twinplane.data_plane.services.glue.permissions import on_table
from twinplane.data_plane.services.glueiceberg.namespaces import (
    found_database,
    is_admin,
    namespace_of,
    next_page,
    own_catalog,
)
from twinplane.data_plane.services.lakeformation import credentials as vending
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.services.s3 import bodies
from twinplane.data_plane.services.s3.bodies import Body
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.wire.body import FileRange
from twinplane.engines.sql.manifest_messages import ReadTable, TableText
from twinplane.engines.sql.plan import QueryError


def _failed(error: QueryError) -> ServiceError:
    return ServiceError(error.code, error.message)


def _names(request: Request) -> tuple[str, str]:
    return namespace_of(request["namespace"]), str(request["table"]).lower()


def found_table(call: Call, request: Request) -> Document:
    """The Iceberg table that a request names, behind a link its target; for who may see it.

    Raises `EntityNotFoundException`, `AccessDeniedException`.
    """
    database, name = _names(request)
    table = permissions.get_table(call, database, name)
    if table.get("TargetTable"):
        link = table["TargetTable"]
        table = permissions.get_table(call, link["DatabaseName"], link["Name"])
    if not iceberg.is_iceberg(table):
        raise ServiceError("EntityNotFoundException", f"Table {database}.{name} is not an Iceberg table")
    return table


def _check_whole(call: Call, table: Document) -> bool:
    """Raises `AccessDeniedException` unless the caller may know all that the metadata says: of every column and row.

    Returns whether IAM alone decides about reading the table's files.
    """
    access = lakeformation.table_access(call.tx, permissions.principals(call), table)
    if access is not None and access.is_whole(lakeformation.column_names(table)):
        return access.by_iam
    place = (table["DatabaseName"], table["Name"])
    if access is None and any(permissions.has_permission(call, p, *place) for p in ("ALTER", "INSERT")):
        return False
    if access is None and is_admin(call):
        return False
    raise permissions.insufficient("Select", table["Name"])


def _content(call: Call, table: Document, *, by_iam: bool) -> tuple[str, bytes | FileRange]:
    """Where the table's metadata is, and its bytes. Raises `ServiceError`."""
    try:
        location = iceberg.metadata_location(table)
        may_read = locations.reader_of(call, table, by_iam=by_iam)
        document = iceberg.objects(call, [location], may_read)[location]
    except QueryError as error:
        raise _failed(error) from None
    if document["size"] > iceberg.MOST_METADATA_BYTES:
        raise ServiceError("InvalidInputException", "The table's metadata is too large")
    return location, bodies.content(call.tx, call.plane, document, 0, document["size"])


async def _bytes(content: bytes | FileRange) -> bytes:
    return content if isinstance(content, bytes) else b"".join([piece async for piece in content.pieces()])


def list_tables(call: Call, request: Request) -> Answer:
    """The Iceberg tables of a namespace."""
    database = namespace_of(request["namespace"])
    found_database(call, database)

    def fetch(after: list[str] | None, limit: int) -> list[Document]:
        return call.tx.select(store.TABLES, {"DatabaseName": database}, after=after, limit=limit)

    def keep(rows: list[Document]) -> list[Document]:
        rows = [row for row in rows if iceberg.is_iceberg(row)]
        seen = permissions.visible_tables(call, database, [row["Name"] for row in rows])
        return [row for row in rows if row["Name"] in seen]

    found, following = next_page(call, request, fetch, keep, lambda row: [row["DatabaseName"], row["Name"]])
    return {"identifiers": [{"namespace": [database], "name": row["Name"]} for row in found], **following}


def table_exists(call: Call, request: Request) -> Answer:
    found_table(call, request)
    return {}


async def load_table(call: Call, request: Request) -> Answer:
    """A table's metadata, with credentials for its files where the client asks for them and Lake Formation gives them.

    Metadata tells of every column, and counts rows: who may read only some gets none of it.
    """

    def read(tx: Transaction) -> tuple[str, bytes | FileRange, dict[str, str]]:
        inside = iceberg_commit.within(call, tx)
        table = found_table(inside, request)
        location, content = _content(inside, table, by_iam=_check_whole(inside, table))
        return location, content, _configuration(inside, table, request)

    location, content, configuration = call.plane.store.read(read)
    try:
        reader, person = call.plane.iceberg.reader, iceberg.person_of(call.principal)
        reply = await reader.read(person, ReadTable(await _bytes(content)))
    except QueryError as error:
        raise _failed(error) from None
    assert reply.table is not None
    return _answer(reply.table, location, configuration)


def _answer(table: TableText, location: str, configuration: dict[str, str]) -> Answer:
    answer: Answer = {
        "metadata-location": location, "metadata": msgspec.Raw(table.text.encode()), "config": configuration,
    }  # fmt: skip
    if "s3.access-key-id" in configuration:
        answer["storage-credentials"] = [{"prefix": table.location, "config": configuration}]
    return answer


def _configuration(call: Call, table: Document, request: Request) -> dict[str, str]:
    """How clients read the table's files: where S3 is, and with which credentials, if they are to be vended."""
    found = {"client.region": call.region, "s3.region": call.region, "s3.endpoint": call.plane.settings.endpoint}
    if "vended-credentials" not in (request.get("delegation") or ""):
        return found
    arn = permissions.arn(call, "table", table["DatabaseName"], table["Name"])
    for wanted in (["ALL"], ["SELECT", "INSERT"], ["SELECT"]):
        try:
            given = vending.get_temporary_glue_table_credentials(call, {"TableArn": arn, "Permissions": wanted})
        except ServiceError:
            continue
        return found | {
            "s3.access-key-id": given["AccessKeyId"], "s3.secret-access-key": given["SecretAccessKey"],
            "s3.session-token": given["SessionToken"],
        }  # fmt: skip
    return found


async def create_table(call: Call, request: Request) -> Answer:
    """Makes an Iceberg table with no snapshot."""
    if request.get("stage-create"):
        raise ServiceError("InvalidInputException", "Malformed request: Stage create is not supported")
    place = str(request.get("location") or "").rstrip("/")
    if not place:
        raise ServiceError("InvalidInputException", "Cannot parse missing string: location")
    members = ("name", "schema", "partition-spec", "write-order", "properties")
    given = {"location": place, "partition-spec": None, "write-order": None}
    given |= {m: request[m] for m in members if request.get(m) is not None}
    database, name = namespace_of(request["namespace"]), str(request["name"]).lower()
    location = iceberg_commit.next_location(place, None)

    def check(tx: Transaction) -> None:
        inside = iceberg_commit.within(call, tx)
        found_database(inside, database)
        permissions.check_permission(inside, "CREATE_TABLE", database)

    call.plane.store.read(check)
    try:
        text = await iceberg_commit.new_table(call.plane, iceberg.person_of(call.principal), given, place)
        iceberg_rules.place(location)
    except QueryError as error:
        raise _failed(error) from None

    def change(tx: Transaction, body: Body) -> Answer:
        inside = iceberg_commit.within(call, tx)
        table_input = iceberg_commit.table_input(name, text, location)
        glue_tables.create_table(inside, {"DatabaseName": database, "TableInput": table_input})
        iceberg_commit.put_metadata(inside, location, body)
        table = store.get_table(tx, database, name)
        return _answer(text, location, _configuration(inside, table, request))

    return await iceberg_commit.write(call, text, change)


async def update_table(call: Call, request: Request) -> Answer:
    """Commits changes of a table, if it meets their requirements and nobody else's came first."""
    base_table, base, content = call.plane.store.read(lambda tx: _changeable(call, tx, request))
    try:
        text = await iceberg_commit.changed(
            call.plane,
            iceberg.person_of(call.principal),
            await _bytes(content),
            base,
            request["requirements"],
            request["updates"],
        )
        location = iceberg_commit.next_location(text.location, base)
        iceberg_rules.place(location)
    except QueryError as error:
        raise _failed(error) from None

    def change(tx: Transaction, body: Body) -> Answer:
        inside = iceberg_commit.within(call, tx)
        table, present, _ = _changeable(call, tx, request)
        if present != base or table["Name"] != base_table["Name"]:
            raise iceberg_commit.conflict(table["Name"])
        if text.location != store.table_location(table):
            database = store.get_database(tx, table["DatabaseName"])
            permissions.check_locations(inside, database, [text.location])
        iceberg_commit.commit(inside, table, base, location, text, body)
        return {"metadata-location": location, "metadata": msgspec.Raw(text.text.encode())}

    return await iceberg_commit.write(call, text, change)


def _changeable(call: Call, tx: Transaction, request: Request) -> tuple[Document, str, bytes | FileRange]:
    inside = iceberg_commit.within(call, tx)
    table = found_table(inside, request)
    permissions.check_permission(inside, "ALTER", table["DatabaseName"], table["Name"])
    location, content = _content(inside, table, by_iam=_check_whole(inside, table))
    return table, location, content


def delete_table(call: Call, request: Request) -> Answer:
    """Takes a table out of the catalog; its files stay."""
    if request.get("purgeRequested"):
        raise ServiceError("NotImplemented", "Deleting a table's files with it (purgeRequested) is not served.", 501)
    database, name = _names(request)
    table = permissions.get_table(call, database, name)
    if not iceberg.is_iceberg(table):
        raise ServiceError("EntityNotFoundException", f"Table {database}.{name} is not an Iceberg table")
    glue_tables.delete_table(call, {"DatabaseName": database, "Name": name})
    return {}


def _named(request: Request) -> Request:
    database, name = _names(request)
    return {"DatabaseName": database, "Name": name}


def _new(request: Request) -> Request:
    return {"DatabaseName": namespace_of(request["namespace"]), "Name": str(request["name"])}


def _all(request: Request) -> Request:
    return {"DatabaseName": namespace_of(request["namespace"])}


def _access(action: str, named: Any = _named, name: str = "Name") -> Any:
    return own_catalog(on_table(action, name=name), named)


OPERATIONS: dict[str, Operation] = {
    "ListTables": reads(list_tables, _access("glue:GetTables", _all, "")),
    "CreateTable": streams(create_table, _access("glue:CreateTable", _new)),
    "LoadTable": streams(load_table, _access("glue:GetTable")),
    "TableExists": reads(table_exists, _access("glue:GetTable")),
    "UpdateTable": streams(update_table, _access("glue:UpdateTable")),
    "DeleteTable": writes(delete_table, _access("glue:DeleteTable")),
}
