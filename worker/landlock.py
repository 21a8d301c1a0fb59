"""Landlock: the kernel's own list of the folders that this process may open (Linux 5.13 and later).

Bare system calls, since the C library has no functions for them. What is not on the list does not
open, whoever owns it; the list holds for every thread and can only become shorter.
"""

import ctypes
import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = (1 << bit for bit in range(4))
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
#: Everything about files that the first version knows: to run, change, make and remove them.
_FIRST = (1 << 13) - 1
#: Moving between folders, and cutting off a file's end, came with versions 2 and 3.
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_READ = _READ_FILE | _READ_DIR
_CHANGE = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG
#: What a rule about a single file may say.
_ABOUT_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_TCP = 0b11
_SIGNALS_AND_SOCKETS = 0b11


def version() -> int:
    """The kernel's version of Landlock; 0 where there is none."""
    return max(0, _call(_CREATE_RULESET, None, 0, _ASK_VERSION))


def restrict(*, reads: Iterable[str], changes: Iterable[str]) -> bool:
    """From now on only ``reads`` can be read and only ``changes`` read and changed (files, or
    folders with all that is in them); no TCP, no signals to others where the kernel knows that.

    A path that does not exist is left out. False where the kernel has no Landlock; OSError where
    it refuses. Needs *no new privileges*.
    """
    known = version()
    if not known:
        return False
    handled = _FIRST | (_REFER if known >= 2 else 0) | (_TRUNCATE if known >= 3 else 0)
    net, scoped = (_TCP if known >= 4 else 0), (_SIGNALS_AND_SOCKETS if known >= 6 else 0)
    size = 8 if known < 4 else 16 if known < 6 else 24
    ruleset = _checked(_CREATE_RULESET, struct.pack("QQQ", handled, net, scoped), size, 0)
    try:
        for path in reads:
            _allow(ruleset, path, _READ & handled)
        for path in changes:
            _allow(ruleset, path, (_CHANGE | _REFER | _TRUNCATE) & handled)
        _checked(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return True


def _allow(ruleset: int, path: str, access: int) -> None:
    with suppress(FileNotFoundError, PermissionError):
        place = os.open(Path(path), os.O_PATH | os.O_CLOEXEC)
        try:
            if not S_ISDIR(os.fstat(place).st_mode):
                access &= _ABOUT_FILES
            _checked(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", access, place), 0)
        finally:
            os.close(place)


def _call(number: int, *arguments: object) -> int:
    function = ctypes.CDLL(None, use_errno=True).syscall
    function.restype = ctypes.c_long
    given = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return int(function(ctypes.c_long(number), *given))


def _checked(number: int, *arguments: object) -> int:
    answer = _call(number, *arguments)
    if answer < 0:
        raise OSError(ctypes.get_errno(), f"landlock refused: {os.strerror(ctypes.get_errno())}")
    return answer
