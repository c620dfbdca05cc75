"""Rows as Athena writes them: every value quoted, NULL as nothing; and read back page by page."""

import datetime
import decimal
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from twinplane.engines.sql.plan import ResultColumn

Row = list[str | None]

_NAMES = {"real": "float", "uuid": "varchar"}
_PRECISION = {
    "tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19, "float": 17, "double": 17, "timestamp": 3, "decimal": 38,
    "varchar": 2147483647, "timestamp with time zone": 3,
}  # fmt: skip
_TYPE = re.compile(r"([a-z]+)(?:\((\d+)(?:,(\d+))?\))?((?: [a-z]+)*)")


def athena_column(name: str, type_: str) -> ResultColumn:
    """A result column of one of Athena's types as `GetQueryResults` reports it."""
    found = _TYPE.fullmatch(type_)
    if found is None:  # array(…), map(…), row(…)
        return ResultColumn(name, type_.partition("(")[0])
    kind = found[1] + found[4]
    kind = _NAMES.get(kind, kind)
    precision = int(found[2]) if found[2] else _PRECISION.get(kind, 0)
    return ResultColumn(name, kind, precision, int(found[3] or 0))


def is_same_type(planned: str, found: str) -> bool:
    """Whether a DuckDB type is the one that was planned. What is only NULL has any.

    DuckDB counts the digits of a product of decimals otherwise: a decimal is the same where its scale is.
    """
    if found == planned or "NULL" in found.upper():
        return True
    return _plain_type(found) == _plain_type(planned)


def _plain_type(text: str) -> str:
    return re.sub(r"decimal\(\d+,", "decimal(,", re.sub(r'[\s"]', "", text).lower())


def text(value: Any) -> str | None:
    """A value as Athena prints it."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return _float(value)
        case datetime.datetime():
            shown = value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03}"
            return shown if value.tzinfo is None else f"{shown} {value.tzname()}"
        case datetime.time():
            return value.strftime("%H:%M:%S.") + f"{value.microsecond // 1000:03}"
        case datetime.timedelta():
            return _interval(value)
        case decimal.Decimal():
            return format(value, "f")
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex(" ")
        case list() | tuple():
            return "[" + ", ".join(_nested(v) for v in value) + "]"
        case dict():
            return "{" + ", ".join(f"{_nested(k)}={_nested(v)}" for k, v in value.items()) + "}"
        case _:
            return str(value)


def _nested(value: Any) -> str:
    shown = text(value)
    return "null" if shown is None else shown


def _float(value: float) -> str:
    """As Java prints a double: 1.0, 1.0E10, NaN, Infinity."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    mantissa, _, exponent = f"{decimal.Decimal(repr(value)):E}".partition("E")
    mantissa = mantissa.rstrip("0") if "." in mantissa else mantissa + ".0"
    return f"{mantissa}0E{int(exponent)}" if mantissa.endswith(".") else f"{mantissa}E{int(exponent)}"


def _interval(value: datetime.timedelta) -> str:
    sign = "-" if value < datetime.timedelta(0) else ""
    value = abs(value)
    hours, rest = divmod(value.seconds, 3600)
    return f"{sign}{value.days} {hours:02}:{rest // 60:02}:{rest % 60:02}.{value.microseconds // 1000:03}"


def line(row: Iterable[str | None]) -> str:
    """One line of the file, with its line feed."""
    return ",".join("" if v is None else '"' + v.replace('"', '""') + '"' for v in row) + "\n"


_FIELD = re.compile(rb'(?:"((?:[^"]|"")*)")?(,|\n)')


def read_rows(path: Path, offset: int, limit: int, width: int) -> list[tuple[Row, int]]:
    """At most `limit` rows of `width` values from a byte of a result file on, each with the offset behind it.

    Raises `ValueError` where the file is not such a result.
    """
    found: list[tuple[Row, int]] = []
    with path.open("rb") as file:
        file.seek(offset)
        for row, used in _rows(file, width):
            offset += used
            found.append((row, offset))
            if len(found) == limit:
                break
    return found


def _rows(file: BinaryIO, width: int) -> Iterator[tuple[Row, int]]:
    """Rows and their lengths in bytes. Lines are joined while a quote is open: line feeds are legal in values."""
    while True:
        record = file.readline()
        while record.count(b'"') % 2:
            more = file.readline()
            if not more:
                raise ValueError("result file ends inside a value")
            record += more
        if not record:
            return
        fields = [None if m[1] is None else m[1].replace(b'""', b'"').decode() for m in _FIELD.finditer(record)]
        if len(fields) != width:
            raise ValueError("result file has a row of another width")
        yield fields, len(record)
