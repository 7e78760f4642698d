"""The checks of the processor and of the limits of control groups."""

from pathlib import Path

import pytest

from ferapp.doctor import machine
from ferapp.system.confinement import Layers

HASWELL = "flags\t\t: fpu avx avx2 fma\nmodel name\t: Some i5\n"


SAPPHIRE = "model name : Xeon\nflags : avx2 avx512f avx512_vnni avx512_bf16 amx_int8\n"


ALDER = "model name : i7\nflags : avx2 avx_vnni\n"


OLD = "model name : Core 2\nflags : sse4_1\n"


ARM = "Features : fp asimd asimddp bf16 i8mm\n"


@pytest.mark.parametrize(
    ("kind", "text", "expected", "state"),
    [
        pytest.param("x86_64", HASWELL, "avx2 yes, avx512f no, vnni no", "ok", id="avx2"),
        pytest.param("AMD64", ALDER, "avx2 yes, avx512f no, vnni yes, bf16 no", "ok", id="alder"),
        pytest.param("x86_64", SAPPHIRE, "vnni yes, bf16 yes, amx yes", "ok", id="all"),
        pytest.param("x86_64", OLD, "avx2 no", "note", id="old"),
        pytest.param("aarch64", ARM, "neon yes, dotprod yes, i8mm yes, bf16 yes", "ok", id="arm"),
        pytest.param("riscv64", "", "unknown", "ok", id="other"),
    ],
)
def test_processor_features(
    kind: str, text: str, expected: str, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(machine, "_PROC", tmp_path)
    monkeypatch.setattr("platform.machine", lambda: kind)
    result = machine.features()
    assert expected in result.text and result.state == state


def test_without_proc_numpy_is_asked_for_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simd = {"baseline": ["X86_V2"], "found": ["X86_V3"], "not found": ["X86_V4", "AVX512_ICL"]}
    monkeypatch.setattr("numpy.show_config", lambda mode: {"SIMD Extensions": simd})
    monkeypatch.setattr(machine, "_PROC", tmp_path)
    monkeypatch.setattr("platform.machine", lambda: "AMD64")
    expected = machine.features().text
    assert "avx2 yes" in expected and "vnni unknown" in expected and "amx unknown" in expected
    assert machine.memory().text


def groups(folder: Path, lines: str, files: dict[str, str]) -> None:
    (folder / "proc" / "self").mkdir(parents=True)
    (folder / "proc" / "self" / "cgroup").write_text(lines)
    (folder / "proc" / "meminfo").write_text("MemTotal: 8000000 kB\nMemAvailable: 6000000 kB\n")
    for name, text in files.items():
        file = folder / "groups" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.mark.parametrize(
    ("lines", "files", "cores", "memory"),
    [
        pytest.param(
            "0::/a/b\n",
            {"a/cpu.max": "50000 100000\n", "a/b/cpu.max": "max 100000\n", "a/memory.max": "max"},
            "0.5 usable of",
            "8.2 GB, 6.1 GB free",
            id="version 2, the outer one limits",
        ),
        pytest.param(
            "4:memory:/x\n1:cpu,cpuacct:/\n",
            {
                "cpu/cpu.cfs_quota_us": "25000",
                "cpu/cpu.cfs_period_us": "100000",
                "memory/memory.limit_in_bytes": "2000000000",
            },
            "0.25 usable of",
            "(limited to 2.0 GB by its control group)",
            id="version 1, in a container",
        ),
        pytest.param("0::/\n", {}, "usable of", "8.2 GB, 6.1 GB free", id="no limit"),
    ],
)
def test_limits_of_control_groups(
    lines: str,
    files: dict[str, str],
    cores: str,
    memory: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    groups(tmp_path, lines, files)
    monkeypatch.setattr(machine, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(machine, "_GROUPS", tmp_path / "groups")
    assert cores in machine.cores().text and memory in machine.memory().text


@pytest.mark.parametrize(
    ("found", "system", "state", "text"),
    [
        pytest.param(Layers(True, 7, True), "linux", "ok", "limits, Landlock 7, seccomp", id="all"),
        pytest.param(
            Layers(True, 0, True),
            "linux",
            "note",
            "limits, seccomp; code that takes over a process which reads files could read this "
            "account's files",
            id="old kernel",
        ),
        pytest.param(
            Layers(True, 0, False),
            "darwin",
            "ok",
            "limits; code that takes over a process which reads files could read this account's "
            "files and connect to others and start programs, as this system has no more",
            id="macOS",
        ),
    ],
)
def test_the_report_says_what_confines_decoders(
    found: Layers, system: str, state: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "layers", lambda: found)
    monkeypatch.setattr(machine.sys, "platform", system)
    assert (machine.confinement().state, machine.confinement().text) == (state, text)
