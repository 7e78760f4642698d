"""The report about an installation: what it sees, and what it never tells."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ferapp.doctor import machine, packages, places
from ferapp.doctor.findings import Finding
from ferapp.doctor.privacy import private
from ferapp.doctor.report import Report, report
from ferapp.errors import FetchError, StoreError
from ferapp.inference import onnx_model as session
from ferapp.inference import weights
from ferapp.inference.manifest import manifest
from ferapp.libraries import Loaded, Trouble
from ferapp.sessions.database import database_url, open_database
from ferapp.ui.shared import installation, resources
from ferapp.vision import opencv
from tests.support.apps import app, words
from tests.support.packages import put
from tests.support.places import ROOT

KEYS = {
    *("ferapp", "python", "system", "processor", "processor_features", "cores", "memory"),
    *("opencv", "onnxruntime", "ffmpeg", "extras", "library.numpy", "library.aiortc"),
    *("model.seresnet-48-int8", "model.yunet", "database", "cache", "temporary_files"),
    *("port", "cameras", "settings"),
}


def doctor(*args: str, module: str = "ferapp", **env: str) -> subprocess.CompletedProcess[str]:
    command = ["doctor"] if module == "ferapp" else []
    return subprocess.run(
        [sys.executable, "-m", module, *command, *args],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **env},
        timeout=120,
    )


def text_of(found: Report) -> str:
    return "\n".join(line for line, _ in found.lines())


def finding(found: Report, key: str) -> Finding:
    return next(check.finding for check in found.checks if check.key == key)


# The command line is a contract.


def test_json_is_one_object_with_stable_keys(tmp_path: Path) -> None:
    run = doctor("--json", FERAPP_CACHE_DIR=str(tmp_path))
    result = json.loads(run.stdout)
    assert set(result) == {"ferapp", "problems", "notes", "checks"}
    assert set(result["checks"]) >= KEYS
    for check in result["checks"].values():
        assert set(check) == {"state", "found", "advice"}
        assert bool(check["advice"]) == (check["state"] != "ok"), check
    states = [check["state"] for check in result["checks"].values()]
    assert (result["problems"], result["notes"]) == (states.count("problem"), states.count("note"))
    assert run.returncode == (1 if result["problems"] else 0)


def test_text_has_a_line_for_each_check_and_status_1_for_a_problem(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text('print("Complaint"); raise ImportError("libGL.so.1: no")')
    run = doctor(PYTHONPATH=str(tmp_path))
    assert run.returncode == 1 and "Traceback" not in run.stderr
    assert (
        "problem OpenCV: OpenCV can't be loaded (libGL.so.1: no)\n        Repair it" in run.stdout
    )
    assert "ok      Models" not in run.stdout and "model" not in run.stderr
    assert "ok      seresnet-48-int8: right" in run.stdout, "the rest goes on"
    assert "Complaint" in run.stderr and "Complaint" not in run.stdout


def test_it_works_where_the_command_line_can_t_start(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError('no', name='typer')")
    (tmp_path / "pydantic.py").write_text("raise RuntimeError")
    run = doctor(PYTHONPATH=str(tmp_path))
    assert run.returncode == 1 and "Traceback" not in run.stderr and "typer" in run.stderr
    assert "python -m ferapp.doctor" in run.stderr
    run = doctor(module="ferapp.doctor", PYTHONPATH=str(tmp_path))
    assert run.returncode == 1 and "Traceback" not in run.stderr
    assert "problem Models: the check failed (RuntimeError)" in run.stdout
    assert "ok      Python" in run.stdout


# It tells nothing private.


def test_nothing_private_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "zebulon"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LOGNAME", "zebulon")
    monkeypatch.setattr("platform.node", lambda: "quokka.example.org")
    monkeypatch.setenv("FERAPP_SOMETHING", "s3cret-value")
    monkeypatch.setenv("FERAPP_DATABASE_URL", f"sqlite:///{home}/in/sessions.db")
    monkeypatch.setenv("FERAPP_CACHE_DIR", f"{tmp_path}/quokka/of-zebulon/cache")
    monkeypatch.setattr("tempfile.tempdir", str(home))
    found = report()
    told = text_of(found) + json.dumps(found.to_record())
    for secret in ("zebulon", "quokka", "s3cret", str(home)):
        assert secret not in told.lower()
    assert finding(found, "database").found.startswith("~/in/sessions.db, not made yet")
    assert "FERAPP_SOMETHING" in finding(found, "settings").found


@pytest.mark.parametrize(
    ("url", "state"),
    [
        pytest.param("postgresql://zebulon:s3cret@127.0.0.1:1/quokka", "problem", id="no server"),
        pytest.param("nothing://zebulon:s3cret@quokka/x", "problem", id="no driver"),
        pytest.param("zebulon s3cret quokka", "problem", id="no url"),
    ],
)
def test_a_database_url_is_never_told(
    url: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERAPP_DATABASE_URL", url)
    found = report()
    assert finding(found, "database").state == state
    assert not [s for s in ("zebulon", "s3cret", "quokka") if s in text_of(found)]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        pytest.param("/home/ann", "~", id="home"),
        pytest.param("/home/ann/x, 1 GB", "~/x, 1 GB", id="inside"),
        pytest.param("/home/annabel/x", "/home/_/x", id="another home"),
        pytest.param("/mnt/ann/x", "/mnt/_/x", id="elsewhere"),
        pytest.param("/tmp/pytest-of-ann/1", "/tmp/pytest-of-_/1", id="part of a name"),
        pytest.param("ann opens a can", "ann opens a can", id="a word"),
        pytest.param(r"C:\Users\Ann\x", r"C:\Users\_\x", id="windows"),
        pytest.param("/srv/box/x", "/srv/_/x", id="host"),
    ],
)
def test_names_are_taken_from_paths(text: str, clean: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("LOGNAME", "ann")
    monkeypatch.setattr("platform.node", lambda: "box.example.org")
    assert private(text) == clean


def test_an_account_without_a_name_or_home_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    def nowhere(*_: object) -> Path:
        raise RuntimeError("could not determine the home directory")

    for name in ("HOME", "FERAPP_DATABASE_URL", "FERAPP_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("getpass.getuser", unknown)
    monkeypatch.setattr("pathlib.Path.home", nowhere)
    monkeypatch.setattr("platformdirs.user_data_path", nowhere)
    monkeypatch.setattr("platformdirs.user_cache_path", nowhere)
    # Root could make the folder that stands for none.
    monkeypatch.setattr("ferapp.system.folders._NO_HOME", os.devnull)
    found = report()
    assert "set FERAPP_DATA_DIR" in finding(found, "database").advice
    assert finding(found, "cache").state == "note"
    assert finding(found, "model.yunet").found == "not fetched"
    with pytest.raises(StoreError, match="Set FERAPP_DATA_DIR"):
        open_database()
    with pytest.raises(FetchError, match="Set FERAPP_CACHE_DIR"):
        weights.fetch(manifest().find("yunet"))


# A check that fails says so, and the others go on.


def test_a_check_that_fails_is_a_problem_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Iterator[tuple[str, Finding]]:
        yield "good", Finding("fine")
        raise ZeroDivisionError("/home/ann/secret")

    monkeypatch.setattr(places, "models", fail)
    monkeypatch.setattr(machine, "cores", lambda: 1 / 0)
    found = report()
    assert finding(found, "model.good").state == "ok"
    for key in ("model", "cores"):
        assert finding(found, key).state == "problem"
        assert finding(found, key).found == "the check failed (ZeroDivisionError)"
    assert "secret" not in text_of(found) and finding(found, "port").found


# The machine.

HASWELL = "flags\t\t: fpu avx avx2 fma\nmodel name\t: Some i5\n"
SAPPHIRE = "model name : Xeon\nflags : avx2 avx512f avx512_vnni avx512_bf16 amx_int8\n"
ALDER = "model name : i7\nflags : avx2 avx_vnni\n"
OLD = "model name : Core 2\nflags : sse4_1\n"
ARM = "Features : fp asimd asimddp bf16 i8mm\n"


@pytest.mark.parametrize(
    ("kind", "text", "told", "state"),
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
    kind: str, text: str, told: str, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(machine, "_PROC", tmp_path)
    monkeypatch.setattr("platform.machine", lambda: kind)
    found = machine.features()
    assert told in found.found and found.state == state


def test_without_a_proc_numpy_tells_what_it_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simd = {"baseline": ["X86_V2"], "found": ["X86_V3"], "not found": ["X86_V4", "AVX512_ICL"]}
    monkeypatch.setattr("numpy.show_config", lambda mode: {"SIMD Extensions": simd})
    monkeypatch.setattr(machine, "_PROC", tmp_path)
    monkeypatch.setattr("platform.machine", lambda: "AMD64")
    told = machine.features().found
    assert "avx2 yes" in told and "vnni unknown" in told and "amx unknown" in told
    assert machine.memory().found


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
    assert cores in machine.cores().found and memory in machine.memory().found


# Libraries.


def test_a_replaced_library_is_named_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    put(tmp_path, "pillow", "13.0.0", {"PIL/__init__.py": "ours"})
    put(tmp_path, "pillow-simd", "9.0", {"PIL/__init__.py": "theirs, in the same folder"})
    put(tmp_path, "plotly", "7.1.0", {"plotly/__init__.py": ""})
    (tmp_path / "plotly" / "__init__.py").write_text("mended by hand")
    put(tmp_path, "rich", "1.0", {})
    found = dict(packages.libraries())
    assert found["pillow"].found == "13.0.0, overwritten by pillow-simd 9.0"
    assert "uninstall pillow-simd`, then" in found["pillow"].advice
    assert found["plotly"].state == "note" and "1 file missing" in found["plotly"].found
    assert found["rich"].state == "problem" and "ferapp needs" in found["rich"].found
    assert found["numpy"].state == "ok"


def test_another_variant_that_works_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    trouble = Trouble("a replaced b", "repair it with `c`.", is_usable=True)
    for home in (opencv, session):
        monkeypatch.setattr(home, "loaded", Loaded(home.loaded.module, trouble))
    for check in (packages.opencv(), packages.onnx_runtime()):
        assert check.state == "note" and check.advice == "Repair it with `c`."
        assert check.found.endswith("; a replaced b")


def test_another_variant_beside_the_required_one_is_a_note(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packages, "sharers", lambda _: ["opencv-python 4.14.0.94"])
    check = packages.opencv()
    assert check.state == "note" and "uninstall opencv-python`" in check.advice


# Models, folders, the port.


def test_models_that_are_wrong_or_missing_are_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "place", lambda file: tmp_path / file.file)
    (tmp_path / manifest().find("ssd-320").file).write_bytes(b"damaged")
    found = dict(places.models())
    assert (found["ssd-320"].state, found["ssd-320"].found) == ("problem", "wrong")
    assert "expected sha256" in found["ssd-320"].advice
    assert found["seresnet-48"].found == "missing"
    assert (found["yunet"].state, found["yunet"].found) == ("ok", "not fetched")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a database of sessions."""
    place = tmp_path / "with blank?" / "sessions.db"
    url = database_url().set(database=str(place))
    monkeypatch.setattr("ferapp.sessions.database.database_url", lambda: url)
    return place


