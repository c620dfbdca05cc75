"""What a process gives up before it touches what a user wrote."""

import ctypes
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from twinplane.engines.sql.plan import SyntaxRefused
from twinplane.engines.sql.worker_messages import Limits

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


def confine(limits: Limits) -> bool:
    """Gives up what a query never needs, and dies with the parent. Says whether the network is gone too."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() == 1:  # the parent was gone before we asked to die with it
        raise SystemExit(0)
    isolated = any(libc.unshare(flags) == 0 for flags in (_CLONE_NEWUSER | _CLONE_NEWNET, _CLONE_NEWNET))
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_AS, max(16 << 30, 4 * limits.memory_bytes)),
        (resource.RLIMIT_DATA, limits.memory_bytes + (2 << 30)),
        (resource.RLIMIT_FSIZE, limits.result_bytes),
    ):
        hard = resource.getrlimit(kind)[1]
        wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (wanted, wanted))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails instead, and the query with it
    os.chdir("/")
    return isolated


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Ends Python work that takes too long: some short texts take a parser for ever. Raises `SyntaxRefused`."""

    def too_long(_signal: int, _frame: FrameType | None) -> None:
        raise SyntaxRefused("The query is too complex")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
