"""Throttling: how many requests a second an access key may make, and how many may be under way at all.

A token bucket for each key, as AWS's: a second's worth may come at once. Retrying clients get through.
"""

MOST_UNDER_WAY = 1000
_MOST_KEYS = 10_000  # of which a bucket is kept; a full bucket is as good as none


class Limits:
    """`per_second` None: no limit for a key."""

    def __init__(self, per_second: int | None = None, under_way: int = MOST_UNDER_WAY) -> None:
        self._per_second, self._most_under_way = per_second, under_way
        self.under_way = 0  # counted by who starts and ends them
        self._buckets: dict[str, tuple[float, float]] = {}  # key -> (requests left, as of when)

    def admits(self, access_key_id: str, now: float) -> bool:
        """Whether a request may go on; counts it for its key, whose signature was found right."""
        if self.under_way > self._most_under_way:
            return False
        if self._per_second is None:
            return True
        left, since = self._buckets.get(access_key_id, (float(self._per_second), now))
        left = min(float(self._per_second), left + max(0.0, now - since) * self._per_second)
        if left < 1.0:
            return False
        if len(self._buckets) >= _MOST_KEYS and access_key_id not in self._buckets:
            self._buckets.clear()
        self._buckets[access_key_id] = (left - 1.0, now)
        return True
