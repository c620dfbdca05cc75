"""DuckDB macros that give Athena's answer where DuckDB's own would silently differ. Created before the user's text."""

import re
from functools import lru_cache
from importlib import resources

# What a query may say to the user when one of these stops it.
MESSAGES = {
    "Division by zero": "DIVISION_BY_ZERO",
    "SQL array indices start at 1": "INVALID_FUNCTION_ARGUMENT",
    "Array subscript is negative": "INVALID_FUNCTION_ARGUMENT",
    "Array subscript must be less than or equal to array length": "INVALID_FUNCTION_ARGUMENT",
    "Key not present in map": "INVALID_FUNCTION_ARGUMENT",
    "Value cannot be represented in so few characters": "INVALID_CAST_ARGUMENT",
    "Cannot cast value": "INVALID_CAST_ARGUMENT",
    "Cannot add hour, minutes or seconds to a date": "INVALID_FUNCTION_ARGUMENT",
    "The time zone of a value is not UTC": "NOT_SUPPORTED",
    "Not a valid Unicode code point": "INVALID_FUNCTION_ARGUMENT",
    "Input string must be a single character string": "INVALID_FUNCTION_ARGUMENT",
    "The delimiter may not be the empty string": "INVALID_FUNCTION_ARGUMENT",
    "Padding string must not be empty": "INVALID_FUNCTION_ARGUMENT",
    "Target length must be in the range [0..2147483647]": "INVALID_FUNCTION_ARGUMENT",
    "Index must be greater than zero": "INVALID_FUNCTION_ARGUMENT",
    "Limit must be positive": "INVALID_FUNCTION_ARGUMENT",
    "result of sequence function must not have more than 10000 entries": "INVALID_FUNCTION_ARGUMENT",
    "sequence stop value should be greater than or equal to start value if step is greater than zero": (
        "INVALID_FUNCTION_ARGUMENT"
    ),
    "bucketCount must be greater than 0": "INVALID_FUNCTION_ARGUMENT",
    "Duplicate map keys are not allowed": "INVALID_FUNCTION_ARGUMENT",
    "length must be greater than or equal to 0": "INVALID_FUNCTION_ARGUMENT",
    "size must not exceed array cardinality": "INVALID_FUNCTION_ARGUMENT",
    "bits must be between 2 and 64": "INVALID_FUNCTION_ARGUMENT",
    "Not a valid base number": "INVALID_FUNCTION_ARGUMENT",
    "N must be positive": "INVALID_FUNCTION_ARGUMENT",
}


def _read() -> tuple[str, ...]:
    text = resources.files(__package__).joinpath("macros.sql").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return tuple(macro.strip() for macro in re.split(r";\n", "\n".join(lines) + "\n") if macro.strip())


MACROS = _read()
_BY_NAME = {macro.partition("(")[0]: macro for macro in MACROS}
_NAME = re.compile(r"\bathena_\w+")


@lru_cache(maxsize=512)
def _needed(name: str) -> tuple[str, ...]:
    """A macro's text, behind those that it calls itself."""
    body = _BY_NAME[name]
    inner = [n for n in dict.fromkeys(_NAME.findall(re.split(r"\sAS\s", body, maxsplit=1)[1])) if n != name]
    return tuple(dict.fromkeys([*(m for n in inner for m in _needed(n)), body]))


def used_by(*texts: str) -> list[str]:
    """The macros that these DuckDB texts call, each behind those that it calls itself."""
    names = dict.fromkeys(n for text in texts for n in _NAME.findall(text) if n in _BY_NAME)
    return list(dict.fromkeys(m for n in names for m in _needed(n)))
