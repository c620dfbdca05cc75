"""What a process gives up before it touches what a user wrote."""

import ctypes
import os
import resource
import signal
import site
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from twinplane.engines.sql import landlock, seccomp
from twinplane.engines.sql.plan import SyntaxRefused
from twinplane.engines.sql.worker_messages import Limits

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_FILES, _CALLS = (
    "Landlock, which keeps other files from it",
    "seccomp, which keeps the network and other processes from it",
)

# Read while the engine and the interpreter are loaded and run: code, time zones, the shape of the machine.
_READABLE = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/etc/localtime",
    "/etc/ld.so.cache", "/dev/null", "/dev/urandom", "/proc/self", "/proc/meminfo", "/proc/cpuinfo", "/proc/stat",
    "/sys/fs/cgroup", "/sys/devices/system/cpu",
)  # fmt: skip


def missing() -> tuple[str, ...]:
    """What this machine lacks to confine a process that runs a user's SQL; empty where it has all."""
    if sys.platform != "linux":
        return (_FILES, _CALLS)
    return (() if landlock.version() else (_FILES,)) + (() if seccomp.known() else (_CALLS,))


def confine(limits: Limits, folder: str) -> tuple[str, ...]:
    """Gives up what a query never needs, and dies with the parent. Says what the machine did not let it give up.

    Left are `data` below `folder`, to read, and `work`, to read and write (none if it is empty), code to read, and the
    sockets that are open.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "linux":
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() == 1:  # the parent was gone before we asked to die with it
        raise SystemExit(0)
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
    if sys.platform != "linux":
        return missing()
    _ = any(libc.unshare(flags) == 0 for flags in (_CLONE_NEWUSER | _CLONE_NEWNET, _CLONE_NEWNET))  # where it may
    data, work = ([os.path.join(folder, name)] if folder else [] for name in ("data", "work"))
    kept = () if landlock.restrict([*_READABLE, *_code(), *data], work) else (_FILES,)
    return kept + (() if seccomp.refuse() else (_CALLS,))


def _code() -> list[str]:
    """The folders that modules are imported from."""
    folders = {path for path in sys.path if os.path.isdir(path)}
    folders.update(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    folders.update(site.getsitepackages())
    return sorted(folders)


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
