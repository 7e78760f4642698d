"""The import directions and homes of docs/architecture.md, enforced."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ferapp

ROOT = Path(ferapp.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
REPOSITORY = ROOT.parent
AROUND = ("tests", "benchmarks", "stress")
NOT_SHIPPED = [p for folder in AROUND for p in sorted((REPOSITORY / folder).rglob("*.py"))]
SCRIPTS = [ROOT.parent / "app.py", *sorted((ROOT.parent / "pages").glob("*.py"))]

BELOW = {
    "errors",
    "emotions",
    "labels",
    "face_shape",
    "types",
    "settings",
    "wording",
    "libraries",
    "_version",
}
MAY_IMPORT = {
    "_version": set(),
    "errors": set(),
    "emotions": set(),
    "wording": set(),
    "labels": {"emotions"},
    "face_shape": {"errors"},
    "types": {"errors", "face_shape"},
    "settings": {"errors"},
    "libraries": {"errors"},
    "system": {"errors"},
}
# Each of these may import those in the lines before, but not its neighbours.
for rooms in (
    ("vision",),
    ("media", "inference", "temporal", "sessions"),
    ("pipeline",),
    ("batch", "serving", "evaluation", "doctor"),
    ("training", "ui"),
    ("cli",),
):
    MAY_IMPORT |= {room: BELOW | {"system"} for room in rooms}
    BELOW = BELOW | set(rooms)
MAY_IMPORT["cli"] -= {"ui", "temporal"}
MAY_IMPORT["training"] = MAY_IMPORT["evaluation"] - {"sessions", "temporal"} | {"evaluation"}
MAY_IMPORT["doctor"] -= {"temporal", "pipeline"}
MAY_IMPORT["__main__"] = {"cli"}
MAY_IMPORT["__init__"] = BELOW - {"cli", "ui", "training"}

# Pages share what is in ui/shared; the live page shows photos as the pictures page does.
UI_MAY_IMPORT = {
    # /readyz checks the database that the pages use.
    "server": {"shared"},
    "shared": {"server"},
    "pictures": {"shared", "server"},
    "live": {"shared", "server", "pictures"},
    "video": {"shared", "server"},
    "dashboard": {"shared", "server"},
    "laboratory": {"shared", "server"},
    "about": {"shared", "server"},
    "login": {"shared", "server"},
    # Leaving the live page ends its recording.
    "navigation": {"shared", "server", "login", "live"},
}

HOMES = {
    "PIL": {"media/images.py", "media/content_dates.py", "media/pictures"},
    "pi_heif": {"media/pictures/pixels.py"},
    "onnxruntime": {"inference/onnx_model.py", "training/graphs.py"},
    "cv2": {"vision/opencv.py"},
    "streamlit": {"ui"},
    "streamlit_webrtc": {"ui/live/webcam.py", "ui/live/connection/signalling.py"},
    "aiortc": {
        "ui/live/webcam.py",
        *(f"ui/live/connection/{name}.py" for name in ("track", "marker_buffer", "playout_delay")),
        "ui/server/private_parts.py",
    },
    "av": {
        "ui/live/webcam.py",
        "ui/live/connection/frame_sizes.py",
        "ui/live/connection/track.py",
        *(
            f"media/{name}.py"
            for name in (
                "decoder",
                "frame_source",
                "tracks",
                "fields",
                "colour",
                "encoder",
                "motion_jpeg",
            )
        ),
    },
    "plotly": {"ui", "sessions/report"},
    "sqlalchemy": {
        *(
            f"sessions/{name}.py"
            for name in (
                "schema",
                "database",
                "rows",
                "store",
                "discards",
                "ended_logins",
                "erasure",
                "face_log",
                "overviews",
                "reading",
            )
        ),
        "sessions/databases",
        "sessions/entries",
        "sessions/migrations",
    },
    "alembic": {"sessions/database.py", "sessions/migrations"},
    "pyarrow": {"sessions/formats"},
    "tsdownsample": {"sessions/report/curves.py"},
    "jinja2": {"sessions/report/html.py"},
    "markupsafe": {"sessions/report/parts.py"},
    "packaging": {"libraries.py", "doctor/packages.py", "ui/about/licences.py"},
    "prometheus_client": {"ui/server/metrics.py"},
    "pandas": {"types.py", "system/csv_tables.py", "sessions", "batch", "cli", "ui"},
    "torch": {"training"},
    "onnx": {"training", "inference/examiner.py"},
    "google": {"inference/examiner.py"},
    "scipy": {"training"},
    "sklearn": {"training/systems", "cli/lab.py"},
    "matplotlib": {"training"},
    "pydantic": {"inference/manifest.py", "inference/entry_parts.py"},
    "pooch": {"inference/weights.py"},
    "requests": {"inference/weights.py"},
    "platformdirs": {"system/folders.py"},
    "typer": {"cli"},
    "rich": {"cli"},
    "ray": {"batch/engines.py"},
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            if node.module == "ferapp":
                yield from (f"ferapp.{alias.name}" for alias in node.names)


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=place)
def test_packages_import_only_lower_layers(path: Path) -> None:
    room = place(path).split("/")[0].removesuffix(".py")
    rooms = {n.split(".")[1] for n in imports(path) if n.startswith("ferapp.")}
    assert rooms <= MAY_IMPORT[room] | {room}


UI = [path for path in FILES if place(path).startswith("ui/")]


@pytest.mark.parametrize("path", UI, ids=place)
def test_pages_import_only_shared_modules(path: Path) -> None:
    folder = place(path).split("/")[1].removesuffix(".py")
    folders = {n.split(".")[2] for n in imports(path) if n.startswith("ferapp.ui.")}
    assert folders <= UI_MAY_IMPORT.get(folder, set()) | {folder}


@pytest.mark.parametrize("path", sorted(ROOT.glob("ui/*/page.py")), ids=place)
def test_every_page_module_has_one_show(path: Path) -> None:
    if path.parent.name == "shared":
        return
    names = [
        n.name
        for n in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(n, ast.FunctionDef)
    ]
    assert names.count("show") == 1


@pytest.mark.parametrize("path", FILES, ids=place)
def test_libraries_stay_in_their_homes(path: Path) -> None:
    for library in {n.split(".")[0] for n in imports(path)} & set(HOMES):
        homes = HOMES[library]
        assert any(place(path) == home or place(path).startswith(f"{home}/") for home in homes), (
            f"{library} belongs to {sorted(homes)}"
        )


def test_libraries_with_variants_are_loaded_only_in_their_homes() -> None:
    """Imported elsewhere, a library would be used without a check of its variant."""
    homes = {
        place(path)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "ferapp.libraries"
        if "load" in {alias.name for alias in node.names}
    }
    assert homes == {"vision/opencv.py", "inference/onnx_model.py"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_thin(path: Path) -> None:
    names = {n for n in imports(path) if n.startswith("ferapp.")}
    assert all(n.startswith("ferapp.ui") for n in names)
    assert not {n.split(".")[0] for n in imports(path)} & set(HOMES) - {"streamlit"}


def imported_tests(path: Path) -> list[str]:
    """The test modules that a file imports, in any form of import."""
    names = [
        name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [f"{node.module or ''}.{alias.name}" for alias in node.names]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    ]
    modules = {
        ".".join(p.relative_to(REPOSITORY).with_suffix("").parts)
        for p in NOT_SHIPPED
        if p.name.startswith("test_")
    }
    return [name for name in names if modules & {name, name.rpartition(".")[0]}]


@pytest.mark.parametrize(
    "path", NOT_SHIPPED, ids=lambda path: path.relative_to(REPOSITORY).as_posix()
)
def test_nothing_imports_a_test(path: Path) -> None:
    """Shared code is in tests/support, so that a test can be moved or deleted by itself."""
    assert not imported_tests(path)


@pytest.mark.parametrize(
    "line",
    [
        "import tests.pages.test_live",
        "from tests.pages import test_live",
        "from tests.pages.test_live import app",
        "def later():\n    from tests.e2e.test_live import Live",
    ],
)
def test_an_import_of_a_test_is_detected(line: str, tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(line, encoding="utf-8")
    assert len(imported_tests(tmp_path / "one.py")) == 1


def test_every_package_is_described_in_the_architecture() -> None:
    text = (ROOT.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {p.name for p in ROOT.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert not [room for room in rooms if f"| `{room}/` |" not in text]


HEAVY = ["cv2", "onnxruntime", "torch", "streamlit", "PIL", "pydantic", "pandas", "numpy"]


def loaded_after(statement: str) -> list[str]:
    code = f"import sys; {statement}; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    return run.stdout.split()


def test_importing_ferapp_loads_nothing() -> None:
    assert loaded_after("import ferapp") == []


def test_public_names_load_on_use() -> None:
    for name in ferapp.__all__:
        assert getattr(ferapp, name) is not None
    assert set(ferapp.__all__) <= set(dir(ferapp))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ferapp.nothing


def test_the_command_line_starts_without_fragile_libraries() -> None:
    assert loaded_after("import ferapp.cli.app") == []


def test_the_server_starts_without_fragile_libraries() -> None:
    assert not {"cv2", "onnxruntime"} & set(loaded_after("import app"))
