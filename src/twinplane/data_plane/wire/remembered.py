"""Results that are kept: of functions of one text, which most requests bring again."""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")

_LONGEST = 1024  # characters: whoever sends long texts fills no memory with them
_MOST = 1024


def remembered(function: Callable[[str], T]) -> Callable[[str], T]:
    """`function`, its last results kept. It must depend on nothing but the text; nobody changes what it returns."""
    kept = lru_cache(maxsize=_MOST)(function)
    return lambda text: kept(text) if len(text) <= _LONGEST else function(text)
