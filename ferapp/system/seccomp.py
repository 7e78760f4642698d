"""seccomp: a process gives up system calls for good, without privileges.

See https://docs.kernel.org/userspace-api/seccomp_filter.html. The filter is a program for the
kernel's packet filter: it gets the number and the arguments of each call. It refuses what reaches
other processes, the network and the kernel's rarely used parts, and what changes files; all else is
allowed, so that the threads of FFmpeg and ONNX Runtime work with every C library.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from typing import Final

_SET_FILTER: Final = 1
_ASK_ACTION: Final = 2
# Threads that libraries started get the filter as well.
_ALL_THREADS: Final = 1

_KILL, _REFUSE, _ALLOW = 0x8000_0000, 0x0005_0000, 0x7FFF_0000
# Instructions: load a word; jump if equal, not less or a bit in common; end.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _END = 0x20, 0x15, 0x35, 0x45, 0x06
# Where the number, the kind of processor and the low half of the arguments are, bytes.
_NUMBER, _PROCESSOR, _ARGUMENTS = 0, 4, (16, 24, 32)
_CLONE_THREAD: Final = 0x1_0000
_FOR_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
# Calls of the x32 interface, which are the others with this bit.
_X32: Final = 0x4000_0000

# Kind of processor, and column in the tables below; None is where there is no such call.
_MACHINES: Final = {"x86_64": (0xC000_003E, 0), "aarch64": (0xC000_00B7, 1)}
_Numbers = dict[str, tuple[int | None, int | None]]
_ALWAYS_REFUSED: Final[_Numbers] = {
    # The network, and sockets to other programs.
    "socket": (41, 198),
    "socketpair": (53, 199),
    # Other programs and processes.
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # Memory, messages and keys that processes share.
    "shmget": (29, 194),
    "shmat": (30, 196),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Ways around this filter and around paths.
    "io_uring_setup": (425, 425),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # Namespaces and mounts.
    "unshare": (272, 97),
    "setns": (308, 268),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "mount": (165, 40),
    "umount2": (166, 39),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    # Parts of the kernel that decoding never needs, and that have had holes.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    # Names of files that others make or read, and modes, owners, times and attributes of files;
    # Landlock does not cover these.
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
}
_CHANGES_FILES: Final[_Numbers] = {
    "creat": (85, None),
    "truncate": (76, 45),
    "ftruncate": (77, 46),
    "fallocate": (285, 47),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "mknod": (133, None),
    "mknodat": (259, 33),
}
# Their arguments are in memory, where a filter can't look; without them callers use older calls.
_SAID_TO_BE_MISSING: Final[_Numbers] = {"clone3": (435, 435), "openat2": (437, 437)}
_SECCOMP: Final = (317, 277)
_CLONE: Final = (56, 220)
# kill and tgkill, whose first argument is the process.
_KILLS: Final = ((62, 129), (234, 131))
_PRLIMIT: Final = (302, 261)
_FCNTL: Final = (72, 25)
# Of its commands, F_SETOWN, F_SETOWN_EX and F_SETSIG have this bit, by which the kernel can be made
# to send any signal to another process. Of the others with it, decoding needs none.
_WHOM_TO_SIGNAL: Final = 8
# open and openat, with the position of their flags.
_OPENS: Final = (((2, None), 1), ((257, 56), 2))


def is_available() -> bool:
    """Whether this machine has it, and this module knows the numbers of its calls."""
    action = ctypes.c_uint32(_REFUSE)
    return _seccomp(_ASK_ACTION, 0, ctypes.byref(action)) == 0


def restrict(*, writes: bool) -> bool:
    """Refuse system calls from now on, in all threads.

    The process must have no way to gain privileges (`PR_SET_NO_NEW_PRIVS`).

    Args:
        writes: Whether files may be changed.

    Returns:
        Whether it holds.
    """
    if platform.machine() not in _MACHINES:
        return False
    code = b"".join(_program(*_MACHINES[platform.machine()], writes=writes))
    buffer = ctypes.create_string_buffer(code, len(code))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    program = Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    return _seccomp(_SET_FILTER, _ALL_THREADS, ctypes.byref(program)) == 0


def _program(processor: int, column: int, *, writes: bool) -> list[bytes]:
    refused = _ALWAYS_REFUSED if writes else _ALWAYS_REFUSED | _CHANGES_FILES
    steps = [
        _step(_LOAD, _PROCESSOR),
        _step(_EQUAL, processor, if_so=1),
        _step(_END, _KILL),
        _step(_LOAD, _NUMBER),
    ]
    if column == 0:
        steps += [_step(_AT_LEAST, _X32, if_not=1), _refuse()]
    for numbers, answer in ((refused, errno.EPERM), (_SAID_TO_BE_MISSING, errno.ENOSYS)):
        for number in (row[column] for row in numbers.values()):
            if number is not None:
                steps += [_step(_EQUAL, number, if_not=1), _refuse(answer)]
    # Threads, but no processes; signals and limits for this process alone.
    steps += _unless(_CLONE[column], 0, _ANY_BIT, _CLONE_THREAD)
    for numbers_of_kill in _KILLS:
        steps += _unless(numbers_of_kill[column], 0, _EQUAL, os.getpid())
    steps += _unless(_FCNTL[column], 1, _ANY_BIT, _WHOM_TO_SIGNAL, refuses=True)
    steps += _unless(_PRLIMIT[column], 0, _EQUAL, 0)
    if not writes:
        for numbers_of_open, position in _OPENS:
            steps += _unless(
                numbers_of_open[column], position, _ANY_BIT, _FOR_WRITING, refuses=True
            )
    return [*steps, _step(_END, _ALLOW)]


def _unless(
    number: int | None, position: int, test: int, value: int, *, refuses: bool = False
) -> list[bytes]:
    """Allow a call if an argument passes a test, else refuse it; or the other way round."""
    if number is None:
        return []
    refuse, allow = _refuse(), _step(_END, _ALLOW)
    passed, failed = (refuse, allow) if refuses else (allow, refuse)
    return [
        _step(_EQUAL, number, if_not=4),
        _step(_LOAD, _ARGUMENTS[position]),
        _step(test, value, if_not=1),
        passed,
        failed,
    ]


def _refuse(answer: int = errno.EPERM) -> bytes:
    return _step(_END, _REFUSE | answer)


def _step(code: int, value: int, *, if_so: int = 0, if_not: int = 0) -> bytes:
    """One instruction; the jumps are numbers of instructions to skip."""
    return struct.pack("=HBBI", code, if_so, if_not, value)


def _seccomp(operation: int, flags: int, argument: object) -> int:
    """Its system call; negative where there is none."""
    machine = platform.machine()
    if not sys.platform.startswith("linux") or machine not in _MACHINES:
        return -1
    number = _SECCOMP[_MACHINES[machine][1]]
    # A 32-bit Python on such a machine would have other numbers.
    if struct.calcsize("P") != 8:
        return -1
    call = ctypes.CDLL(None).syscall
    return int(
        call(ctypes.c_long(number), ctypes.c_uint(operation), ctypes.c_uint(flags), argument)
    )
