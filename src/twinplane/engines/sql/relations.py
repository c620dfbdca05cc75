"""Queries of a checked tree -> DuckDB text in which every name is ours: relations `r0`, columns `c0`, CTEs `c_0`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from twinplane.engines.sql import operators, types
from twinplane.engines.sql.expressions import Expressions, direction
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.scopes import Field, Output, Relation, Scope, item_of
from twinplane.engines.sql.types import Type
from twinplane.engines.sql.unnest import unnested
from twinplane.engines.sql.values import Value, converted, written


@dataclass(frozen=True, slots=True)
class Base:
    """A table of the catalog as the statement sees it: a view, its columns, and those that only a name brings out."""

    view: str
    columns: tuple[tuple[str, Type], ...]
    hidden: tuple[tuple[str, Type], ...] = ()


@dataclass(frozen=True, slots=True)
class _Item:
    value: Value
    name: str | None
    shown: str | None


class Queries(Expressions):
    """Compiles queries over the tables that `base_of` knows."""

    def __init__(self, base_of: Callable[[exp.Table], Base]) -> None:
        super().__init__()
        self._base_of = base_of
        self._ctes: dict[str, tuple[Output, ...]] = {}

    def query(self, node: exp.Expr, parent: Scope | None) -> Relation:
        """A query, whose outer queries' columns are in `parent`. Raises `QueryError`."""
        before = self._ctes
        try:
            match node:
                case exp.Select():
                    return self._select(node, parent)
                case exp.SetOperation():
                    return self._set(node, parent)
                case exp.Values():
                    return self._values(node, parent)
                case exp.Subquery():
                    return self._nested(node, parent)
                case exp.Table():
                    return self._select(exp.select("*").from_(node, copy=False), parent)
            raise QueryError("NOT_SUPPORTED", f"{node.key.upper()} is not supported here")
        finally:
            self._ctes = before

    def _nested(self, node: exp.Subquery, parent: Scope | None) -> Relation:
        inner = node.this
        if isinstance(inner, exp.Table) or node.args.get("joins"):
            return self._select(exp.select("*").from_(node, copy=False), parent)
        with_ = self._with(node, parent)
        relation = self.query(inner, parent)
        if not with_ and not any(node.args.get(k) for k in ("order", "limit", "offset")):
            return relation
        return self._over_outputs(node, relation, parent, with_)

    # WITH

    def _with(self, node: exp.Expr, parent: Scope | None) -> str:
        with_ = node.args.get("with_")
        if with_ is None:
            return ""
        parts = []
        for cte in with_.expressions:
            parts.append(self._cte(cte, parent, recursive=bool(with_.args.get("recursive"))))
        return ("WITH RECURSIVE " if with_.args.get("recursive") else "WITH ") + ", ".join(parts) + " "

    def _cte(self, cte: exp.CTE, parent: Scope | None, *, recursive: bool) -> str:
        opaque = cte.args["alias"].this.name
        columns = [c.name for c in cte.args["alias"].columns]
        body = cte.this
        if recursive and any(t.name == opaque for t in body.find_all(exp.Table) if t.meta.get("cte")):
            if not isinstance(body, exp.Union):
                raise QueryError("NOT_SUPPORTED", "A recursive query is a UNION of two")
            first = self.query(body.this, parent)
            self._ctes = {**self._ctes, opaque: _renamed(first.outputs, columns, cte.meta.get("named", "query"))}
            step = self._fitted(self.query(body.expression, parent), [o.type for o in first.outputs])
            word = "UNION" if body.args.get("distinct") else "UNION ALL"
            names = ", ".join(f"c{n}" for n in range(len(first.outputs)))
            return f"{opaque}({names}) AS (({first.sql}) {word} ({step.sql}))"
        relation = self.query(body, parent)
        self._ctes = {**self._ctes, opaque: _renamed(relation.outputs, columns, cte.meta.get("named", "query"))}
        return f"{opaque} AS ({relation.sql})"

    def _fitted(self, relation: Relation, wanted: Sequence[Type]) -> Relation:
        """A query whose columns become of these types."""
        if len(relation.outputs) != len(wanted):
            raise QueryError("TYPE_MISMATCH", "The queries have different numbers of columns")
        if [o.type for o in relation.outputs] == list(wanted):
            return relation
        alias = self.fresh("r")
        parts = []
        for n, (output, type_) in enumerate(zip(relation.outputs, wanted, strict=True)):
            if types.common(output.type, type_) != type_ and types.common(output.type, type_) is None:
                raise QueryError("TYPE_MISMATCH", f"column {n + 1} has incompatible types: {type_}, {output.type}")
            parts.append(f"{converted(Value(f'{alias}.c{n}', output.type), type_).sql} AS c{n}")
        sql = f"SELECT {', '.join(parts)} FROM ({relation.sql}) AS {alias}"  # noqa: S608 - generated parts
        outputs = tuple(replace(o, type=t) for o, t in zip(relation.outputs, wanted, strict=True))
        return Relation(sql, outputs)

    # set operations and VALUES

    def _set(self, node: exp.SetOperation, parent: Scope | None) -> Relation:
        with_ = self._with(node, parent)
        kind, every = type(node), not node.args.get("distinct")
        sides: list[exp.Expr] = [node.expression]
        first = node.this
        while type(first) is kind and not any(
            first.args.get(k) for k in ("with_", "order", "limit", "offset")
        ) and (not first.args.get("distinct")) == every:  # fmt: skip
            sides.append(first.expression)
            first = first.this
        relations = [self.query(s, parent) for s in [first, *reversed(sides)]]
        wanted = [o.type for o in relations[0].outputs]
        for relation in relations[1:]:
            if len(relation.outputs) != len(wanted):
                raise QueryError("TYPE_MISMATCH", f"{node.key.upper()} query has different number of fields")
            for n, output in enumerate(relation.outputs):
                both = types.common(wanted[n], output.type)
                if both is None:
                    message = f"column {n + 1} in {node.key.upper()} query has incompatible types"
                    raise QueryError("TYPE_MISMATCH", f"{message}: {wanted[n]}, {output.type}")
                wanted[n] = both
        parts = [self._fitted(r, wanted) for r in relations]
        word = {exp.Union: "UNION", exp.Intersect: "INTERSECT", exp.Except: "EXCEPT"}[kind] + (" ALL" if every else "")
        whole = Relation(f" {word} ".join(f"({p.sql})" for p in parts), parts[0].outputs)
        if not any(node.args.get(k) for k in ("order", "limit", "offset")):
            return Relation(with_ + whole.sql, whole.outputs)
        return self._over_outputs(node, whole, parent, with_)

    def _over_outputs(self, node: exp.Expr, relation: Relation, parent: Scope | None, with_: str) -> Relation:
        """ORDER BY, OFFSET and LIMIT over a whole query, whose columns are all that they can name."""
        alias = self.fresh("r")
        items = [_Item(Value(f"{alias}.c{n}", o.type), o.name, o.shown) for n, o in enumerate(relation.outputs)]
        fields = [Field(i.name, i.value) for i in items]
        columns = ", ".join(f"{i.value.sql} AS c{n}" for n, i in enumerate(items))
        body = f"SELECT {columns} FROM ({relation.sql}) AS {alias}"  # noqa: S608 - generated parts
        return Relation(with_ + self._ended(node, body, items, Scope(fields, parent)), relation.outputs)

    def _values(self, node: exp.Values, parent: Scope | None) -> Relation:
        rows = [
            self.values(r.expressions if isinstance(r, exp.Tuple) else [r], Scope((), parent)) for r in node.expressions
        ]
        width = len(rows[0])
        if any(len(r) != width for r in rows):
            raise QueryError("TYPE_MISMATCH", "Values rows have mismatched sizes")
        wanted = [types.UNKNOWN] * width
        for row in rows:
            for n, value in enumerate(row):
                both = types.common(wanted[n], value.type)
                if both is None:
                    raise QueryError("TYPE_MISMATCH", f"Values rows have mismatched types: {wanted[n]} vs {value.type}")
                wanted[n] = both
        lines = ", ".join(
            "(" + ", ".join(converted(v, t).sql for v, t in zip(r, wanted, strict=True)) + ")" for r in rows
        )
        alias, names = self.fresh("r"), [f"c{n}" for n in range(width)]
        columns = ", ".join(f"{alias}.{n} AS {n}" for n in names)
        sql = f"SELECT {columns} FROM (VALUES {lines}) AS {alias}({', '.join(names)})"  # noqa: S608 - generated parts
        return Relation(sql, tuple(Output(None, t) for t in wanted))

    # SELECT

    def _select(self, node: exp.Select, parent: Scope | None) -> Relation:
        with_ = self._with(node, parent)
        source, fields = self._from(node, parent)
        windows = {w.this.name: w for w in node.args.get("windows") or () if isinstance(w.this, exp.Identifier)}
        scope = Scope(fields, parent, windows=windows)
        items = self._items(node.expressions, scope)
        if not items:
            raise QueryError("SYNTAX_ERROR", "SELECT * needs a FROM clause with columns")
        distinct = node.args.get("distinct")
        if distinct is not None and distinct.args.get("on"):
            raise QueryError("SYNTAX_ERROR", "DISTINCT ON is not supported")
        columns = ", ".join(f"{i.value.sql} AS c{n}" for n, i in enumerate(items))
        sql = f"SELECT {'DISTINCT ' if distinct else ''}{columns}{source}"
        if node.args.get("where") is not None:
            sql += f" WHERE {self.boolean(node.args['where'].this, scope, 'WHERE clause').sql}"
        if node.args.get("group") is not None:
            sql += self._group(node.args["group"], items, scope)
        if node.args.get("having") is not None:
            sql += f" HAVING {self.boolean(node.args['having'].this, scope, 'HAVING clause').sql}"
        outputs = tuple(Output(i.name, i.value.type, i.shown) for i in items)
        if distinct and any(node.args.get(k) for k in ("order", "limit", "offset")):
            order = node.args.get("order")
            if order is None or all(_place(o, items) is not None for o in order.expressions):
                return Relation(with_ + self._ended(node, sql, items, scope), outputs)
            return self._over_outputs(node, Relation(sql, outputs), parent, with_)
        return Relation(with_ + self._ended(node, sql, items, scope), outputs)

    def _items(self, nodes: Sequence[exp.Expr], scope: Scope) -> list[_Item]:
        items: list[_Item] = []
        for node in nodes:
            inner = node.this if isinstance(node, exp.Alias) else node
            if isinstance(inner, exp.Star):
                items += [_Item(f.value, f.name, f.name) for f in scope.fields if not f.hidden]
            elif isinstance(inner, exp.Column) and isinstance(inner.this, exp.Star):
                items += self._all_of(inner, scope)
            elif isinstance(inner, exp.Dot) and isinstance(inner.expression, exp.Star):
                whole = self.value(inner.this, scope)
                if whole.type.name != "row":
                    raise QueryError("TYPE_MISMATCH", "`.*` is of rows")
                names = whole.type.fields
                items += [_Item(item_of(whole, n), name, name) for n, name in enumerate(names)]
            else:
                name = node.alias if isinstance(node, exp.Alias) else _own_name(node)
                if isinstance(inner, exp.Literal) and not inner.is_string and re.match(r"_\d", name or ""):
                    raise QueryError("SYNTAX_ERROR", f"Invalid number: {inner.this}{name}")
                shown = node.meta.get("shown")
                items.append(_Item(self.value(inner, scope), name or None, shown or name or None))
        return items

    def _all_of(self, node: exp.Column, scope: Scope) -> list[_Item]:
        parts = tuple(p.name for p in node.parts[:-1])
        found = [
            f for f in scope.fields if not f.hidden and f.qualifier[len(f.qualifier) - len(parts) :] == parts
        ]  # fmt: skip
        if found:
            return [_Item(f.value, f.name, f.name) for f in found]
        try:
            whole = scope.find(parts)
        except QueryError:
            whole = None
        if whole is None or whole.type.name != "row":
            raise QueryError("TABLE_NOT_FOUND", "A column is qualified with a table that is not in the FROM clause")
        return [_Item(item_of(whole, n), name, name) for n, name in enumerate(whole.type.fields)]

    def _group(self, group: exp.Group, items: Sequence[_Item], scope: Scope) -> str:
        if group.args.get("all") is not None or group.args.get("totals"):
            raise QueryError("SYNTAX_ERROR", "GROUP BY ALL and DISTINCT are not supported")
        sets = [*group.expressions]
        for kind in ("grouping_sets", "cube", "rollup"):
            sets += group.args.get(kind) or []
        return " GROUP BY " + ", ".join(self._group_key(k, items, scope) for k in sets)

    def _group_key(self, node: exp.Expr, items: Sequence[_Item], scope: Scope) -> str:
        match node:
            case exp.GroupingSets() | exp.Cube() | exp.Rollup():
                word = {exp.GroupingSets: "GROUPING SETS", exp.Cube: "CUBE", exp.Rollup: "ROLLUP"}[type(node)]
                return f"{word} ({', '.join(self._group_key(k, items, scope) for k in node.expressions)})"
            case exp.Tuple():
                return "(" + ", ".join(self._group_key(k, items, scope) for k in node.expressions) + ")"
            case exp.Paren():
                return f"({self._group_key(node.this, items, scope)})"
            case exp.Literal() if not node.is_string:
                item = items[_position(node, len(items), "GROUP BY")]
                value = item.value
                return f"CAST({value.sql} AS {types.in_duckdb(value.type)})" if value.is_constant else value.sql
        return self.key(node, scope)

    def _ended(self, node: exp.Expr, sql: str, items: Sequence[_Item], scope: Scope) -> str:
        """The query with its ORDER BY, OFFSET and LIMIT."""
        order = node.args.get("order")
        keys = [] if order is None else [self._order_key(o, items, scope) for o in order.expressions]
        limit, offset = node.args.get("limit"), node.args.get("offset")
        skipped = None if offset is None else _count(offset.expression)
        if isinstance(limit, exp.Fetch):
            options = limit.args.get("limit_options")
            count = 1 if limit.args.get("count") is None else _count(limit.args["count"])
            if options is not None and options.args.get("percent"):
                raise QueryError("SYNTAX_ERROR", "FETCH of a percentage is not supported")
            if options is not None and options.args.get("with_ties"):
                return self._with_ties(sql, items, keys, count, skipped)
        else:
            count = None if limit is None else _count(limit.expression)
        if keys:
            sql += " ORDER BY " + ", ".join(keys)
        if count is not None:
            sql += f" LIMIT {count}"
        if skipped is not None:
            sql += f" OFFSET {skipped}"
        return sql

    def _order_key(self, node: exp.Expr, items: Sequence[_Item], scope: Scope) -> str:
        place = _place(node, items)
        if place is not None:
            return f"{place + 1}{direction(node)}"
        named: dict[str, list[Value]] = {}
        for item in items:
            if item.name is not None:
                named.setdefault(item.name, []).append(item.value)
        inner = Scope(scope.fields, scope.parent, scope.lambdas, named, scope.windows)
        key = node.this if isinstance(node, exp.Ordered) else node
        value = self.value(key, inner)
        if not types.is_orderable(value.type):
            raise QueryError("TYPE_MISMATCH", f"Type {value.type} is not orderable")
        for n, item in enumerate(items):
            if item.value.sql == value.sql:
                return f"{n + 1}{direction(node)}"
        return self.key(key, inner) + direction(node)

    def _with_ties(
        self, sql: str, items: Sequence[_Item], keys: Sequence[str], count: int | None, skipped: int | None
    ) -> str:
        if not keys or count is None:
            raise QueryError("MISSING_ORDER_BY", "FETCH FIRST WITH TIES requires ORDER BY")
        if not all(k.split(" ")[0].isdigit() for k in keys):
            raise QueryError("NOT_SUPPORTED", "FETCH FIRST WITH TIES orders by columns of the result here")
        alias, outer = self.fresh("r"), self.fresh("r")
        by = ", ".join(f"{alias}.c{int(k.split(' ')[0]) - 1} {k.partition(' ')[2]}" for k in keys)
        columns = ", ".join(f"{alias}.c{n} AS c{n}" for n in range(len(items)))
        shown = ", ".join(f"{outer}.c{n} AS c{n}" for n in range(len(items)))
        ranked = f"SELECT {columns}, rank() OVER (ORDER BY {by}) AS k, row_number() OVER (ORDER BY {by}) AS n FROM ({sql}) AS {alias}"  # noqa: S608, E501
        first = skipped or 0
        return (
            f"SELECT {shown} FROM ({ranked}) AS {outer} WHERE {outer}.k <= {first + count} "  # noqa: S608
            f"AND {outer}.n > {first} ORDER BY {outer}.n"
        )

    # FROM

    def _from(self, node: exp.Select, parent: Scope | None) -> tuple[str, list[Field]]:
        start = node.args.get("from_")
        if start is None:
            return "", []
        joins = [*(node.args.get("laterals") or ()), *(node.args.get("joins") or ())]
        sql, fields = self._joined(start.this, joins, parent)
        return f" FROM {sql}", fields

    def _joined(self, first: exp.Expr, joins: Sequence[exp.Expr], parent: Scope | None) -> tuple[str, list[Field]]:
        """Relations between commas, each of which may be several joined ones."""
        groups: list[tuple[exp.Expr, list[exp.Expr]]] = [(first, [])]
        inner = first.args.get("joins") if isinstance(first, (exp.Table, exp.Subquery)) else None
        for join in [*(inner or ()), *joins]:
            if _is_comma(join):
                groups.append((join.this if isinstance(join, exp.Join) else join, []))
            else:
                groups[-1][1].append(join)
        sql, fields = "", list[Field]()
        for head, rest in groups:
            text, found = self._relation(head, Scope(fields, parent))
            for join in rest:
                text, found = self._join(text, found, join, fields, parent)
            sql = f"{sql} CROSS JOIN {f'({text})' if rest else text}" if sql else text
            fields = [*fields, *found]
        return sql, fields

    def _join(
        self, left: str, fields: list[Field], join: exp.Expr, outer: list[Field], parent: Scope | None
    ) -> tuple[str, list[Field]]:
        if not isinstance(join, exp.Join):
            raise QueryError("NOT_SUPPORTED", f"{join.key.upper()} is not supported here")
        if join.args.get("method"):
            raise QueryError("NOT_SUPPORTED", "Natural join not supported")
        side, kind = str(join.args.get("side") or "").upper(), str(join.args.get("kind") or "").upper()
        if kind not in ("", "INNER", "OUTER", "CROSS") or side not in ("", "LEFT", "RIGHT", "FULL"):
            raise QueryError("NOT_SUPPORTED", f"{side} {kind} JOIN is not supported".strip())
        right, found = self._relation(join.this, Scope([*outer, *fields], parent))
        every = [*fields, *found]
        if kind == "CROSS":
            return f"{left} CROSS JOIN {right}", every
        word = f"{side} JOIN" if side else "JOIN"
        if join.args.get("using"):
            return self._using(f"{left} {word} {right}", side, join.args["using"], fields, found)
        on = join.args.get("on")
        if on is None:
            raise QueryError("SYNTAX_ERROR", "JOIN needs ON or USING")
        condition = self.boolean(on, Scope([*outer, *every], parent), "JOIN ON clause")
        return f"{left} {word} {right} ON {condition.sql}", every

    def _using(
        self, sql: str, side: str, names: Sequence[exp.Expr], left: list[Field], right: list[Field]
    ) -> tuple[str, list[Field]]:
        shared, tests, keys = [], [], [n.name for n in names]
        for name in keys:
            a, b = Scope(left).find([name]), Scope(right).find([name])
            tests.append(operators.compared("=", a, b).sql)
            both = types.common(a.type, b.type)
            assert both is not None
            a, b = converted(a, both), converted(b, both)
            one = {"RIGHT": b, "FULL": written(f"coalesce({a.sql}, {b.sql})", both, a, b)}.get(side, a)
            shared.append(Field(name, one))
        others = [f for f in [*left, *right] if f.name not in keys]
        return f"{sql} ON {' AND '.join(tests)}", [*shared, *others]

    def _relation(self, node: exp.Expr, scope: Scope) -> tuple[str, list[Field]]:
        """One relation of a FROM clause: its text, and its fields."""
        match node:
            case exp.Table():
                return self._table(node)
            case exp.Unnest():
                return self._unnest(node, scope)
            case exp.Lateral():
                inner = node.this
                if isinstance(inner, exp.Unnest):
                    return self._unnest(inner, scope, node)
                if not isinstance(inner, exp.Subquery) or node.args.get("view") or node.args.get("outer"):
                    raise QueryError("SYNTAX_ERROR", "LATERAL is followed by a query in parentheses")
                return self._derived(self.query(inner.this, scope), node)
            case exp.Subquery() if isinstance(node.this, exp.Table) or node.args.get("joins"):
                head = (
                    node.this
                    if isinstance(node.this, exp.Table)
                    else exp.Subquery(this=node.this, alias=node.args.get("alias"))
                )
                sql, fields = self._joined(
                    head, [] if isinstance(node.this, exp.Table) else node.args["joins"], scope.parent
                )
                if node.args.get("alias") is not None and isinstance(node.this, exp.Table):
                    fields = _aliased(fields, node)
                return f"({sql})", fields
            case exp.Subquery() | exp.Values():
                return self._derived(self.query(node, scope.parent), node)
        raise QueryError("NOT_SUPPORTED", f"{node.key.upper()} is not supported in FROM")

    def _table(self, node: exp.Table) -> tuple[str, list[Field]]:
        alias, name = self.fresh("r"), node.meta.get("named", node.name)
        if node.meta.get("cte"):
            source, outputs = node.name, self._ctes[node.name]
            fields = [Field(o.name, Value(f"{alias}.c{n}", o.type), (name,)) for n, o in enumerate(outputs)]
        else:
            base = self._base_of(node)
            source, qualifier = base.view, node.meta["qualifier"]
            fields = [Field(c, Value(f"{alias}.c{n}", t), qualifier) for n, (c, t) in enumerate(base.columns)]
            fields += [
                Field(c, Value(f"{alias}.h{n}", t), qualifier, hidden=True) for n, (c, t) in enumerate(base.hidden)
            ]
        text = f"{source} AS {alias}"
        return text + self._sample(node.args.get("sample")), _aliased(fields, node)

    def _sample(self, sample: exp.TableSample | None) -> str:
        if sample is None:
            return ""
        method, percent = sample.args.get("method"), sample.args.get("percent")
        name = "" if method is None else method.name.upper()
        if name not in ("BERNOULLI", "SYSTEM") or not isinstance(percent, exp.Literal) or percent.is_string:
            raise QueryError("SYNTAX_ERROR", "TABLESAMPLE is BERNOULLI or SYSTEM and a percentage")
        share = float(percent.this)
        if not 0 <= share <= 100:
            raise QueryError("INVALID_ARGUMENTS", "Sample percentage must be between 0 and 100")
        return f" TABLESAMPLE {name} ({share} PERCENT)"

    def _derived(self, relation: Relation, node: exp.Expr) -> tuple[str, list[Field]]:
        alias = self.fresh("r")
        fields = [Field(o.name, Value(f"{alias}.c{n}", o.type)) for n, o in enumerate(relation.outputs)]
        text = f"({relation.sql}) AS {alias}" + self._sample(node.args.get("sample"))
        return text, _aliased(fields, node)

    def _unnest(self, node: exp.Unnest, scope: Scope, outer: exp.Expr | None = None) -> tuple[str, list[Field]]:
        arguments = self.values(node.expressions, scope)
        offset = node.args.get("offset")
        sql, found = unnested(arguments, ordinality=bool(offset))
        alias = self.fresh("r")
        fields = [Field(None, Value(f"{alias}.c{n}", t)) for n, t in enumerate(found)]
        given = (outer or node).args.get("alias")
        names = [c.name for c in given.columns] if given is not None else []
        if isinstance(offset, exp.Identifier) and names and len(names) == len(fields) - 1:
            names.append(offset.name)
        named = (
            exp.Table(alias=exp.TableAlias(this=given.this, columns=[exp.to_identifier(n) for n in names]))
            if given is not None
            else node
        )
        return f"({sql}) AS {alias}", _aliased(fields, named)


