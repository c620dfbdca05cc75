# ruff: noqa: E501 - what stands in the code cannot be wrapped
"""Does the hunt find bugs? Each is planted in a copy of the engine's code, one at a time, and hunted for.

`python -m tests.engines.sql.fuzzing.planting [WORDS OF A BUG]` prints a line for each: found after how many statements, or not.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

_ENGINE = "twinplane.engines.sql."
_WORLDS = 40  # a bug that this many worlds do not show is not found


@dataclass(frozen=True)
class Bug:
    """What stands in a module of the engine, and what is put in its place.

    `gate`: only the second gate is broken; `failing`: only statements that fail on hidden values can show it.
    """

    what: str
    module: str
    stands: str
    planted: str
    gate: bool = False
    failing: bool = False


BUGS = (
    Bug("the row filter is forgotten", "render", 'where = " WHERE " + _any(table, filters)', 'where = ""'),
    Bug(
        "of several row filters none is used",
        "render",
        "    if None in filters:\n",
        "    if None in filters or len(filters) > 1:\n",
    ),
    Bug("row filters must all hold", "render", 'return " OR ".join(', 'return " AND ".join('),
    Bug(
        "only the first row filter counts",
        "render",
        "for f in filters if f is not None)",
        "for f in filters[:1] if f is not None)",
    ),
    Bug("a cell shows in every visible row", "render", "if None in own or set(own) == every:", "if own:"),
    Bug(
        "a cell shows where any filter of any column would",
        "render",
        'return f"CASE WHEN {_any(table, own)} THEN',
        'return f"CASE WHEN {_any(table, tuple(every))} THEN',
    ),
    Bug(
        "a cell of a filtered slice is never shown",
        "render",
        'return f"CASE WHEN {_any(table, own)} THEN {_stored(column)} END"',
        'return "NULL"',
    ),
    Bug(
        "a row filter that is unknown shows the row",
        "render",
        'return Expressions().boolean(condition, Scope(fields), "A row filter").sql',
        "return f\"coalesce({Expressions().boolean(condition, Scope(fields), 'A row filter').sql}, true)\"",
    ),
    Bug(
        "a plan is kept for another's tables",
        "render",
        "return _plan(text, database, tuple(ordered), tuple(parameters), tuple((with_views or {}).items()))",
        'return globals().setdefault("_kept", {}).setdefault(text, _plan(text, database, tuple(ordered), tuple(parameters), tuple((with_views or {}).items())))',
    ),
    Bug(
        "nothing keeps predicates above the row filter",
        "render",
        'kept = {name: f"CASE WHEN random() < 2 THEN {cell} END" for name, cell in cells.items()}',
        "kept = cells",
        failing=True,
    ),
    Bug(
        "every statement counts as one that cannot fail",
        "worker",
        "quick = request.write is None and not hazards.may_fail_early(tree, {s.name: s.types for s in plan.sources})",
        "quick = request.write is None",
        failing=True,
    ),
    Bug(
        "every function counts as one that cannot fail",
        "hazards",
        "return name in _SAFE_FUNCTIONS",
        "return True",
        failing=True,
    ),
    Bug(
        "what queries in FROM are made of is not looked at",
        "hazards",
        "self._early += self._made_of.get(reference, [])",
        "pass",
        failing=True,
    ),
    Bug(
        "joins' conditions are not looked at",
        "hazards",
        'self._also_early(node.get("condition"))',
        "pass",
        failing=True,
    ),
    Bug(
        "queries inside of expressions are not looked at",
        "hazards",
        'self._early += self._query(part["subquery"]["node"])',
        "pass",
        failing=True,
    ),
    Bug(
        "hidden columns are there",
        "plan",
        "return tuple(c for c in self.columns if c.name in shown)",
        "return self.columns",
    ),
    Bug(
        "columns of the first slice only",
        "plan",
        "shown = {c for s in self.slices for c in s.columns}",
        "shown = {c for s in self.slices[:1] for c in s.columns}",
    ),
    Bug("a partition's value is lost", "sources", "'NULL' if value is None else literal(value)", "'NULL'"),
    Bug(
        "one of the files is not read",
        "sources",
        'return " UNION ALL ".join(parts)',
        'return " UNION ALL ".join(parts[-1:])',
    ),
    Bug(
        "files are read twice",
        "sources",
        'return " UNION ALL ".join(parts)',
        'return " UNION ALL ".join(parts + parts[:1])',
    ),
    Bug("any function passes", "gate", "if name not in DUCKDB_FUNCTIONS or", "if", gate=True),
    Bug(
        "any function passes in a window",
        "gate",
        'if kind in ("FUNCTION", "WINDOW"):',
        'if kind == "FUNCTION":',
        gate=True,
    ),
    Bug(
        "any table function passes",
        "gate",
        'if function.get("function_name", "").lower() not in DUCKDB_TABLE_FUNCTIONS:',
        "if False:",
        gate=True,
    ),
    Bug(
        "any table passes",
        "gate",
        "if not _IDENTIFIER.fullmatch(name) or not (name in self._views or name in ctes):",
        "if False:",
        gate=True,
    ),
    Bug(
        "a table may be qualified",
        "gate",
        'if node["schema_name"] or node["catalog_name"] or node.get("at_clause"):',
        "if False:",
        gate=True,
    ),
    Bug("several statements pass", "gate", 'if len(tree["statements"]) != 1:', "if False:", gate=True),
    Bug(
        "a CTE may shadow a view",
        "gate",
        "if not _IDENTIFIER.fullmatch(name) or name in self._views:",
        "if not _IDENTIFIER.fullmatch(name):",
        gate=True,
    ),
    Bug(
        "a CTE is seen everywhere",
        "gate",
        "ctes = ctes | {name}\n        rest",
        "ctes = ctes | {name}\n            self._views = self._views | ctes\n        rest",
        gate=True,
    ),
    Bug(
        "a CTE sees those behind it",
        "gate",
        'for entry in node.get("cte_map", {}).get("map", []):\n',
        'ctes = ctes | {e["key"].lower() for e in node.get("cte_map", {}).get("map", [])}\n        for entry in node.get("cte_map", {}).get("map", []):\n',
        gate=True,
    ),
    Bug("session values pass", "gate", 'if node["column_names"][0].lower() in HIDDEN_COLUMNS:', "if False:", gate=True),
    Bug(
        "COLUMNS() passes with an argument",
        "gate",
        'elif kind == "STAR" and node.get("expr"):',
        "elif False:",
        gate=True,
    ),
    Bug(
        "any named type passes",
        "gate",
        'if (named["name"].lower(), named["catalog"], named["schema"]) != ("json", "", ""):',
        "if False:",
        gate=True,
    ),
    Bug("any expression passes", "gate", "if kind not in _EXPRESSIONS:", "if False:", gate=True),
    Bug(
        "modifiers of a query are not looked into",
        "gate",
        "elif kind is None or isinstance(kind, dict) or kind in _OTHERS:\n            self._children(node, ctes)",
        "elif kind is None or isinstance(kind, dict) or kind in _OTHERS:\n            if kind not in _OTHERS:\n                self._children(node, ctes)",
        gate=True,
    ),
    Bug(
        "joins are not looked into",
        "gate",
        "        self._children(node, ctes)\n\n    def _expression",
        '        if node["type"] != "JOIN":\n            self._children(node, ctes)\n\n    def _expression',
        gate=True,
    ),
)


class _Planted(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module of the engine with a bug in it."""

    def __init__(self, bug: Bug) -> None:
        self._bug, self._name = bug, _ENGINE + bug.module

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        found = importlib.machinery.PathFinder.find_spec(self._name, sys.modules[_ENGINE[:-1]].__path__)
        assert found is not None
        assert found.origin is not None
        text = Path(found.origin).read_text()
        assert text.count(self._bug.stands) == 1, f"{self._bug.what}: {self._bug.module} has changed, plant it anew"
        exec(compile(text.replace(self._bug.stands, self._bug.planted), found.origin, "exec"), module.__dict__)


