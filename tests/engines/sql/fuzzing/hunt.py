"""Goes through random worlds and statements until it finds something, or is told to stop."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.engines.sql.fuzzing.compare import Comparison
from tests.engines.sql.fuzzing.hostile import tampered
from tests.engines.sql.fuzzing.statements import Statements
from tests.engines.sql.fuzzing.worlds import DATABASE, World, make
from twinplane.engines.sql import render
from twinplane.engines.sql.gate import Gate, GateRefusal
from twinplane.engines.sql.plan import QueryError

STATEMENTS_A_WORLD = 25


def answers(seed: int, *, failing: bool = False) -> Iterator[tuple[str, str | None]]:
    """The statements of one world, each with how it answers beyond the grant (None: it does not).

    `failing`: only such as fail on hidden values.
    """
    with tempfile.TemporaryDirectory(prefix="tp-fuzz-") as name:
        random, folder = Random(seed), Path(name)
        world, comparison = make(random, folder), Comparison(folder)
        statements = Statements(random, world)
        if failing and not world.marked:
            return
        for _ in range(STATEMENTS_A_WORLD):
            text = statements.failing_on_hidden() if failing else statements.next()
            yield text, comparison.difference(text, world)


def refusals(seed: int, gate: Gate) -> Iterator[tuple[str, str | None]]:
    """Generated texts of one world: the gate must let each pass, and refuse it once it was tampered with."""
    with tempfile.TemporaryDirectory(prefix="tp-fuzz-") as name:
        random = Random(seed)
        world = make(random, Path(name))
        statements = Statements(random, world)
        for _ in range(STATEMENTS_A_WORLD):
            sql, views = _generated(statements, world)
            if sql is None:
                continue
            yield sql, None if _passes(gate, sql, views) else "what was generated is refused"
            hostile = tampered(random, sql, views[0])
            yield hostile, "it is not refused" if _passes(gate, hostile, views) else None


def _generated(statements: Statements, world: World) -> tuple[str | None, list[str]]:
    try:
        plan = render.plan(statements.next(), DATABASE, world.governed)
    except QueryError:
        return None, []
    views = [source.name for source in plan.sources]
    return (plan.sql, views) if views else (None, [])


def _passes(gate: Gate, sql: str, views: list[str]) -> bool:
    try:
        gate.check(sql, views)
    except GateRefusal:
        return False
    return True
