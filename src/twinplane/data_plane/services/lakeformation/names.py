"""What grants are about: every resource of Lake Formation in one spelling, and the permissions it can have. Pure."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from twinplane.data_plane.store import Document

IAM_ALLOWED_PRINCIPALS = "IAM_ALLOWED_PRINCIPALS"

TABLE_PERMISSIONS = ("SELECT", "INSERT", "DELETE", "DESCRIBE", "ALTER", "DROP")
DATABASE_PERMISSIONS = ("CREATE_TABLE", "DESCRIBE", "ALTER", "DROP")
TAG_PERMISSIONS = ("ALTER", "DROP", "DESCRIBE", "ASSOCIATE", "GRANT_WITH_LF_TAG_EXPRESSION")
EXPRESSION_PERMISSIONS = ("ALTER", "DROP", "DESCRIBE", "GRANT_WITH_LF_TAG_EXPRESSION")
PERMISSIONS_OF = {
    "catalog": (
        "CREATE_DATABASE", "DESCRIBE", "ALTER", "DROP", "CREATE_LF_TAG", "CREATE_LF_TAG_EXPRESSION", "CREATE_CATALOG",
    ),
    "database": DATABASE_PERMISSIONS,
    "table": TABLE_PERMISSIONS,
    "columns": ("SELECT",),
    "filter": ("SELECT", "DESCRIBE", "DROP"),
    "location": ("DATA_LOCATION_ACCESS",),
    "tag": TAG_PERMISSIONS,
    "expression": EXPRESSION_PERMISSIONS,
    "database_policy": DATABASE_PERMISSIONS,
    "table_policy": TABLE_PERMISSIONS,
}  # fmt: skip

# As ListPermissions names the kinds.
TYPE_OF = {
    "catalog": "CATALOG", "database": "DATABASE", "table": "TABLE", "columns": "TABLE", "filter": "TABLE",
    "location": "DATA_LOCATION", "tag": "LF_TAG", "expression": "LF_NAMED_TAG_EXPRESSION",
    "database_policy": "LF_TAG_POLICY_DATABASE", "table_policy": "LF_TAG_POLICY_TABLE",
}  # fmt: skip
POLICIES = ("database_policy", "table_policy")
EVERY = ("*",)  # every value of a tag
MOST_TAGS = 50  # of a resource, and so in an expression

Expression = tuple[tuple[str, tuple[str, ...]], ...]  # tags a resource must have: each key with one of these values


class ResourceNotUnderstood(ValueError):
    """The resource of a grant is not one that is served, or it names nothing."""


class Named(msgspec.Struct, frozen=True, gc=False):
    """A resource in one spelling. `text` identifies it; `kind` is a key of `PERMISSIONS_OF`.

    `table` is "*" for every table of the database. `columns` and `excluded` are sorted; both empty means all columns.
    `name`: of a filter, location, tag or saved expression; of a policy, the saved expression it goes by, or "".
    `values`: of a tag, the values that are meant (`EVERY`: all). `expression`: of a policy that is written out.
    """

    kind: str
    database: str = ""
    table: str = ""
    name: str = ""
    columns: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    expression: Expression = ()

    @property
    def text(self) -> str:
        parts = [self.kind, _escaped(self.database), _escaped(self.table), _escaped(self.name)]
        if self.columns:
            parts.append("+" + _joined(self.columns))
        if self.excluded:
            parts.append("-" + _joined(self.excluded))
        if self.values:
            parts.append("=" + _joined(self.values))
        parts += [f"{_escaped(key)}={_joined(values)}" for key, values in self.expression]
        return "/".join(parts)


_SPECIAL = re.compile("[%/,=]")
_ESCAPES = str.maketrans({"%": "%25", "/": "%2F", ",": "%2C", "=": "%3D"})


def _escaped(part: str) -> str:
    return part if _SPECIAL.search(part) is None else part.translate(_ESCAPES)


def _joined(parts: Iterable[str]) -> str:
    return ",".join(map(_escaped, parts))


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


def tag(key: str, *values: str) -> Named:
    """Values of an LF-tag as the resource of a decision; none: all of them."""
    return Named("tag", name=key, values=tuple(sorted(set(values))) or EVERY)


def saved_expression(name: str) -> Named:
    """A saved LF-tag expression as the resource of a decision."""
    return Named("expression", name=name)


def named(resource: Document) -> Named:
    """The resource that AWS's `Resource` shape names. Raises `ResourceNotUnderstood`."""
    present = [key for key, value in resource.items() if value is not None]
    if len(present) != 1:
        raise ResourceNotUnderstood("Resource must have exactly one of the resource members set")
    kind, body = present[0], resource[present[0]]
    match kind:
        case "Catalog":
            return CATALOG
        case "Database":
            return Named("database", _lower(body, "Name"))
        case "Table":
            if ("Name" in body) == ("TableWildcard" in body):
                raise ResourceNotUnderstood("Table must have either Name or TableWildcard")
            name = "*" if "TableWildcard" in body else _lower(body, "Name")
            return Named("table", _lower(body, "DatabaseName"), name)
        case "TableWithColumns":
            return _table_with_columns(body)
        case "DataCellsFilter":
            return Named("filter", _lower(body, "DatabaseName"), _lower(body, "TableName"), body.get("Name") or "")
        case "DataLocation":
            return location(str(body["ResourceArn"]))
        case "LFTag":
            values = () if "*" in body["TagValues"] else body["TagValues"]
            return tag(body["TagKey"], *values)
        case "LFTagExpression":
            return saved_expression(body["Name"])
        case "LFTagPolicy":
            return _policy(body)
        case _:
            raise ResourceNotUnderstood(f"Resource {kind} is not served")


