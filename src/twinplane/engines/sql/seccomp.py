"""seccomp: the system calls that no query needs fail, whoever in the process makes them.

What is refused is listed, not what is allowed: the C library, the interpreter and the engine of each system use other
calls, and files, the one thing they must all do, are Landlock's. Numbers are those of the kernel's `unistd.h`.
"""

import ctypes
import os
import platform
import struct
from dataclasses import dataclass

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = (
    0,
    4,
    16,
)  # where they lie in `struct seccomp_data`, of a little-endian machine
_CLONE_THREAD = 0x00010000
_X32 = 0x40000000

# name: (x86_64, aarch64); -1 where the architecture has none
_REFUSED = {
    # other processes, and programs
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, -1), "vfork": (58, -1), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "process_madvise": (440, 440), "kcmp": (312, 272),
    "kill": (62, 129), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "setpriority": (141, 140),
    "sched_setscheduler": (144, 119), "ioprio_set": (251, 30), "personality": (135, 92),
    # the network, and what processes share
    "socket": (41, 198), "socketpair": (53, 199), "bind": (49, 200), "connect": (42, 203), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "shmget": (29, 194), "shmat": (30, 196), "msgget": (68, 186),
    "semget": (64, 190), "mq_open": (240, 180),
    # whose a file is, which Landlock does not ask for
    "chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, -1),
    "lchown": (94, -1), "fchown": (93, 55), "fchownat": (260, 54), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "utime": (132, -1), "utimes": (235, -1), "utimensat": (280, 88), "futimesat": (261, -1),
    "mknod": (133, -1), "mknodat": (259, 33), "open_by_handle_at": (304, 265),
    # the system
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "move_mount": (429, 429), "open_tree": (428, 428), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "sethostname": (170, 161), "setdomainname": (171, 162),
    "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "quotactl": (179, 60), "acct": (163, 89),
    "syslog": (103, 116),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Machine:
    audit: int
    column: int
    clone: int
    tgkill: int
    prlimit64: int


_CLONE3 = 435
_MACHINES = {
    "x86_64": _Machine(0xC000003E, 0, 56, 234, 302),
    "aarch64": _Machine(0xC00000B7, 1, 220, 131, 261),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def known() -> bool:
    """Whether the numbers of this machine's calls are known here, and its kernel filters them."""
    libc = ctypes.CDLL(None, use_errno=True)
    return platform.machine() in _MACHINES and libc.prctl(21, 0, 0, 0, 0) >= 0  # PR_GET_SECCOMP


def refuse() -> bool:
    """From now on the calls above fail in this process, and in what it starts. Says whether the kernel took it.

    The process must have given up new privileges (PR_SET_NO_NEW_PRIVS) and have a single thread.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return False
    text = _program(machine)
    program = _Program(len(text) // 8, text)
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0)) == 0


def _program(machine: _Machine) -> bytes:
    """The filter in the kernel's BPF: eight bytes an instruction."""
    own = os.getpid()
    steps = [
        _step(_LOAD, _ARCHITECTURE), _step(_JUMP_EQUAL, machine.audit, 1, 0), _step(_RETURN, _KILL_PROCESS),
        _step(_LOAD, _NUMBER), _step(_JUMP_AT_LEAST, _X32, 0, 1), _step(_RETURN, _KILL_PROCESS),
        # the C library then makes threads by `clone`, whose flags can be seen
        _step(_JUMP_EQUAL, _CLONE3, 0, 1), _step(_RETURN, _ERRNO | _ENOSYS),
        # threads, not processes
        _step(_JUMP_EQUAL, machine.clone, 0, 4), _step(_LOAD, _FIRST_ARGUMENT),
        _step(_JUMP_SET, _CLONE_THREAD, 0, 1), _step(_RETURN, _ALLOW), _step(_RETURN, _ERRNO | _EPERM),
        # signals to itself, as abort() sends
        _step(_JUMP_EQUAL, machine.tgkill, 0, 4), _step(_LOAD, _FIRST_ARGUMENT),
        _step(_JUMP_EQUAL, own, 0, 1), _step(_RETURN, _ALLOW), _step(_RETURN, _ERRNO | _EPERM),
        # limits of its own
        _step(_JUMP_EQUAL, machine.prlimit64, 0, 5), _step(_LOAD, _FIRST_ARGUMENT),
        _step(_JUMP_EQUAL, 0, 1, 0), _step(_JUMP_EQUAL, own, 0, 1), _step(_RETURN, _ALLOW),
        _step(_RETURN, _ERRNO | _EPERM),
    ]  # fmt: skip
    for numbers in _REFUSED.values():
        if (number := numbers[machine.column]) >= 0:
            steps += [_step(_JUMP_EQUAL, number, 0, 1), _step(_RETURN, _ERRNO | _EPERM)]
    return b"".join([*steps, _step(_RETURN, _ALLOW)])


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
