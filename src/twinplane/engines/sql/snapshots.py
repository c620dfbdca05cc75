"""FOR VERSION AS OF and FOR TIMESTAMP AS OF: which state of a table a statement asks for."""

import datetime
import re
import time

from sqlglot import exp

from twinplane.engines.sql.literals import interval
from twinplane.engines.sql.plan import At, QueryError
from twinplane.engines.sql.types import DAYS

_STAMP = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?))?\s*(UTC|Z|[+-]\d{2}:?\d{2})?")


def at(version: exp.Expr) -> At:
    """The snapshot that a clause names. Raises `QueryError`."""
    value = version.args["expression"]
    if str(version.args.get("kind") or "").upper() != "AS OF":
        raise QueryError("SYNTAX_ERROR", "FOR VERSION and FOR TIMESTAMP are followed by AS OF")
    if str(version.this).upper() == "VERSION":
        if isinstance(value, exp.Literal):
            return ("VERSION", str(value.this))
        raise QueryError("NOT_SUPPORTED", "A version is a snapshot's number, or the name of a tag or branch")
    return ("TIMESTAMP", str(_milliseconds(value)))


def _milliseconds(node: exp.Expr) -> int:
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, (exp.Add, exp.Sub)) and isinstance(node.expression, exp.Interval):
        step = interval(node.expression)
        if step.type == DAYS:
            return _milliseconds(node.this) + (1 if isinstance(node, exp.Add) else -1) * int(step.constant)
    if isinstance(node, exp.CurrentTimestamp):
        return int(time.time() * 1000)
    if isinstance(node, exp.Anonymous) and str(node.this).lower() in ("now", "current_timestamp"):
        return int(time.time() * 1000)
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal):
        found = _STAMP.fullmatch(str(node.this.this).strip())
        if found:
            day, clock, zone = found.groups()
            zone = "+00:00" if zone in (None, "UTC", "Z") else zone
            try:
                return round(datetime.datetime.fromisoformat(f"{day}T{clock or '00:00'}{zone}").timestamp() * 1000)
            except ValueError:
                pass
    raise QueryError("NOT_SUPPORTED", "FOR TIMESTAMP AS OF takes a literal, or current_timestamp and an interval")
