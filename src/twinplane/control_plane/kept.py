"""Answers of the data plane that seldom change, kept for a while."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")
MOST = 10_000


class Kept(Generic[Value]):
    """Values by key, each made again when it is older than `seconds`. Safe over threads."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._values: dict[Hashable, tuple[float, Value]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of the key; `make` is called when there is none that is young enough."""
        with self._lock:
            kept = self._values.get(key)
        if kept is not None and time.monotonic() - kept[0] < self._seconds:
            return kept[1]
        value = make()
        with self._lock:
            if len(self._values) >= MOST:
                self._values.clear()
            self._values[key] = (time.monotonic(), value)
        return value
