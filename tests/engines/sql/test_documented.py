"""What the documentation of Athena and of Trino says an expression is, it is."""

import pytest

from tests.engines.sql.conftest import Engine
from tests.engines.sql.documented import DOCUMENTED


@pytest.mark.parametrize("document", sorted({d.document for d in DOCUMENTED}))
def test_expressions_are_what_the_documentation_says(engine: Engine, document: str) -> None:
    wrong = []
    cases = [d for d in DOCUMENTED if d.document == document]
    assert len(cases) > 5
    for first in range(0, len(cases), 20):
        some = cases[first : first + 20]
        (row,) = engine.rows("SELECT " + ", ".join(c.expression for c in some), {})
        wrong += [(c.expression, v, c.value) for c, v in zip(some, row, strict=True) if v != c.value]
    assert wrong == []
