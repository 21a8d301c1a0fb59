"""What a measuring process gives up before it looks at anything a stranger sent.

Video decoders have faults; whoever finds one may run code of their own in this process. Then it
holds nothing worth having: no secret, no address, no other person's file, no network, no child, and
no more of memory, disk and processor than a clip needs. See ``docs/decisions/confinement.md``.

A kernel may lack one of the ways; the process then runs with the others and says which.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from worker import landlock, seccomp

ROOT = Path(__file__).resolve().parents[1]
MIB = 1024 * 1024
#: Beside memory of its own a process maps libraries and reserves addresses that it never uses.
ADDRESSES_MIB = 8192
OPEN_FILES = 256
#: What is passed on from the worker's environment; never a secret, an address or a path of ours.
PASSED_ON = {"PATH", "LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE"}
PASSED_ON_KINDS = ("LC_", "CUDA_", "NVIDIA_")
#: What libraries look up of the system they run on.
SYSTEM = (
    *("/usr", "/lib", "/lib64"),
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", "/etc/glvnd", "/etc/passwd"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems"),
    *("/proc/sys/vm", "/sys/devices/system", "/sys/fs/cgroup", "/dev/urandom", "/dev/random"),
)
#: And of a graphics card, where one is used.
CARD = ("/proc/driver", "/proc/devices", "/proc/modules", "/sys", "/etc/OpenCL", "/etc/vulkan")
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


@dataclass(frozen=True)
class Limits:
    """``memory_mib`` 0: none. A file that grows beyond ``file_mib`` cannot be written on.
    ``processor``: seconds of it for each second that a request may take, and each thread."""

    memory_mib: int = 4096
    file_mib: int = 400
    processor: float = 1.0


@dataclass(frozen=True)
class Confinement:
    """``reads`` and ``changes`` are files and folders; ``uses_card``: a graphics card, whose driver
    reserves more addresses than any limit would allow. ``by_kernel`` False: without Landlock and
    seccomp, for a driver that does not work under them."""

    reads: Sequence[str]
    changes: Sequence[str]
    limits: Limits
    uses_card: bool = False
    by_kernel: bool = True

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> "Confinement":
        return cls(**{**said, "limits": Limits(**said["limits"])})


def environment(
    home: Path, threads: int, encoder_device: str, face_landmarker: str = ""
) -> dict[str, str]:
    """All that a measuring process is told: a list of names, so that a new secret is not on it."""
    known = {
        name: value
        for name, value in os.environ.items()
        if name in PASSED_ON or name.startswith(PASSED_ON_KINDS)
    }
    # Cores are shared out by starting processes, not by every library's own threads.
    sharing = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    path = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        **known,
        **dict.fromkeys(sharing, str(threads)),
        **dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR"), str(home)),
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(path)),
        # It would try for a semaphore, which is not to be had, and complain.
        "JOBLIB_MULTIPROCESSING": "0",
        "MIMIA_ENCODER_DEVICE": encoder_device,
        "MIMIA_FACE_LANDMARKER": face_landmarker,
    }


def card_is_used(encoder_device: str) -> bool:
    return encoder_device != "cpu" and any(Path("/dev").glob("nvidia*"))


def enter(plan: Confinement, worker: int) -> list[str]:
    """Gives everything up, for good; returns the ways that this system lacks.

    ``worker``: the process that must not be outlived. To be called before any thread is started.
    """
    os.umask(0o077)
    lacking = [name for name, way in _ways(plan, worker) if not way]
    if os.getppid() != worker:
        os._exit(0)  # it was gone before it could be watched
    return lacking


def _ways(plan: Confinement, worker: int) -> Iterator[tuple[str, bool]]:
    yield "limits", _limit(plan)
    if sys.platform != "linux":
        yield "privileges, death signal, Landlock, seccomp", False
        return
    library = ctypes.CDLL(None, use_errno=True)
    yield "death signal", library.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) == 0
    yield "no new privileges", library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    reads = [*_python(), *SYSTEM, *plan.reads]
    changes = ["/dev/null", *plan.changes]
    if plan.uses_card:
        reads += CARD
        changes += [*map(str, Path("/dev").glob("nvidia*")), "/dev/dri", "/dev/shm"]  # noqa: S108
    restrict = partial(landlock.restrict, reads=reads, changes=changes)
    yield "Landlock", plan.by_kernel and _tried(restrict)
    yield "seccomp", plan.by_kernel and _tried(seccomp.restrict)


def _tried(way: Callable[[], bool]) -> bool:
    try:
        return way()
    except OSError:
        return False


def _python() -> list[str]:
    """The code that measures and the libraries that it imports, and nothing else below our root:
    the site's files may lie there too."""
    ours = [str(ROOT / room) for room in ("ml", "vocabulary", "worker")]
    libraries = [path for path in sys.path if path and Path(path).resolve() != ROOT]
    return [*ours, *libraries, sys.prefix, sys.base_prefix]


def _limit(plan: Confinement) -> bool:
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_FSIZE: plan.limits.file_mib * MIB,
    }
    if plan.limits.memory_mib and not plan.uses_card:
        limits[resource.RLIMIT_DATA] = plan.limits.memory_mib * MIB
        limits[resource.RLIMIT_AS] = (plan.limits.memory_mib + ADDRESSES_MIB) * MIB
    for kind, most in limits.items():
        with suppress(ValueError, OSError):
            _, ceiling = resource.getrlimit(kind)
            lower = most if ceiling == resource.RLIM_INFINITY else min(most, ceiling)
            resource.setrlimit(kind, (lower, lower))
    return all(0 <= resource.getrlimit(kind)[0] <= most for kind, most in limits.items())