def _is_comma(join: exp.Expr) -> bool:
    """Whether a relation stands behind a comma."""
    return not isinstance(join, exp.Join) or not any(
        join.args.get(k) for k in ("on", "using", "side", "kind", "method")
    )  # fmt: skip


def _own_name(node: exp.Expr) -> str | None:
    """The name of an output that has no alias: a column's or a field's own."""
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Column):
        return node.name
    return node.expression.name if isinstance(node, exp.Dot) else None


def _renamed(outputs: Sequence[Output], names: Sequence[str], whole: str) -> tuple[Output, ...]:
    if not names:
        return tuple(outputs)
    if len(names) != len(outputs):
        raise _miscounted(len(names), whole, len(outputs))
    return tuple(Output(n, o.type) for n, o in zip(names, outputs, strict=True))


def _miscounted(given: int, name: str, there: int) -> QueryError:
    message = f"Column alias list has {given} entries but '{name}' has {there} columns available"
    return QueryError("MISMATCHED_COLUMN_ALIASES", message)


def _aliased(fields: list[Field], node: exp.Expr) -> list[Field]:
    """A relation's fields under the names that its alias gives."""
    alias = node.args.get("alias")
    if alias is None or not alias.args.get("this"):
        return fields
    names = [c.name for c in alias.columns]
    shown = [f for f in fields if not f.hidden]
    if names and len(names) != len(shown):
        raise _miscounted(len(names), alias.name, len(shown))
    called = names or [f.name for f in shown]
    qualifier = (alias.name,)
    new = [replace(f, name=n, qualifier=qualifier) for f, n in zip(shown, called, strict=True)]
    return new + ([] if names else [replace(f, qualifier=qualifier) for f in fields if f.hidden])