def make(file: Path) -> None:
    open_database(database_url().set(database=str(file))).dispose()


def test_a_database_is_looked_at_without_changing_it(file: Path) -> None:
    assert "not made yet" in places.database().found and not file.parent.exists()
    make(file)
    before = file.read_bytes()
    assert "can be written" in places.database().found
    assert file.read_bytes() == before and [p.name for p in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        pytest.param((), "locked by another program", id="locked"),
        pytest.param(
            ("UPDATE alembic_version SET version_num = '9999'", "COMMIT"), "newer", id="newer"
        ),
    ],
)
def test_a_database_that_the_app_could_not_use(
    statements: tuple[str, ...], told: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ferapp.sessions.database._CHECK_S", 0.1)
    make(file)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for statement in statements:
        other.execute(statement)
    with pytest.raises(StoreError, match=told):
        places.database()
    other.close()


def test_a_damaged_database_is_named(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="not a database"):
        places.database()


def test_folders_that_can_t_be_written(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    monkeypatch.setattr("tempfile.gettempdir", lambda: (_ for _ in ()).throw(FileNotFoundError))
    monkeypatch.setenv("FERAPP_CACHE_DIR", str(tmp_path / "cache"))
    assert places.database().state == "problem" and "FERAPP_DATA_DIR" in places.database().advice
    assert places.cache().state == "note" and "FERAPP_CACHE_DIR" in places.cache().advice
    assert places.temporary().state == "problem"
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("free", "state"), [(10**7, "problem"), (5 * 10**8, "note"), (10**10, "ok")], ids=str
)
def test_room_on_the_disk(free: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": free}))
    assert places.temporary().state == state


def test_the_port_that_the_app_will_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STREAMLIT_SERVER_PORT", raising=False)
    assert places.port().found.startswith("8501")
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        monkeypatch.setenv("STREAMLIT_SERVER_PORT", str(number))
        taken = places.port()
    assert (taken.state, taken.found) == ("note", f"{number} is taken")
    assert f"make run PORT={number + 1}" in taken.advice
    assert places.port().found == f"{number} is free"
    for wrong in ("70000", "abc", "-1"):
        monkeypatch.setenv("STREAMLIT_SERVER_PORT", wrong)
        assert places.port().state == "problem" and wrong in places.port().advice
    assert places.port(8600).found == "8600, used by this app"


# On the page.


def opened() -> AppTest:
    at = app("about.py")
    at.session_state["installation"] = True
    return at.run()


def test_the_about_page_has_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int | None] = []

    def count(*, serving: int | None) -> Report:
        made.append(serving)
        return report(serving=serving)

    monkeypatch.setattr(installation, "report", count)
    monkeypatch.setattr(machine, "cores", lambda: 1 / 0)
    at = app("about.py")
    assert not at.exception and not made, "it takes a second, so only who opens it waits"
    at.session_state["installation"] = True
    at.run()
    assert not at.exception and made == [8501]
    assert "1 problem" in words(at) and "Processor cores" in at.error[0].value
    assert "ok      Python: " in at.code[0].value and "used by this app" in at.code[0].value


def test_visitors_from_other_machines_don_t_get_the_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(installation, "is_at_this_machine", lambda: False)
    at = opened()
    assert not at.exception and not at.code
    assert "This installation" not in [expander.label for expander in at.expander]


@pytest.mark.parametrize("page", ["image.py", "live.py", "video.py", "dashboard.py", "about.py"])
def test_every_page_says_which_library_is_not_right(
    page: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Trouble("OpenCV can't be loaded", "repair it with `a`.", is_usable=False)
    other = Trouble("b replaced c", "repair it with `d`.", is_usable=True)
    monkeypatch.setattr(opencv, "loaded", Loaded(None, broken))
    monkeypatch.setattr(session, "loaded", Loaded(None, other))
    installation._troubles.cache_clear()
    try:
        at = app(page)
        at.run()
    finally:
        installation._troubles.cache_clear()
    assert [e.value for e in at.error] == [f"{broken.sentence} Then restart the app."]
    assert at.warning[0].value == f"{other.sentence} Then restart the app."
    logged = [r.getMessage() for r in caplog.records if r.name == "ferapp.ui.shared.installation"]
    assert logged == [broken.sentence]


def test_a_sentence_of_the_banner_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Trouble("OpenCV can't be loaded", "repair it with `a`.", is_usable=False)
    loaded = Loaded(None, broken)
    monkeypatch.setattr(opencv, "loaded", loaded)
    monkeypatch.setattr("ferapp.ui.shared.resources.cap_threads", lambda _: loaded.require())
    resources.analyzer.clear()
    installation._troubles.cache_clear()
    try:
        at = app("image.py")
    finally:
        installation._troubles.cache_clear()
        resources.analyzer.clear()
    assert not at.exception and len(at.error) == 1 and "This did not work" not in words(at)
