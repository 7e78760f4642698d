"""The machine: system, processor, memory, cameras."""

import math
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from ferapp.doctor.findings import Finding, gigabytes, note
from ferapp.system.confinement import layers

_OLDEST_PYTHON: Final = (3, 11)
_LEAST_MEMORY: Final = 1_000_000_000
_PROC: Final = Path("/proc")
_GROUPS: Final = Path("/sys/fs/cgroup")

# Names on Linux, any of which will do; and names in NumPy, for other systems.
_X86: Final = {
    "avx2": (("avx2",), ("AVX2", "X86_V3")),
    "avx512f": (("avx512f",), ("AVX512F", "X86_V4")),
    "vnni": (("avx512_vnni", "avx_vnni"), ("AVX512_CLX", "AVX512_ICL")),
    "bf16": (("avx512_bf16",), ("AVX512_SPR",)),
    "amx": (("amx_int8",), ()),
}
_ARM: Final = {
    "neon": (("asimd", "neon"), ("NEON", "ASIMD")),
    "dotprod": (("asimddp",), ("ASIMDDP",)),
    "i8mm": (("i8mm",), ()),
    "bf16": (("bf16",), ()),
}


def python() -> Finding:
    """Which Python runs this, and whether in a virtual environment."""
    place = "a virtual environment" if sys.prefix != sys.base_prefix else "no virtual environment"
    return Finding(f"{platform.python_implementation()} {platform.python_version()} in {place}")


def system() -> Finding:
    """The operating system, its kernel and C library, and the kind of processor."""
    parts = [f"{platform.system()} {platform.release()}"]
    with suppress(OSError):
        parts.insert(0, platform.freedesktop_os_release()["PRETTY_NAME"])
    parts.append(" ".join(platform.libc_ver()))
    parts.append(f"macOS {platform.mac_ver()[0]}" if platform.mac_ver()[0] else "")
    parts.append(platform.machine())
    return Finding(", ".join(part for part in parts if part.strip()))


def processor_name() -> str:
    """The name of the processor, if the system knows it."""
    for key in ("model name", "Model", "Hardware"):
        if value := _cpuinfo(key):
            return value
    return platform.processor() or platform.machine() or "unknown"


def processor() -> Finding:
    """The name of the processor."""
    return Finding(processor_name())


def features() -> Finding:
    """Which instruction sets it has that make the models fast."""
    kind = platform.machine().lower()
    if kind in ("x86_64", "amd64", "i386", "i686"):
        wanted = _X86
    elif kind in ("aarch64", "arm64"):
        wanted = _ARM
    else:
        return Finding("unknown")
    flags = (_cpuinfo("flags") or _cpuinfo("Features")).split()
    answers = {
        name: ("yes" if set(linux) & set(flags) else "no") if flags else _numpy_answer(numpy)
        for name, (linux, numpy) in wanted.items()
    }
    text = ", ".join(f"{name} {answer}" for name, answer in answers.items())
    if answers.get("avx2") == "no":
        return note(text, "Expect slow results; a processor with AVX2 is several times as fast.")
    return Finding(text)


def _cpuinfo(key: str) -> str:
    """A value that Linux gives for the first processor; empty if there is none."""
    try:
        lines = (_PROC / "cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in pairs if name.strip() == key), "")


def _numpy_answer(names: tuple[str, ...]) -> str:
    import numpy

    config = numpy.show_config(mode="dicts") or {}
    extensions = config.get("SIMD Extensions", {})
    if set(names) & {*extensions.get("baseline", ()), *extensions.get("found", ())}:
        return "yes"
    # In newer releases one name stands for several features, some of which may be present.
    is_listed = names and set(names) <= set(extensions.get("not found", ()))
    return "no" if is_listed and len(names) == 1 else "unknown"


def cores() -> Finding:
    """How many cores there are, and how many this process may use."""
    count = os.cpu_count() or 0
    usable = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else count)
    limit = min(_quotas(), default=math.inf)
    text = f"{min(usable, limit):g} usable of {count}" if count else "unknown"
    if limit < usable:
        text += f" (limited to {limit:g} by its control group)"
    return Finding(text)


def _quotas() -> Iterator[float]:
    """How many processors each control group allows this process."""
    for text in _group_values("cpu", "cpu.max"):
        quota, _, period = text.partition(" ")
        if quota != "max":
            yield int(quota) / int(period)
    periods = _group_values("cpu", "cpu.cfs_period_us")
    for quota, period in zip(_group_values("cpu", "cpu.cfs_quota_us"), periods, strict=False):
        if int(quota) > 0:
            yield int(quota) / int(period)


def memory() -> Finding:
    """How much memory there is, and how much of it is free."""
    sizes = _memory()
    if "MemTotal" not in sizes:
        return Finding("unknown")
    total, free = sizes["MemTotal"], sizes.get("MemAvailable", sizes["MemTotal"])
    names = ("memory.max", "memory.limit_in_bytes")
    limits = [
        int(text) for name in names for text in _group_values("memory", name) if text != "max"
    ]
    limit = min((n for n in limits if n < total), default=0)
    text = f"{gigabytes(total)}, {gigabytes(free)} free"
    if limit:
        text += f" (limited to {gigabytes(limit)} by its control group)"
    if min(free, limit or free) < _LEAST_MEMORY:
        return note(text, "Close other programs, or give ferapp at least 1 GB.")
    return Finding(text)


def _memory() -> dict[str, int]:
    """Bytes by their Linux names; other systems give only the total, if anything."""
    try:
        lines = (_PROC / "meminfo").read_text(encoding="ascii").splitlines()
        return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    except OSError:
        pass
    with suppress(AttributeError, OSError, ValueError):
        return {"MemTotal": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")}
    return {}


def _group_values(controller: str, name: str) -> list[str]:
    """A value of each control group of this process, the outermost first."""
    try:
        lines = (_PROC / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    folders: dict[Path, None] = {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        folder = _GROUPS / controller if controllers else _GROUPS
        folders[folder] = None
        # In a container the path may be that of the host, which does not exist.
        for part in path.strip("/").split("/"):
            folder /= part
            folders[folder] = None
    texts = []
    for folder in folders:
        with suppress(OSError):
            texts.append((folder / name).read_text(encoding="ascii").strip())
    return texts


def confinement() -> Finding:
    """What confines the processes that read videos, pictures and models of others."""
    found = layers()
    if not found.gap:
        return Finding(found.text)
    text = f"{found.text}; code that takes over a process which reads files could {found.gap}"
    if not sys.platform.startswith("linux"):
        return Finding(f"{text}, as this system has no more")
    return note(
        text,
        "Use Linux 5.13 or newer with Landlock and seccomp; in a container, its seccomp profile "
        "has to allow landlock_create_ruleset and seccomp.",
    )


def cameras() -> Finding:
    """Camera devices of this machine; the live page uses those of the browser's machine."""
    if not sys.platform.startswith("linux"):
        return Finding("not checked")
    devices = sorted(Path("/dev").glob("video*"))
    if not devices:
        return Finding("none on this machine")
    text = ", ".join(device.name for device in devices)
    if any(os.access(device, os.R_OK | os.W_OK) for device in devices):
        return Finding(text)
    return note(
        f"{text}, which this account can't open",
        "Add the account to the group video and log in again.",
    )
