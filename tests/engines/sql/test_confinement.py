"""Whatever runs inside of a worker can do no more than a query needs: the kernel sees to it, not the engine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from twinplane.engines.sql import confinement

pytestmark = pytest.mark.skipif(bool(confinement.missing()), reason="this machine cannot confine a process")

_CONFINED = """
import ctypes, json, os, pathlib, socket, subprocess, sys, threading
from twinplane.engines.sql.confinement import confine
from twinplane.engines.sql.worker_messages import Limits
folder, outside = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
data, work = folder / "data", folder / "work"
libc = ctypes.CDLL(None, use_errno=True)
assert confine(Limits(), str(folder)) == ()

def tried(action):
    try:
        action()
    except OSError as error:
        return type(error).__name__
    return "done"

def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")

def in_a_thread():
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(tried(lambda: open(outside / "secret").read())))
    thread.start()
    thread.join()
    return outcome[0]

parent = os.getppid()
print(json.dumps({
    "read its own file": tried(lambda: (work / "given").read_text()),
    "read a file that was linked into its folder": tried(lambda: (data / "linked").read_text()),
    "write in its folder": tried(lambda: (work / "made").write_text("x")),
    "change a file that was linked into its folder": tried(lambda: (data / "linked").open("r+")),
    "empty it": tried(lambda: os.truncate(data / "linked", 0)),
    "remove it": tried(lambda: (data / "linked").unlink()),
    "move it": tried(lambda: (data / "linked").rename(work / "linked")),
    "link it": tried(lambda: os.link(data / "linked", work / "linked")),
    "write beside it": tried(lambda: (data / "made").write_text("x")),
    "have a module": tried(lambda: __import__("duckdb")),
    "have threads": "done" if in_a_thread() else "",
    "read another file": tried(lambda: (outside / "secret").read_text()),
    "read it in a thread": in_a_thread(),
    "read it by a link that leads out": tried(lambda: (work / "way-out").read_text()),
    "read it through its root": tried(lambda: open(f"/proc/self/root{outside}/secret").read()),
    "list another folder": tried(lambda: os.listdir(outside)),
    "read the machine's users": tried(lambda: open("/etc/passwd").read()),
    "read its parent's environment": tried(lambda: open(f"/proc/{parent}/environ").read()),
    "read its parent's memory": tried(lambda: open(f"/proc/{parent}/mem", "rb").read(1)),
    "write another file": tried(lambda: (outside / "secret").write_text("x")),
    "make a file elsewhere": tried(lambda: (outside / "new").write_text("x")),
    "remove another file": tried(lambda: (outside / "secret").unlink()),
    "link another file to itself": tried(lambda: os.link(outside / "secret", work / "stolen")),
    "move its file elsewhere": tried(lambda: (work / "given").rename(outside / "given")),
    "change another file's mode": tried(lambda: (outside / "secret").chmod(0o777)),
    "change another file's times": tried(lambda: os.utime(outside / "secret")),
    "truncate another file": tried(lambda: os.truncate(outside / "secret", 0)),
    "make a link that leads out": tried(lambda: (work / "new-way-out").symlink_to(outside)),
    "open a socket": tried(lambda: socket.socket(socket.AF_INET)),
    "open a local socket": tried(lambda: socket.socket(socket.AF_UNIX)),
    "make a process": tried(lambda: os.fork()),
    "run a program": tried(lambda: os.execv("/bin/true", ["true"])),
    "start a program": tried(lambda: subprocess.run(["/bin/true"])),
    "signal its parent": tried(lambda: os.kill(parent, 0)),
    "trace its parent": tried(lambda: call(101 if os.uname().machine == "x86_64" else 117, 16, parent, 0, 0)),
    "limit its parent": tried(lambda: __import__("resource").prlimit(parent, 7, (9, 9))),
    "leave for another namespace": tried(lambda: call(272 if os.uname().machine == "x86_64" else 97, 0x20000)),
}))
"""
_NEEDED = {
    "read its own file", "read a file that was linked into its folder", "write in its folder", "have a module",
    "have threads",
}  # fmt: skip


def test_a_confined_process_can_do_its_work_and_nothing_else(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    data, work = folder / "data", folder / "work"
    for made in (data, work, outside):
        made.mkdir(parents=True)
    (work / "given").write_text("given")
    (outside / "secret").write_text("secret")
    (outside / "lent").write_text("lent")
    os.link(outside / "lent", data / "linked")
    (work / "way-out").symlink_to(outside / "secret")
    run = subprocess.run(
        [sys.executable, "-I", "-c", _CONFINED, str(folder), str(outside)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    outcome = json.loads(run.stdout)
    assert {what for what, how in outcome.items() if how == "done"} == _NEEDED
    assert (outside / "secret").read_text() == "secret"
    assert (outside / "lent").read_text() == "lent"


_WITHOUT_LANDLOCK = """
import asyncio, ctypes, pathlib, struct, sys
from twinplane.engines.sql import confinement, seccomp
from twinplane.engines.sql.plan import Plan, QueryError
from twinplane.engines.sql.pool import SqlPool

def no_landlock():
    step = seccomp._step
    text = b"".join([step(0x20, 0), step(0x35, 444, 0, 2), step(0x35, 447, 1, 0), step(0x06, 0x00050000 | 38),
                     step(0x06, 0x7FFF0000)])
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, ctypes.byref(seccomp._Program(len(text) // 8, text)), 0, 0) == 0

async def story():
    for allowed in (False, True):
        pool = SqlPool(pathlib.Path(sys.argv[1]) / "sql", allow_unconfined=allowed)
        try:
            print((await pool.run("ann", Plan("SELECT 1"))).rows)
        except QueryError as error:
            print(error)
        finally:
            await pool.close()

no_landlock()
print(confinement.missing())
asyncio.run(story())
"""


def test_where_a_worker_cannot_be_confined_none_is_used_unless_told(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-I", "-c", _WITHOUT_LANDLOCK, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    said = [line for line in run.stdout.splitlines() if "[error" not in line]
    assert "Landlock" in said[0]
    assert said[1].startswith("NOT_SUPPORTED: No SQL is run: this machine lacks Landlock")
    assert "TWINPLANE_ALLOW_UNCONFINED_SQL=1" in said[1]
    assert said[2] == "1"
