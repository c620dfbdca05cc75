"""Lake Formation's decisions: which cells of a table do these grants show? Pure; nothing is read or written here.

Everything is denied until granted. Grants of all the caller's principals add up. Why several filtered grants show
cells, not the product of their rows and columns: `docs/decisions/0008-cells-of-several-filtered-grants.md`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from twinplane.data_plane.store import Document

IAM_ALLOWED_PRINCIPALS = "IAM_ALLOWED_PRINCIPALS"

TABLE_PERMISSIONS = ("SELECT", "INSERT", "DELETE", "DESCRIBE", "ALTER", "DROP")
DATABASE_PERMISSIONS = ("CREATE_TABLE", "DESCRIBE", "ALTER", "DROP")
PERMISSIONS_OF = {
    "catalog": ("CREATE_DATABASE", "DESCRIBE", "ALTER", "DROP"),
    "database": DATABASE_PERMISSIONS,
    "table": TABLE_PERMISSIONS,
    "columns": ("SELECT",),
    "filter": ("SELECT",),
    "location": ("DATA_LOCATION_ACCESS",),
}


class ResourceNotUnderstood(ValueError):
    """The resource of a grant is not one that is served, or it names nothing."""


@dataclass(frozen=True, slots=True)
class Named:
    """A grant's resource in one spelling. `text` identifies it; `kind` is a key of `PERMISSIONS_OF`.

    `table` is "*" for every table of the database. `columns` and `excluded` are sorted; both empty means all columns.
    """

    kind: str
    database: str = ""
    table: str = ""
    name: str = ""
    columns: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        parts = [self.kind, self.database, self.table, self.name]
        if self.columns:
            parts.append("+" + ",".join(self.columns))
        if self.excluded:
            parts.append("-" + ",".join(self.excluded))
        return "/".join(parts)


CATALOG = Named("catalog")


def database(name: str) -> Named:
    """A database as the resource of a decision."""
    return Named("database", name.lower())


def table(database_name: str, name: str) -> Named:
    """A table as the resource of a decision."""
    return Named("table", database_name.lower(), name.lower())


def location(arn: str) -> Named:
    """An S3 location (`arn:aws:s3:::bucket/prefix`) as the resource of a decision."""
    return Named("location", name=arn.rstrip("/"))


def named(resource: Document) -> Named:
    """The resource that AWS's `Resource` shape names. Raises `ResourceNotUnderstood`."""
    present = [key for key, value in resource.items() if value is not None]
    if len(present) != 1:
        raise ResourceNotUnderstood("Resource must have exactly one of the resource members set")
    kind, body = present[0], resource[present[0]]
    match kind:
        case "Catalog":
            return Named("catalog")
        case "Database":
            return Named("database", _lower(body, "Name"))
        case "Table":
            if ("Name" in body) == ("TableWildcard" in body):
                raise ResourceNotUnderstood("Table must have either Name or TableWildcard")
            return Named(
                "table", _lower(body, "DatabaseName"), "*" if "TableWildcard" in body else _lower(body, "Name")
            )
        case "TableWithColumns":
            return _table_with_columns(body)
        case "DataCellsFilter":
            return Named("filter", _lower(body, "DatabaseName"), _lower(body, "TableName"), body.get("Name") or "")
        case "DataLocation":
            return Named("location", name=str(body["ResourceArn"]).rstrip("/"))
        case _:
            raise ResourceNotUnderstood(f"Resource {kind} is not served")


def _table_with_columns(body: Document) -> Named:
    database, table = _lower(body, "DatabaseName"), _lower(body, "Name")
    columns = tuple(sorted({c.lower() for c in body.get("ColumnNames") or ()}))
    wildcard = body.get("ColumnWildcard")
    if bool(columns) == (wildcard is not None):
        raise ResourceNotUnderstood("TableWithColumns must have either ColumnNames or ColumnWildcard")
    excluded = tuple(sorted({c.lower() for c in (wildcard or {}).get("ExcludedColumnNames") or ()}))
    if not columns and not excluded:
        return Named("table", database, table)  # all columns: the table itself
    return Named("columns", database, table, columns=columns, excluded=excluded)


def _lower(body: Document, member: str) -> str:
    value = str(body.get(member) or "").lower()
    if not value:
        raise ResourceNotUnderstood(f"{member} is required")
    return value


