"""Single values as text and as JSON. Timestamps are floats everywhere inside: seconds since the epoch, UTC."""

import base64
import math
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from typing import Any

Convert = Callable[[Any], Any]

EPOCH, ISO8601, RFC822 = "unixTimestamp", "iso8601", "rfc822"


class Malformed(ValueError):
    """A value in the request is not of the type its model says."""


# Timestamps


def read_timestamp(value: Any) -> float:
    """Reads any of the three forms: clients differ in which one they send."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if math.isfinite(value):
            return float(value)
    elif isinstance(value, str):
        for read in (float, _read_iso8601, _read_rfc822):
            try:
                seconds = read(value.strip())
            except (ValueError, TypeError, OverflowError, IndexError):
                continue
            if math.isfinite(seconds):
                return seconds
    raise Malformed(f"{value!r} is not a timestamp")


def _read_iso8601(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _read_rfc822(text: str) -> float:
    return parsedate_to_datetime(text).timestamp()


def epoch(value: Any) -> Any:
    """As a JSON number, milliseconds kept."""
    if not isinstance(value, float):
        return value
    return int(value) if value.is_integer() else int(value * 1000) / 1000


def iso8601(value: Any) -> str:
    """As ISO 8601 text in UTC, milliseconds kept where there are any."""
    return value if isinstance(value, str) else _iso8601(value)


@lru_cache(maxsize=4096)
def _iso8601(seconds: float) -> str:
    milliseconds = int(seconds * 1000)
    text = datetime.fromtimestamp(milliseconds // 1000, UTC).isoformat()[:19]
    return f"{text}.{milliseconds % 1000:03d}Z" if milliseconds % 1000 else f"{text}Z"


def rfc822(value: Any) -> str:
    """As the date of an HTTP header."""
    return value if isinstance(value, str) else _rfc822(int(value))


@lru_cache(maxsize=4096)
def _rfc822(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


TIMESTAMP_WRITERS: dict[str, Convert] = {EPOCH: epoch, ISO8601: iso8601, RFC822: rfc822}


# Values in JSON


def _string(value: Any) -> Any:
    if type(value) is str:
        return value
    raise Malformed(f"{_shown(value)} is not a string")


def _integer(value: Any) -> Any:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    raise Malformed(f"{_shown(value)} is not an integer")


def _number(value: Any) -> Any:
    if type(value) in (int, float):
        return value
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    raise Malformed(f"{_shown(value)} is not a number")


def _boolean(value: Any) -> Any:
    if type(value) is bool:
        return value
    raise Malformed(f"{_shown(value)} is not a boolean")


def read_blob(value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (ValueError, TypeError):
        raise Malformed("a binary value is not base64") from None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


JSON_READERS: dict[str, Convert] = {
    "string": _string, "character": _string, "integer": _integer, "long": _integer, "short": _integer,
    "bigInteger": _integer, "float": _number, "double": _number, "bigDecimal": _number, "boolean": _boolean,
    "blob": read_blob, "timestamp": read_timestamp,
}  # fmt: skip


def write_blob(value: Any) -> str:
    return base64.b64encode(value if isinstance(value, bytes) else str(value).encode()).decode()


def write_number(value: Any) -> Any:
    """What is not a number has no number in JSON: AWS's protocols name it."""
    return value if math.isfinite(value) else _write_text_number(value)


# Values in text: headers, query parameters, forms, XML


def _text_integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Malformed(f"{_shown(text)} is not an integer") from None


def _text_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Malformed(f"{_shown(text)} is not a number") from None


def _text_boolean(text: str) -> bool:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    raise Malformed(f"{_shown(text)} is not a boolean")


def _same(value: Any) -> Any:
    return value


TEXT_READERS: dict[str, Convert] = {
    "string": _same, "character": _same, "integer": _text_integer, "long": _text_integer, "short": _text_integer,
    "bigInteger": _text_integer, "float": _text_number, "double": _text_number, "bigDecimal": _text_number,
    "boolean": _text_boolean, "blob": read_blob, "timestamp": read_timestamp,
}  # fmt: skip


def _write_text_boolean(value: Any) -> str:
    return "true" if value else "false"


def _write_text_number(value: Any) -> str:
    if math.isfinite(value):
        return str(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def text_writer(kind: str, timestamp_format: str) -> Convert:
    """What turns a value of a scalar type into text."""
    if kind == "boolean":
        return _write_text_boolean
    if kind in ("float", "double"):
        return _write_text_number
    if kind == "blob":
        return write_blob
    if kind == "timestamp":
        write = TIMESTAMP_WRITERS[timestamp_format]
        return lambda value: str(write(value))
    return str
