"""Random SELECT statements over the visible columns of a world."""

from dataclasses import dataclass
from random import Random

from tests.engines.sql.fuzzing.expressions import AGGREGATES, SCALARS, WINDOWS, Columns, Expressions
from tests.engines.sql.fuzzing.worlds import HIDDEN_MARK, World


@dataclass(frozen=True)
class _Made:
    """A query, and the columns it answers with."""

    text: str
    columns: Columns


class Statements:
    """Makes statements. `world` says what the person may name."""

    def __init__(self, random: Random, world: World) -> None:
        self._random, self._world = random, world
        self._expressions = Expressions(random)
        self._names = 0
        self._ctes: dict[str, Columns] = {}

    def next(self) -> str:
        """One statement."""
        self._ctes = {}
        draw = self._random.random()
        if draw < 0.1:
            return self.failing_on_hidden()
        if draw < 0.15:
            return self._naming_what_is_hidden()
        ctes = []
        for _ in range(self._random.choice((0, 0, 0, 1, 2))):
            made, name = self._query(1), self._name("w")
            ctes.append(f"{name} AS ({made.text})")
            self._ctes[name] = made.columns
        recursive = self._random.random() < 0.05
        if recursive:
            ctes.append("n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3)")
            self._ctes["n"] = {"i": "bigint"}
        start = f"WITH {'RECURSIVE ' if recursive else ''}{', '.join(ctes)} " if ctes else ""
        return start + self._query(2).text

    def failing_on_hidden(self) -> str:
        """It fails on values that are only in hidden cells; to fail is to tell of them."""
        if not self._world.marked:
            return "SELECT 1"
        table, column = self._random.choice(self._world.marked)
        failing, value = self._random.choice(
            (
                (f"1 / ({column} - {HIDDEN_MARK}) < 5", f"1 / ({column} - {HIDDEN_MARK})"),
                (f"cast({column} as smallint) IS NOT NULL", f"cast({column} as smallint)"),
                (f"{column} * 9000000000000000 > 5", f"{column} * 9000000000000000"),
                (f"chr(CASE WHEN {column} = {HIDDEN_MARK} THEN -1 ELSE 65 END) = 'A'",) * 2,
                (
                    f"CAST(CASE WHEN {column} = {HIDDEN_MARK} THEN 'x' ELSE '1' END AS bigint) = 1",
                    f"CAST(CASE WHEN {column} = {HIDDEN_MARK} THEN 'x' ELSE '1' END AS bigint)",
                ),
                (f"json_parse(CASE WHEN {column} = {HIDDEN_MARK} THEN 'x{{' ELSE '1' END) IS NOT NULL",) * 2,
            )
        )
        return self._random.choice(
            (
                f"SELECT count(*) FROM {table} WHERE {failing}",
                f"SELECT count(*) FROM (SELECT * FROM {table}) x WHERE {failing}",
                f"WITH w AS (SELECT * FROM {table}) SELECT count(*) FROM w WHERE {failing}",
                f"SELECT count(*) FROM {table} GROUP BY {failing} ORDER BY 1",
                f"SELECT count(*) FILTER (WHERE {failing}) FROM {table}",
                f"SELECT max(CASE WHEN {failing} THEN 1 END) FROM {table} WHERE {column} > -100",
                f"SELECT count(*) FROM {table} x JOIN (SELECT 1 AS a) v ON x.{column} = v.a WHERE {failing}",
                f"SELECT count(*) FROM {table} x JOIN (SELECT 1 AS a) v ON x.{column} = v.a AND {failing}",
                f"SELECT count(*) FROM (SELECT {value} AS d FROM {table}) x WHERE d IS NOT NULL",
                f"WITH w AS (SELECT {value} AS d FROM {table}) SELECT count(*) FROM w x JOIN w y ON x.d = y.d",
                f"SELECT 1 FROM (SELECT {value} AS d FROM {table} UNION SELECT {value} FROM {table}) WHERE d IS NULL",
                f"SELECT sum(n) FROM (SELECT {value} AS d, count(*) AS n FROM {table} GROUP BY 1) WHERE d IS NOT NULL",
                f"SELECT count(*) FROM (SELECT 1 AS a) v WHERE a IN (SELECT 1 FROM {table} WHERE {failing})",
                f"SELECT count(*) FROM (SELECT 1 AS a) v WHERE EXISTS (SELECT 1 FROM {table} WHERE {failing})",
                f"SELECT (SELECT count(*) FROM {table} WHERE {failing})",
                f"SELECT 1 FROM (SELECT row_number() OVER (PARTITION BY {value}) n FROM {table}) x WHERE n = 1",
                f"SELECT {value} AS d FROM {table} ORDER BY d LIMIT 1",
                f"SELECT sum(n) FROM (SELECT {value} AS d, 1 AS n FROM {table}) x",
            )
        )

    def _naming_what_is_hidden(self) -> str:
        """It names a column that is not there for the person, in a place where it might still be found."""
        table = self._random.choice(list(self._world.columns))
        hidden = self._random.choice(self._world.hidden[table] or ["nowhere"])
        shown = self._random.choice(list(self._world.columns[table]))
        return self._random.choice(
            (
                f"SELECT {hidden} FROM {table}",
                f"SELECT x.{hidden} FROM {table} x",
                f"SELECT {table}.{hidden} FROM {table}",
                f"SELECT count(*) FROM {table} WHERE {hidden} IS NOT NULL",
                f"SELECT count(*) FROM {table} GROUP BY {hidden}",
                f"SELECT {shown} FROM {table} ORDER BY {hidden}",
                f"SELECT count({hidden}) FROM (SELECT * FROM {table}) x",
                f"SELECT x.{shown} FROM {table} x JOIN {table} y ON x.{hidden} = y.{hidden}",
                f"SELECT x.{shown} FROM {table} x JOIN {table} y USING ({hidden})",
                f"SELECT {shown} FROM {table} x WHERE EXISTS (SELECT x.{hidden})",
                f"SELECT row_number() OVER (ORDER BY {hidden}) FROM {table}",
                f"SELECT array[{hidden}] FROM {table}",
                f"WITH w AS (SELECT * FROM {table}) SELECT {hidden} FROM w",
                f"SELECT {hidden} FROM {table} UNION ALL SELECT {hidden} FROM {table}",
                f"SELECT max({hidden}) FILTER (WHERE true) FROM {table}",
                f"SELECT try({hidden}) FROM {table}",
                f"SELECT count(*) FROM {table} HAVING max({hidden}) IS NULL",
            )
        )

    def _query(self, depth: int) -> _Made:
        kind = self._random.random()
        if kind < 0.15 and depth:
            return self._set_operation(depth)
        if kind < 0.4:
            return self._grouped(depth)
        if kind < 0.5:
            return self._windowed(depth)
        return self._plain(depth)

    def _plain(self, depth: int) -> _Made:
        source, scope = self._from(depth)
        items = [self._expressions.some(scope) for _ in range(self._random.randint(1, 4))]
        names = [self._name("e") for _ in items]
        columns = {n: t for n, (_, t) in zip(names, items, strict=True)}
        if depth == 2 and self._random.random() < 0.15:
            return _Made(f"SELECT * FROM {source}{self._where(scope, depth)}", {})
        shown = ", ".join(f"{text} AS {n}" for n, (text, _) in zip(names, items, strict=True))
        distinct = "DISTINCT " if self._random.random() < 0.2 else ""
        text = f"SELECT {distinct}{shown} FROM {source}{self._where(scope, depth)}"
        return _Made(text + self._limited(columns), columns)

    def _limited(self, columns: Columns) -> str:
        """An order that leaves no choice, and some of its rows."""
        if self._random.random() > 0.3 or not all(t in (*SCALARS, "int") for t in columns.values()):
            return ""
        order = ", ".join(n + self._random.choice(("", " DESC", " NULLS FIRST", " DESC NULLS LAST")) for n in columns)
        return f" ORDER BY {order}" + self._random.choice(
            ("", " LIMIT 5", " OFFSET 1 LIMIT 3", " FETCH FIRST 2 ROWS ONLY")
        )

    def _where(self, scope: Columns, depth: int) -> str:
        draw = self._random.random()
        if draw < 0.45:
            return f" WHERE {self._expressions.of('boolean', scope, 3)}"
        if draw < 0.6 and depth:
            inner, columns = self._from(depth - 1)
            left, right = self._expressions.of("bigint", scope, 1), self._expressions.of("bigint", columns, 1)
            return self._random.choice(
                (
                    f" WHERE {left} IN (SELECT {right} FROM {inner})",
                    f" WHERE EXISTS (SELECT 1 FROM {inner} WHERE {right} = {left})",
                    f" WHERE NOT EXISTS (SELECT 1 FROM {inner} WHERE {right} = {left})",
                    f" WHERE {left} < (SELECT max({right}) FROM {inner})",
                )
            )
        return ""

    def _grouped(self, depth: int) -> _Made:
        source, scope = self._from(depth)
        keys = [self._expressions.some(scope, SCALARS) for _ in range(self._random.randint(0, 2))]
        template, types, type_ = self._random.choice(AGGREGATES)
        items = [*keys, (self._expressions.filled(template, types, scope, 1), type_)]
        names = [self._name("g") for _ in items]
        shown = ", ".join(f"{text} AS {n}" for n, (text, _) in zip(names, items, strict=True))
        text = f"SELECT {shown} FROM {source}{self._where(scope, depth)}"
        if keys:
            by = ", ".join(str(n + 1) for n in range(len(keys)))
            plain = ", ".join(key for key, _ in keys)
            sets = any("(" in key or " " in key or "'" in key for key, _ in keys)  # these take columns only
            text += " GROUP BY " + (
                by
                if sets
                else self._random.choice((by, f"ROLLUP ({plain})", f"CUBE ({plain})", f"GROUPING SETS (({plain}), ())"))
            )
        if self._random.random() < 0.2:
            text += f" HAVING count(*) > {self._random.randint(0, 3)}"
        return _Made(text, {n: t for n, (_, t) in zip(names, items, strict=True)})

    def _windowed(self, depth: int) -> _Made:
        source, scope = self._from(depth)
        order = [c for c, t in scope.items() if t in (*SCALARS, "int")]
        numbers = [c for c, t in scope.items() if t in ("bigint", "int")]
        if not numbers:
            return self._plain(depth)
        template, types, type_ = self._random.choice(WINDOWS)
        partition = f"PARTITION BY {self._random.choice(order)} " if self._random.random() < 0.5 else ""
        window = f"{partition}ORDER BY {', '.join(order)}"
        filled = template.replace("{w}", window).replace("{c}", self._random.choice(numbers))
        items = [*((c, scope[c]) for c in order[:3]), (self._expressions.filled(filled, types, scope, 0), type_)]
        names = [self._name("v") for _ in items]
        shown = ", ".join(f"{text} AS {n}" for n, (text, _) in zip(names, items, strict=True))
        return _Made(f"SELECT {shown} FROM {source}", {n: t for n, (_, t) in zip(names, items, strict=True)})

    def _set_operation(self, depth: int) -> _Made:
        types = [self._random.choice(SCALARS) for _ in range(self._random.randint(1, 3))]
        sides = []
        for _ in range(2):
            source, scope = self._from(depth - 1)
            shown = ", ".join(f"{self._expressions.of(t, scope, 1)} AS s{n}" for n, t in enumerate(types))
            sides.append(f"SELECT {shown} FROM {source}")
        operation = self._random.choice(("UNION", "UNION ALL", "INTERSECT", "EXCEPT"))
        return _Made(f" {operation} ".join(sides), {f"s{n}": t for n, t in enumerate(types)})

    def _from(self, depth: int) -> tuple[str, Columns]:
        text, scope = self._relation(depth)
        for _ in range(self._random.choice((0, 0, 0, 1, 1, 2))):
            other, columns = self._relation(depth)
            both = scope | columns
            draw = self._random.random()
            if draw < 0.2:
                text = f"{text} CROSS JOIN {other}"
            else:
                kind = self._random.choice(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
                left, right = self._expressions.of("bigint", scope, 0), self._expressions.of("bigint", columns, 0)
                text = f"{text} {kind} {other} ON {left} = {right}"
            scope = both
        if (lists := [c for c, t in scope.items() if t == "numbers"]) and self._random.random() < 0.4:
            name = self._name("u")
            text = f"{text} CROSS JOIN UNNEST({self._random.choice(lists)}) {name} (x)"
            scope = scope | {f"{name}.x": "bigint"}
        return text, scope

    def _relation(self, depth: int) -> tuple[str, Columns]:
        name = self._name("a")
        draw = self._random.random()
        if draw < 0.15 and depth > 0:
            made = self._query(depth - 1)
            if made.columns:
                return f"({made.text}) {name}", {f"{name}.{c}": t for c, t in made.columns.items()}
        if draw < 0.3 and self._ctes:
            cte = self._random.choice(list(self._ctes))
            return f"{cte} {name}", {f"{name}.{c}": t for c, t in self._ctes[cte].items()}
        if draw < 0.35:
            return f"(VALUES (1, 'a'), (2, NULL)) {name} (n, s)", {f"{name}.n": "bigint", f"{name}.s": "varchar"}
        table = self._random.choice(list(self._world.columns))
        return f"{table} {name}", {f"{name}.{c}": t for c, t in self._world.columns[table].items()}

    def _name(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}{self._names}"