def _place(node: exp.Expr, items: Sequence[_Item]) -> int | None:
    """Which output an ORDER BY's key is, where it is one by number or by name. Raises `QueryError`."""
    key: Any = node.this if isinstance(node, exp.Ordered) else node
    if isinstance(key, exp.Literal) and not key.is_string:
        return _position(key, len(items), "ORDER BY")
    if isinstance(key, exp.Column) and len(key.parts) == 1:
        found = [n for n, i in enumerate(items) if i.name == key.name]
        if len({items[n].value.sql for n in found}) > 1:
            raise QueryError("AMBIGUOUS_NAME", f"Column '{key.name}' is ambiguous")
        return found[0] if found else None
    return None


def _position(node: exp.Literal, width: int, clause: str) -> int:
    place = int(node.this) if str(node.this).isdigit() else 0
    if not 1 <= place <= width:
        raise QueryError("INVALID_COLUMN_REFERENCE", f"{clause} position {node.this} is not in select list")
    return place - 1


def _count(node: exp.Expr) -> int | None:
    """The number of a LIMIT or OFFSET; None for ALL."""
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Literal) and not node.is_string and str(node.this).isdigit():
        return int(node.this)
    if isinstance(node, exp.Var) and node.name.upper() == "ALL":
        return None
    raise QueryError("SYNTAX_ERROR", "LIMIT and OFFSET take a whole number")