def expression_of(conditions: Iterable[Document]) -> Expression:
    """AWS's list of `LFTag` conditions in one spelling. Raises `ResourceNotUnderstood`."""
    found: dict[str, tuple[str, ...]] = {}
    for condition in conditions:
        key, values = condition["TagKey"], condition["TagValues"]
        if key in found:
            raise ResourceNotUnderstood(f"The expression names the tag {key} twice")
        found[key] = EVERY if "*" in values else tuple(sorted(set(values)))
    if not 0 < len(found) <= MOST_TAGS:
        raise ResourceNotUnderstood(f"The expression needs between 1 and {MOST_TAGS} tags")
    return tuple(sorted(found.items()))


def conditions_of(expression: Iterable[tuple[str, Iterable[str]]]) -> list[Document]:
    """AWS's list of `LFTag` conditions."""
    return [{"TagKey": key, "TagValues": list(values)} for key, values in expression]


def _policy(body: Document) -> Named:
    kind = f"{body['ResourceType'].lower()}_policy"
    name, conditions = body.get("ExpressionName") or "", body.get("Expression")
    if bool(name) == bool(conditions):
        raise ResourceNotUnderstood("LFTagPolicy must have either Expression or ExpressionName")
    return Named(kind, name=name) if name else Named(kind, expression=expression_of(conditions or ()))


def _table_with_columns(body: Document) -> Named:
    database_name, name = _lower(body, "DatabaseName"), _lower(body, "Name")
    columns = tuple(sorted({c.lower() for c in body.get("ColumnNames") or ()}))
    wildcard = body.get("ColumnWildcard")
    if bool(columns) == (wildcard is not None):
        raise ResourceNotUnderstood("TableWithColumns must have either ColumnNames or ColumnWildcard")
    excluded = tuple(sorted({c.lower() for c in (wildcard or {}).get("ExcludedColumnNames") or ()}))
    if not columns and not excluded:
        return Named("table", database_name, name)  # all columns: the table itself
    return Named("columns", database_name, name, columns=columns, excluded=excluded)


def _lower(body: Document, member: str) -> str:
    value = str(body.get(member) or "").lower()
    if not value:
        raise ResourceNotUnderstood(f"{member} is required")
    return value


def resource_of(name: Named, account_id: str) -> Document:
    """AWS's `Resource` shape of a named resource."""
    of_catalog: dict[str, Any] = {"CatalogId": account_id}
    of_table = of_catalog | {"DatabaseName": name.database}
    match name.kind:
        case "catalog":
            return {"Catalog": {}}
        case "database":
            return {"Database": of_catalog | {"Name": name.database}}
        case "table":
            every: dict[str, Any] = {"TableWildcard": {}}
            return {"Table": of_table | (every if name.table == "*" else {"Name": name.table})}
        case "columns":
            wildcard: dict[str, Any] = {"ColumnWildcard": {"ExcludedColumnNames": list(name.excluded)}}
            shown: dict[str, Any] = {"ColumnNames": list(name.columns)} if name.columns else wildcard
            return {"TableWithColumns": of_table | {"Name": name.table} | shown}
        case "filter":
            key = {"TableCatalogId": account_id, "DatabaseName": name.database, "TableName": name.table}
            return {"DataCellsFilter": key | {"Name": name.name}}
        case "tag":
            return {"LFTag": of_catalog | {"TagKey": name.name, "TagValues": list(name.values)}}
        case "expression":
            return {"LFTagExpression": of_catalog | {"Name": name.name}}
        case "database_policy" | "table_policy":
            what = {"ExpressionName": name.name} if name.name else {"Expression": conditions_of(name.expression)}
            return {"LFTagPolicy": of_catalog | {"ResourceType": name.kind.removesuffix("_policy").upper()} | what}
        case _:
            return {"DataLocation": of_catalog | {"ResourceArn": name.name}}


def expanded(kind: str, permissions: Iterable[str]) -> tuple[str, ...]:
    """The permissions with ALL spelled out. Raises `ResourceNotUnderstood` on one that this kind of resource lacks."""
    possible = PERMISSIONS_OF[kind]
    found: set[str] = set()
    for permission in permissions:
        if permission == "ALL" or (permission == "SUPER_USER" and kind == "catalog"):
            found |= {"ALL", *possible}
        elif permission in possible:
            found.add(permission)
        else:
            raise ResourceNotUnderstood(f"Permission {permission} is not valid for this type of resource")
    return tuple(sorted(found))
