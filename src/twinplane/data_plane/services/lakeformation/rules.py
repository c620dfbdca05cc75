"""Lake Formation's decision: what do these grants give on this resource? Pure; nothing is read or written here.

Everything is denied until granted. Grants of all the caller's principals add up. Why several filtered grants show
cells, not the product of their rows and columns: `docs/decisions/0008-cells-of-several-filtered-grants.md`.
How LF-tags come in: `docs/decisions/0050-tags-are-grants-found-by-what-they-match.md`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from twinplane.data_plane.services.lakeformation.names import EVERY, PERMISSIONS_OF, Expression, Named
from twinplane.data_plane.store import Document

Tags = Mapping[str, str]

# What an administrator may do with what others own; all else she must first grant herself.
_ADMINISTRATORS = {
    "catalog": frozenset(PERMISSIONS_OF["catalog"]),
    "database": frozenset({"DESCRIBE"}),
    "table": frozenset({"DESCRIBE"}),
    "filter": frozenset({"DESCRIBE", "DROP"}),
    "location": frozenset({"DATA_LOCATION_ACCESS"}),
    "tag": frozenset(PERMISSIONS_OF["tag"]),
    "expression": frozenset(PERMISSIONS_OF["expression"]),
}
_READ_ONLY = frozenset({"DESCRIBE"})
_READING = frozenset({"SELECT", "ALL"})

Role = Literal["administrator", "reader", None]  # of the data lake: one of its administrators, or read-only ones


@dataclass(frozen=True, slots=True)
class Slice:
    """These columns, in the rows its filter admits (None: in every row)."""

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


@dataclass(frozen=True, slots=True)
class Grant:
    """What some principal of the caller was given on a resource. `everyone`: the principal is IAMAllowedPrincipals.

    `expression`: of a policy, what it asks of tags, also where it goes by a saved expression.
    """

    on: Named
    permissions: frozenset[str]
    grantable: frozenset[str] = frozenset()
    everyone: bool = False
    expression: Expression = ()


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked about, and what the catalog knows of it; names are in lower case.

    `columns` and `filters` are those of a table, `tags` those that hold for a database or table, inherited ones
    included, and `column_tags` the same for each column that has a tag of its own.
    """

    name: Named
    columns: tuple[str, ...] = ()
    filters: Mapping[str, Document] = field(default_factory=dict)
    tags: Tags = field(default_factory=dict)
    column_tags: Mapping[str, Tags] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rights:
    """What the caller has on a resource. SELECT among `permissions`: on every column of every row.

    `described` are the columns of a table that come with a permission on the whole of it, `access` is what she may
    read, and `passable` the columns, in every row, that she may give others to read.
    """

    permissions: frozenset[str] = frozenset()
    grantable: frozenset[str] = frozenset()
    described: frozenset[str] = frozenset()
    access: TableAccess | None = None
    passable: frozenset[str] = frozenset()
    administers: bool = False

    @property
    def any(self) -> bool:
        """Whether the resource exists for the caller."""
        return bool(self.permissions) or self.access is not None

    def may_pass_on(self, permission: str) -> bool:
        """Whether the caller may give this permission to others, and take it from them."""
        return self.administers or permission in self.grantable


def matches(expression: Expression, tags: Tags) -> bool:
    """Whether a resource with these tags has, for every key of the expression, one of its values."""
    return bool(expression) and all(
        key in tags and (values == EVERY or tags[key] in values) for key, values in expression
    )


def decide(grants: Iterable[Grant], target: Target, role: Role = None, *, opted_in: bool = False) -> Rights:
    """What these grants give on the target: the one decision of Lake Formation.

    Grants on other resources give nothing. `opted_in`: IAMAllowedPrincipals does not count, for this caller there.
    """
    permissions, grantable, described = set[str](), set[str](), set[str]()
    slices, passable = list[Slice](), list[Slice]()
    by_iam = False
    for grant in grants:
        reach = None if grant.everyone and opted_in else _reach(grant, target)
        if reach is None or (grant.everyone and not reach.whole):
            continue
        if reach.whole:
            left_out = _READING if len(reach.cells.columns) < len(target.columns) else frozenset[str]()
            permissions |= grant.permissions - left_out
            grantable |= grant.grantable - left_out
            described |= set(reach.cells.columns)
        if "SELECT" in grant.permissions:
            by_iam = by_iam or grant.everyone
            slices.append(reach.cells)
        if "SELECT" in grant.grantable:
            passable.append(reach.cells)
    if role is not None:
        permissions |= _ADMINISTRATORS[target.name.kind] if role == "administrator" else _READ_ONLY
        described |= set(target.columns)
    access = _access(slices, target.columns, by_iam=by_iam)
    for found, given in ((permissions, access), (grantable, _access(passable, target.columns))):
        if given is not None and given.is_whole(target.columns):
            found.add("SELECT")
    return Rights(
        frozenset(permissions),
        frozenset(grantable),
        frozenset(described),
        access,
        frozenset(c for s in passable if s.row_filter is None for c in s.columns),
        administers=role == "administrator",
    )


@dataclass(frozen=True, slots=True)
class _Reach:
    """What of the target a grant's resource is: these cells; `whole`: also the target as such."""

    cells: Slice
    whole: bool = True


def _reach(grant: Grant, target: Target) -> _Reach | None:
    on, name = grant.on, target.name
    if on.kind == f"{name.kind}_policy":
        whole = matches(grant.expression, target.tags)
        own = {column: matches(grant.expression, tags) for column, tags in target.column_tags.items()}
        columns = tuple(c for c in target.columns if own.get(c, whole))
        return _Reach(Slice(columns), whole) if whole or columns else None
    match name.kind:
        case "table":
            return _reach_in_table(on, target)
        case "filter":
            same = on.kind == "filter" and (on.database, on.table, on.name) == (name.database, name.table, name.name)
        case "location":
            same = on.kind == "location" and lies_in(name.name, on.name)
        case "tag":
            covers = on.values == EVERY or set(name.values) <= set(on.values)
            same = on.kind == "tag" and on.name == name.name and covers
        case kind:
            same = on.kind == kind and (on.database, on.name) == (name.database, name.name)
    return _Reach(Slice(())) if same else None


def _reach_in_table(on: Named, target: Target) -> _Reach | None:
    if on.database != target.name.database:
        return None
    if on.kind == "table" and on.table in ("*", target.name.table):
        return _Reach(Slice(target.columns))
    if on.table != target.name.table:
        return None
    if on.kind == "columns":
        return _Reach(Slice(_chosen(target.columns, on.columns, on.excluded)), whole=False)
    if on.kind == "filter" and on.name in target.filters:
        return _Reach(slice_of_filter(target.filters[on.name], target.columns), whole=False)
    return None


def lies_in(path: str, place: str) -> bool:
    """Whether one S3 location is another, or beneath it."""
    return path == place or path.startswith(f"{place.rstrip('/')}/")


def _access(slices: Iterable[Slice], columns: Sequence[str], *, by_iam: bool = False) -> TableAccess | None:
    """The union of slices; slices of the same rows become one, and what another covers is dropped."""
    by_rows: dict[str | None, set[str]] = {}
    for each in slices:
        by_rows.setdefault(each.row_filter, set()).update(each.columns)
    in_all_rows = by_rows.get(None, set())
    kept = tuple(
        Slice(tuple(c for c in columns if c in shown), rows)
        for rows, shown in by_rows.items()
        if shown and (rows is None or not shown <= in_all_rows)
    )
    if not kept:
        return None
    visible = {c for s in kept for c in s.columns}
    return TableAccess(tuple(c for c in columns if c in visible), kept, by_iam)


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
