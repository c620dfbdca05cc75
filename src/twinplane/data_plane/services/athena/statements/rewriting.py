"""The queries that give the rows a table has after DELETE, UPDATE and MERGE, in Athena's dialect. Pure.

They are composed of parts of the statement that were read as expressions, pass the parser as every query does, and are
run with the rights of whoever wrote the statement.
"""

from collections.abc import Sequence

from twinplane.engines.sql.plan import QueryError, Reference
from twinplane.engines.sql.statements import Branch, Change, Merge

_HIT = "merge_hit"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def spelled(reference: Reference) -> str:
    return ".".join(quoted(part) for part in (reference.database, reference.table) if part)


def _source(statement: Change | Merge) -> str:
    return f"{spelled(statement.target)} AS {quoted(statement.alias)}"


def _check(names: Sequence[str], columns: Sequence[str]) -> None:
    for name in names:
        if name not in columns:
            raise QueryError("COLUMN_NOT_FOUND", f"Column '{name}' cannot be resolved")
    if len(set(names)) < len(names):
        raise QueryError("SYNTAX_ERROR", "Multiple assignments for a single column")


def _holds(condition: str | None) -> str:
    """Whether a condition is true: NULL is not."""
    return "true" if condition is None else f"COALESCE((\n{condition}\n), false)"


def changed_count(statement: Change) -> str:
    """How many rows are changed."""
    return f"SELECT count(*) AS n FROM {_source(statement)} WHERE {_holds(statement.condition)}"  # noqa: S608


def remaining(statement: Change, columns: Sequence[str]) -> str:
    """The rows after DELETE or UPDATE."""
    _check([a.column for a in statement.assignments], columns)
    new = {a.column: a.value for a in statement.assignments}
    alias, holds = quoted(statement.alias), _holds(statement.condition)
    if not new:
        shown = ", ".join(f"{alias}.{quoted(c)}" for c in columns)
        return f"SELECT {shown} FROM {_source(statement)} WHERE NOT {holds}"  # noqa: S608
    values = ", ".join(
        f"CASE WHEN {holds} THEN (\n{new[c]}\n) ELSE {alias}.{quoted(c)} END AS {quoted(c)}"
        if c in new else f"{alias}.{quoted(c)} AS {quoted(c)}"
        for c in columns
    )  # fmt: skip
    return f"SELECT {values} FROM {_source(statement)}"  # noqa: S608


# MERGE


def _joined(statement: Merge) -> str:
    """The target's rows, each with the source row that changes it, if one does."""
    source = quoted(statement.source_alias)
    marked = f"(SELECT {source}.*, 1 AS {_HIT} FROM {statement.source} AS {source}) AS {source}"  # noqa: S608
    conditions = [b.condition for b in statement.branches if b.matched]
    if not conditions:
        return f"{_source(statement)} LEFT JOIN {marked} ON false"
    some = "" if None in conditions else " AND (" + " OR ".join(_holds(c) for c in conditions) + ")"
    return f"{_source(statement)} LEFT JOIN {marked} ON ({statement.condition}\n){some}"


def _unmatched(statement: Merge) -> str:
    source, branches = quoted(statement.source_alias), [b for b in statement.branches if not b.matched]
    some = "true" if any(b.condition is None for b in branches) else " OR ".join(_holds(b.condition) for b in branches)
    return (
        f"{statement.source} AS {source} WHERE NOT EXISTS "  # noqa: S608
        f"(SELECT 1 FROM {_source(statement)} WHERE ({statement.condition}\n)) AND ({some})"
    )


def merge_counts(statement: Merge) -> str:
    """Rows of the target; of the target with the source rows that change them; changed; and added ones."""
    hit = f"{quoted(statement.source_alias)}.{_HIT}"
    added = f"SELECT count(*) FROM {_unmatched(statement)}" if _inserts(statement) else "SELECT 0"  # noqa: S608
    return (
        f"SELECT (SELECT count(*) FROM {_source(statement)}) AS n, "  # noqa: S608
        f"(SELECT count(*) FROM {_joined(statement)}) AS joined, "
        f"(SELECT count({hit}) FROM {_joined(statement)}) AS changed, ({added}) AS added"
    )


def _inserts(statement: Merge) -> bool:
    return any(not b.matched for b in statement.branches)


def merged(statement: Merge, columns: Sequence[str]) -> str:
    """The rows after MERGE."""
    hit = f"{quoted(statement.source_alias)}.{_HIT}"
    matched = [b for b in statement.branches if b.matched]
    for branch in matched:
        _check([a.column for a in branch.assignments], columns)
    values = ", ".join(
        f"{_chosen(matched, hit, c, f'{quoted(statement.alias)}.{quoted(c)}')} AS {quoted(c)}" for c in columns
    )
    text = f"SELECT {values} FROM {_joined(statement)}"  # noqa: S608
    if any(b.action == "delete" for b in matched):
        flags = " ".join(f"WHEN {_holds(b.condition)} THEN {int(b.action == 'delete')}" for b in matched)
        text += f" WHERE {hit} IS NULL OR CASE {flags} ELSE 0 END = 0"
    if _inserts(statement):
        text += f" UNION ALL SELECT {_added(statement, columns)} FROM {_unmatched(statement)}"  # noqa: S608
    return text


def _chosen(branches: Sequence[Branch], hit: str, column: str, old: str) -> str:
    """A column's value in a row of the target: the first branch that holds says it."""
    if not any(a.column == column for b in branches for a in b.assignments):
        return old
    cases = [f"WHEN {hit} IS NULL THEN {old}"]
    for branch in branches:
        new = next((a.value for a in branch.assignments if a.column == column), None)
        cases.append(f"WHEN {_holds(branch.condition)} THEN " + (old if new is None else f"(\n{new}\n)"))
    return f"CASE {' '.join(cases)} ELSE {old} END"


def _added(statement: Merge, columns: Sequence[str]) -> str:
    values = []
    branches = [b for b in statement.branches if not b.matched]
    given = [_by_name(branch, columns) for branch in branches]
    for column in columns:
        cases = " ".join(
            f"WHEN {_holds(branch.condition)} THEN {new.get(column, 'NULL')}"
            for branch, new in zip(branches, given, strict=True)
        )
        first = given[0].get(column, "NULL")
        values.append((first if len(branches) == 1 else f"CASE {cases} END") + f" AS {quoted(column)}")
    return ", ".join(values)


def _by_name(branch: Branch, columns: Sequence[str]) -> dict[str, str]:
    names = [a.column for a in branch.assignments]
    if names and not any(names):  # without a list of columns: all of them, in their order
        if len(names) != len(columns):
            raise QueryError("SYNTAX_ERROR", "MERGE insert: there are not as many values as columns")
        names = list(columns)
    _check(names, columns)
    return {name: f"(\n{a.value}\n)" for name, a in zip(names, branch.assignments, strict=True)}
