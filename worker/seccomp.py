"""seccomp: system calls that this process is refused from now on, in every thread (Linux).

No socket, no child, no other program, no signal to anybody else, no limit raised, no rights of
files changed. Refused calls fail with *not permitted*: a library that merely tries goes on.
"""

import ctypes
import os
import platform
import struct
from errno import ENOSYS, EPERM

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE = 0, 4
_CLONE_THREAD = 0x00010000
#: On x86-64 the same calls have a second set of numbers from here on.
_X32 = 0x40000000

#: machine → (the kernel's name of it, place of a call's number below)
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
#: Numbers on x86-64 and on 64-bit ARM; None where it has no such call.
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # The network; the socket to the worker is open already.
    "socket": (41, 198), "io_uring_setup": (425, 425),
    # Children and other programs. A new thread is a *clone* too: see below.
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    # Other processes.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438),
    # Its own limits (*prlimit64* may still ask: see below), and memory that they do not count.
    "setrlimit": (160, 164), "memfd_create": (319, 279), "shmget": (29, 194),
    # Rights of files, which Landlock does not guard.
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "open_by_handle_at": (304, 265),
    # The system itself; these need rights that it has not, unless it runs as root.
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "bpf": (321, 280), "reboot": (169, 142),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "swapon": (167, 224), "settimeofday": (164, 170), "clock_settime": (227, 112),
}  # fmt: skip
_CLONE, _CLONE3, _KILL, _TGKILL, _PRLIMIT = (56, 220), (435, 435), (62, 129), (234, 131), (302, 261)

Instruction = tuple[int, int, int, int]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def restrict() -> bool:
    """Refuse them from now on. False on a machine whose numbers we do not know; OSError where the
    kernel refuses. Needs *no new privileges*."""
    if platform.machine() not in _MACHINES:
        return False
    code = b"".join(struct.pack("=HBBI", *one) for one in _program(*_MACHINES[platform.machine()]))
    library = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(code) // 8, code)
    if library.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), f"seccomp refused: {os.strerror(ctypes.get_errno())}")
    return True


def _program(architecture: int, column: int) -> list[Instruction]:
    """The filter, in the kernel's little language: each test is followed by what it decides."""
    refuse = (_RETURN, 0, 0, _ERRNO | EPERM)
    allow = (_RETURN, 0, 0, _ALLOW)
    number = (_LOAD, 0, 0, _NUMBER)
    program = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), refuse, number]
    program += [(_AT_LEAST, 0, 1, _X32), refuse]
    for numbers in _REFUSED.values():
        if (one := numbers[column]) is not None:
            program += [(_EQUAL, 0, 1, one), refuse]
    # The C library then asks in the older way, whose flags a filter can read.
    program += [(_EQUAL, 0, 1, _CLONE3[column]), (_RETURN, 0, 0, _ERRNO | ENOSYS)]
    # A thread is welcome, a process is not.
    program += [(_EQUAL, 0, 4, _CLONE[column]), _low(0), (_ANY_BIT, 0, 1, _CLONE_THREAD), allow]
    program += [refuse]
    for call in (_KILL, _TGKILL):
        # To itself, as *abort* does.
        program += [(_EQUAL, 0, 4, call[column]), _low(0), (_EQUAL, 0, 1, os.getpid()), allow]
        program += [refuse]
    # Asking for a limit gives no new one: its third argument is a null pointer.
    program += [(_EQUAL, 0, 6, _PRLIMIT[column]), _low(2), (_EQUAL, 0, 3, 0)]
    program += [(_LOAD, 0, 0, _place(2) + 4), (_EQUAL, 0, 1, 0), allow, refuse]
    return [*program, allow]


def _place(argument: int) -> int:
    return 16 + 8 * argument


def _low(argument: int) -> Instruction:
    """Loads the lower half of an argument; both machines are little-endian."""
    return (_LOAD, 0, 0, _place(argument))
