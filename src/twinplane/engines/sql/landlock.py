"""Landlock: the kernel refuses every file that was not named, by whatever way a process comes to open it.

Numbers are those of Linux's `landlock.h`. A rule is about what lies beneath a folder, so a file that is linked into a
named folder can be opened, and a symbolic link out of it leads nowhere.
"""

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _TRUNCATE = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 14
_OF_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_READ = _READ_FILE | _READ_DIR
_WRITE = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _TRUNCATE
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many rights each version of Landlock knows
_NETWORK = 0b11  # bind and connect of TCP, since version 4
_SCOPES = 0b11  # abstract sockets and signals to the outside, since version 6


def version() -> int:
    """The version of Landlock that the kernel offers; 0 where there is none."""
    libc = ctypes.CDLL(None, use_errno=True)
    return max(
        0, int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_CREATE_RULESET_VERSION)))
    )


def restrict(readable: Iterable[str], writable: Iterable[str]) -> bool:
    """From now on this process opens nothing but what lies beneath these paths. Says whether the kernel took it.

    It must have a single thread. Paths that are not there are left out.
    """
    offered = version()
    if not offered:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    known = (1 << _FILE_RIGHTS.get(offered, 16)) - 1
    attributes = struct.pack("=Q", known)
    if offered >= 4:
        attributes += struct.pack("=Q", _NETWORK)
    if offered >= 6:
        attributes += struct.pack("=Q", _SCOPES)
    rules = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    if rules < 0:
        return False
    try:
        for paths, rights in ((readable, _READ), (writable, _WRITE)):
            for path in paths:
                if not _allow(libc, rules, path, rights & known):
                    return False
        return int(libc.syscall(_RESTRICT_SELF, ctypes.c_int(rules), ctypes.c_uint32(0))) == 0
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> bool:
    with contextlib.suppress(FileNotFoundError, PermissionError):
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not os.path.isdir(path):
                rights &= _OF_A_FILE
            rule = struct.pack("=Qi", rights, opened)
            return int(libc.syscall(_ADD_RULE, ctypes.c_int(rules), _RULE_PATH_BENEATH, rule, ctypes.c_uint32(0))) == 0
        finally:
            os.close(opened)
    return True
