"""Types of the catalog, and names and texts, as DuckDB text."""

from functools import lru_cache

from sqlglot import exp
from sqlglot.errors import SqlglotError

from twinplane.engines.sql import statement
from twinplane.engines.sql.plan import Column, QueryError


@lru_cache(maxsize=4096)
def glue_type(text: str) -> exp.DataType:
    """A column's Glue (Hive) type, parsed."""
    try:
        found = exp.DataType.build(text.lower(), dialect="hive")
        statement.check(found)
        return found
    except (SqlglotError, ValueError, QueryError):
        raise QueryError("NOT_SUPPORTED", f"The column type {text} is not supported") from None


def sql_type(column: Column) -> str:
    """A column's type in DuckDB's words."""
    return glue_type(column.type).sql(dialect="duckdb")


def quoted(name: str) -> str:
    """A name, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text, whatever it holds."""
    return "'" + text.replace("'", "''") + "'"
