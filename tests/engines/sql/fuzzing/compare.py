"""Runs a statement on a world and on its cut copy, by the very code of a worker."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.engines.sql.fuzzing.worlds import DATABASE, World
from twinplane.engines.sql import statement
from twinplane.engines.sql.plan import Query, QueryError, Table, TableName
from twinplane.engines.sql.result import read_rows
from twinplane.engines.sql.worker import Engine
from twinplane.engines.sql.worker_messages import Limits, Run


@dataclass(frozen=True)
class Outcome:
    """What a person gets: rows in any order, or an error."""

    rows: Counter[tuple[str | None, ...]] | None
    error: str = ""
    detail: str = ""


class Comparison:
    """An engine, and a folder for its results."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._engine = Engine(Limits(memory_bytes=512 << 20, threads=1, planning_seconds=30))

    def outcome(self, text: str, tables: dict[TableName, Table]) -> Outcome:
        """What `text` gives on these tables."""
        try:
            names = [reference.in_database(DATABASE) for reference in statement.parse(text).tables]
        except QueryError as error:
            return Outcome(None, error.code, str(error))
        used = tuple((name, tables[name]) for name in dict.fromkeys(names))
        output = self._folder / "result.csv"
        self._engine.prepare()
        reply = self._engine.run(Run(Query(text, DATABASE, used), str(output), str(self._folder)))
        if reply.failure is not None:
            return Outcome(None, reply.failure.code, f"{reply.failure.message} {reply.failure.detail}")
        rows = [tuple(row) for row, _ in read_rows(output, 0, 10**9, len(reply.columns))]
        return Outcome(Counter(rows[1:]))

    def difference(self, text: str, world: World) -> str | None:
        """How the person's answer differs from the answer on the copy; None where it does not.

        Somebody who may read everything asked the same before.
        """
        if text.count("SELECT") == 1:
            self.outcome(text, world.everything)
        governed = self.outcome(text, world.governed)
        cut = self.outcome(f"{text} ", world.cut)
        if governed.rows == cut.rows and governed.error == cut.error:
            return None
        if governed.rows is None or cut.rows is None:
            return f"governed: {governed.error or 'rows'} {governed.detail}; cut: {cut.error or 'rows'} {cut.detail}"
        return f"beyond the grant: {list(governed.rows - cut.rows)[:5]}; missing: {list(cut.rows - governed.rows)[:5]}"
