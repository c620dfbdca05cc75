"""Those who wait for something to happen to a subject, in this process: long polls.

Nothing durable: whoever is woken looks for itself, and whoever was woken in vain waits again.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable


class Signals:
    """Used from one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}

    def notify(self, subject: str) -> None:
        """Wakes everyone who waits for the subject."""
        for future in self._waiting.pop(subject, ()):
            if not future.done():
                future.set_result(None)

    def subscribe(self, subject: str) -> "asyncio.Future[None]":
        """A future that the next `notify` completes. Subscribe, then look, then `wait`: so nothing is missed."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(subject, set()).add(future)
        return future

    def forget(self, subject: str, future: "asyncio.Future[None]") -> None:
        """Ends a subscription."""
        future.cancel()
        waiting = self._waiting.get(subject)
        if waiting is not None:
            waiting.discard(future)
            if not waiting:
                del self._waiting[subject]


async def wait(future: "asyncio.Future[None]", seconds: float, gone: Callable[[], Awaitable[None]] | None) -> bool:
    """Waits for a subscription's future, at most `seconds`; False: who waits has gone."""
    leaving = asyncio.ensure_future(gone()) if gone is not None else None
    waited = {future} if leaving is None else {future, leaving}
    try:
        done, _ = await asyncio.wait(waited, timeout=max(seconds, 0.0), return_when=asyncio.FIRST_COMPLETED)
        return leaving is None or leaving not in done
    finally:
        if leaving is not None:
            leaving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await leaving
