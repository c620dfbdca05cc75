"""Calls of Athena's functions: found by name, checked by type, written for DuckDB."""

from __future__ import annotations

from collections.abc import Sequence

from twinplane.engines.sql import datetimes, forms, lambdas, texts
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.signature_table import AGGREGATES, SCALARS, WINDOWS, by_name
from twinplane.engines.sql.signatures import Lambda, Modifiers, NoMatch, resolve
from twinplane.engines.sql.values import Value

_SCALARS, _AGGREGATES, _WINDOWS = by_name(SCALARS), by_name(AGGREGATES), by_name(WINDOWS)
_FORMS: dict[str, forms.Form] = {**forms.FORMS, **texts.FORMS, **lambdas.FORMS, **datetimes.FORMS}
NAMES = frozenset([*_SCALARS, *_AGGREGATES, *_WINDOWS, *_FORMS])


def named(name: str, arguments: Sequence[Value | Lambda], modifiers: Modifiers | None = None) -> Value:
    """The call of a function by Athena's name for it. Raises `QueryError`."""
    marks = modifiers or Modifiers()
    form = _FORMS.get(name)
    lines = _AGGREGATES.get(name) or _WINDOWS.get(name)
    if lines is None and marks != Modifiers() and name not in forms.AGGREGATES:
        raise QueryError(
            "FUNCTION_NOT_AGGREGATE" if name in NAMES else "FUNCTION_NOT_FOUND", f"{name} is not an aggregate"
        )
    if name in _WINDOWS and not marks.after:
        raise QueryError("MISSING_OVER", f"Window function {name} must have an OVER clause")
    if form is not None:
        found = form(arguments, marks)
        if found is not None:
            return found
    lines = lines or _SCALARS.get(name)
    if lines is None and form is None:
        raise QueryError("FUNCTION_NOT_FOUND", f"Function '{name}' not registered")
    try:
        return resolve(lines or (), arguments, marks)
    except NoMatch:
        given = ", ".join(str(a.type) if isinstance(a, Value) else "function" for a in arguments)
        raise QueryError("FUNCTION_NOT_FOUND", f"Unexpected parameters ({given}) for function {name}") from None