def statements_until_found(bug: Bug) -> int | None:
    """How many statements it takes to notice the bug; None if it is not noticed."""
    with _anew(_Planted(bug)):
        hunt = importlib.import_module("tests.engines.sql.fuzzing.hunt")
        count, gate = 0, hunt.Gate()
        for seed in range(_WORLDS):
            for _, finding in hunt.refusals(seed, gate) if bug.gate else hunt.answers(seed, failing=bug.failing):
                count += 1
                if finding is not None:
                    return count
        return None


@contextmanager
def _anew(finder: _Planted) -> Iterator[None]:
    """The engine and the hunt are imported again, and are afterwards what they were."""
    kept = _take_away()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        _take_away()
        for name, module in kept.items():
            sys.modules[name] = module
            setattr(sys.modules[name.rpartition(".")[0]], name.rpartition(".")[2], module)


def _take_away() -> dict[str, ModuleType]:
    names = [n for n in sys.modules if n.startswith((_ENGINE, "tests.engines.sql.fuzzing.")) and n != __name__]
    for name in names:
        parent, _, own = name.rpartition(".")
        if hasattr(sys.modules[parent], own):
            delattr(sys.modules[parent], own)
    return {name: sys.modules.pop(name) for name in names}


def main() -> int:
    """Plants and hunts every bug; the exit code says whether all were found."""
    missed = 0
    for bug in (b for b in BUGS if all(part in b.what for part in sys.argv[1:])):
        count = statements_until_found(bug)
        missed += count is None
        print(f"{bug.what}: {'NOT FOUND' if count is None else f'found after {count} statements'}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
