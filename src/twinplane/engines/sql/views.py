"""Views in a statement: each becomes the query it stands for, before anything is resolved or planned."""

from collections.abc import Mapping

from sqlglot import exp

from twinplane.engines.sql import statement
from twinplane.engines.sql.plan import QueryError, TableName, View

_MOST_NESTED = 16
Views = Mapping[TableName, View]


def expand(tree: exp.Expr, database: str, views: Views) -> exp.Expr:
    """The tree with the queries of views in their place. Names inside of a view mean its own database.

    Raises `QueryError` on views that name one another in a circle.
    """
    return _expand(tree, database, views, 0) if views else tree


def _expand(tree: exp.Expr, database: str, views: Views, depth: int) -> exp.Expr:
    if depth > _MOST_NESTED:
        raise QueryError("INVALID_VIEW", "View is recursive, or views are nested too deeply")
    named = []
    for table in list(tree.find_all(exp.Table)):
        if table.meta.get("cte"):
            continue
        name = statement.reference_of(table).in_database(database)
        view = views.get(name)
        if view is None:
            table.set("db", exp.to_identifier(name.database, quoted=True))
            continue
        named.append(name)
        body = _expand(statement.parse(view.text).tree.copy(), view.database, views, depth + 1)
        parts = {part: table.args.get(part) for part in ("alias", "joins", "laterals", "sample")}
        if parts["alias"] is None:
            parts["alias"] = exp.TableAlias(this=exp.to_identifier(name.table, quoted=True))
        table.replace(exp.Subquery(this=body, **{k: v for k, v in parts.items() if v}))
    for column in tree.find_all(exp.Column):  # `sales.recent.id` is `recent.id` where `recent` is a view
        if column.db and TableName(column.db, column.table) in named:
            column.set("db", None)
            column.set("catalog", None)
    return tree
