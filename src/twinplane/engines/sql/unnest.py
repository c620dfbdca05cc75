"""UNNEST of arrays, arrays of rows and maps, several at once."""

from collections.abc import Sequence

from twinplane.engines.sql import types
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.types import Type
from twinplane.engines.sql.values import Value


def unnested(arguments: Sequence[Value], *, ordinality: bool) -> tuple[str, list[Type]]:
    """A query over nothing with the elements as rows, and the types of its columns `c0` …

    What is shorter is filled up with NULL; an array of rows becomes a column for each field, a map two; `ordinality`
    adds a column that counts.
    """
    lists: list[str] = []
    columns: list[tuple[str, Type]] = []
    sizes: list[str] = []
    for value in arguments:
        place = f"u{len(lists)}"
        match value.type.name:
            case "array" if value.type.items[0].name == "row":
                columns += [
                    (f"struct_extract_at(u.{place}, {n})", t) for n, t in enumerate(value.type.items[0].items, 1)
                ]
                lists.append(value.sql)
            case "array":
                columns.append((f"u.{place}", value.type.items[0]))
                lists.append(value.sql)
            case "map":
                columns += [(f"u.u{len(lists) + n}", t) for n, t in enumerate(value.type.items)]
                lists += [f"map_keys({value.sql})", f"map_values({value.sql})"]
            case "unknown":
                columns.append((f"u.{place}", types.UNKNOWN))
                lists.append("CAST(NULL AS INTEGER[])")
            case _:
                raise QueryError("TYPE_MISMATCH", f"Cannot unnest type: {value.type}")
        sizes.append(f"coalesce(len({lists[-1]}), 0)")
    if ordinality:
        columns.append((f"u.u{len(lists)}", types.BIGINT))
        size = sizes[0] if len(sizes) == 1 else f"greatest({', '.join(sizes)})"
        lists.append(f"range(1, CAST({size} AS BIGINT) + 1)")
    inner = ", ".join(f"unnest({one}) AS u{n}" for n, one in enumerate(lists))
    shown = ", ".join(f"{column} AS c{n}" for n, (column, _) in enumerate(columns))
    return f"SELECT {shown} FROM (SELECT {inner}) AS u", [t for _, t in columns]  # noqa: S608 - generated parts