def resource_of(name: Named, account_id: str) -> Document:
    """AWS's `Resource` shape of a named resource."""
    table: dict[str, Any] = {"CatalogId": account_id, "DatabaseName": name.database}
    match name.kind:
        case "catalog":
            return {"Catalog": {}}
        case "database":
            return {"Database": {"CatalogId": account_id, "Name": name.database}}
        case "table":
            every: dict[str, Any] = {"TableWildcard": {}}
            return {"Table": table | (every if name.table == "*" else {"Name": name.table})}
        case "columns":
            shown: dict[str, Any] = (
                {"ColumnNames": list(name.columns)}
                if name.columns
                else {"ColumnWildcard": {"ExcludedColumnNames": list(name.excluded)}}
            )
            return {"TableWithColumns": table | {"Name": name.table} | shown}
        case "filter":
            return {
                "DataCellsFilter": {
                    "TableCatalogId": account_id, "DatabaseName": name.database, "TableName": name.table,
                    "Name": name.name,
                }
            }  # fmt: skip
        case _:
            return {"DataLocation": {"CatalogId": account_id, "ResourceArn": name.name}}


def expanded(kind: str, permissions: Iterable[str]) -> tuple[str, ...]:
    """The permissions with ALL spelled out. Raises `ResourceNotUnderstood` on one that this kind of resource lacks."""
    possible = PERMISSIONS_OF[kind]
    found: set[str] = set()
    for permission in permissions:
        if permission in ("ALL", "SUPER_USER"):
            found |= {"ALL", *possible}
        elif permission in possible:
            found.add(permission)
        else:
            raise ResourceNotUnderstood(f"Permission {permission} is not valid for this type of resource")
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class Slice:
    """What one grant shows of a table: these columns, in the rows its filter admits (None: in every row)."""

    columns: tuple[str, ...]
    row_filter: str | None = None


@dataclass(frozen=True, slots=True)
class TableAccess:
    """What a caller may read of a table: the union of the cells of its slices.

    A row is visible when some slice admits it; in it, a column that no admitting slice grants reads as NULL.
    `by_iam`: Lake Formation leaves the decision to IAM (IAMAllowedPrincipals), which must still allow reading the data.
    """

    columns: tuple[str, ...]
    slices: tuple[Slice, ...]
    by_iam: bool = False

    @property
    def row_filters(self) -> tuple[str, ...]:
        """The filters of which a visible row meets at least one; empty when all rows are visible."""
        filters = tuple(dict.fromkeys(s.row_filter for s in self.slices if s.row_filter is not None))
        return () if any(s.row_filter is None for s in self.slices) else filters

    def is_whole(self, columns: Sequence[str]) -> bool:
        """Whether these columns are all visible in all rows."""
        return any(s.row_filter is None and set(s.columns) >= {c.lower() for c in columns} for s in self.slices)


def table_access(
    grants: Iterable[tuple[Named, Sequence[str]]], filters: dict[str, Document], columns: Sequence[str]
) -> TableAccess | None:
    """What these grants (resource, permissions), all on one table, show of its `columns`; None when nothing.

    `filters` are the table's data cells filters by name.
    """
    names = tuple(c.lower() for c in columns)
    slices: list[Slice] = []
    for name, permissions in grants:
        if "SELECT" not in permissions:
            continue
        if name.kind == "table":
            slices.append(Slice(names))
        elif name.kind == "columns":
            slices.append(Slice(_chosen(names, name.columns, name.excluded)))
        elif name.kind == "filter" and name.name in filters:
            slices.append(slice_of_filter(filters[name.name], names))
    slices = [s for s in dict.fromkeys(slices) if s.columns]
    kept = tuple(s for s in slices if not any(_covers(other, s) for other in slices if other is not s))
    if not kept:
        return None
    visible = {c for s in kept for c in s.columns}
    return TableAccess(tuple(c for c in names if c in visible), kept)


def slice_of_filter(document: Document, columns: Sequence[str]) -> Slice:
    """What a data cells filter shows of a table with these columns."""
    excluded = (document.get("ColumnWildcard") or {}).get("ExcludedColumnNames") or ()
    included = document.get("ColumnNames") or ()
    names = tuple(c.lower() for c in columns)
    rows = document.get("RowFilter") or {}
    shown = _chosen(names, [c.lower() for c in included], [c.lower() for c in excluded])
    if rows.get("FilterExpression"):
        return Slice(shown, rows["FilterExpression"])
    return Slice(shown if rows.get("AllRowsWildcard") is not None else ())


def _chosen(names: Sequence[str], included: Sequence[str], excluded: Sequence[str]) -> tuple[str, ...]:
    return tuple(c for c in names if (c in included if included else c not in excluded))


def _covers(wide: Slice, narrow: Slice) -> bool:
    return wide.row_filter in (None, narrow.row_filter) and set(wide.columns) >= set(narrow.columns)
