"""The checks of models, the session database, folders and the port."""

import socket
import sqlite3
from pathlib import Path

import pytest

from ferapp.doctor import places
from ferapp.errors import StoreError
from ferapp.inference import weights
from ferapp.inference.manifest import manifest
from ferapp.sessions.database import database_url, open_database


def test_models_that_are_wrong_or_missing_are_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "place", lambda file: tmp_path / file.file)
    (tmp_path / manifest().find("ssd-320").file).write_bytes(b"damaged")
    findings = dict(places.models())
    assert (findings["ssd-320"].state, findings["ssd-320"].text) == ("problem", "wrong")
    assert "expected sha256" in findings["ssd-320"].advice
    assert findings["seresnet-48"].text == "missing"
    assert (findings["yunet"].state, findings["yunet"].text) == ("ok", "not fetched")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of a session database."""
    place = tmp_path / "with blank?" / "sessions.db"
    url = database_url().set(database=str(place))
    monkeypatch.setattr("ferapp.sessions.database.database_url", lambda: url)
    return place


def make(file: Path) -> None:
    open_database(database_url().set(database=str(file))).dispose()


def test_checking_a_database_does_not_change_it(file: Path) -> None:
    assert "not created yet" in places.database().text and not file.parent.exists()
    make(file)
    before = {path: path.read_bytes() for path in file.parent.iterdir()}
    assert "writable" in places.database().text
    assert {path: path.read_bytes() for path in file.parent.iterdir()} == before


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        pytest.param((), "locked by another program", id="locked"),
        pytest.param(
            ("UPDATE alembic_version SET version_num = '9999'", "COMMIT"), "newer", id="newer"
        ),
    ],
)
def test_an_unusable_database_is_an_error(
    statements: tuple[str, ...], message: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ferapp.sessions.database._CHECK_S", 0.1)
    make(file)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for statement in statements:
        other.execute(statement)
    with pytest.raises(StoreError, match=message):
        places.database()
    other.close()


def test_a_damaged_database_is_named(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="not a database"):
        places.database()


def test_folders_that_are_not_writable(
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
def test_free_space_on_the_disk(free: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": free}))
    assert places.temporary().state == state


def test_the_port_that_the_app_will_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STREAMLIT_SERVER_PORT", raising=False)
    assert places.port().text.startswith("8501")
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        monkeypatch.setenv("STREAMLIT_SERVER_PORT", str(number))
        busy = places.port()
    assert (busy.state, busy.text) == ("note", f"{number} is in use")
    assert f"make run PORT={number + 1}" in busy.advice
    assert places.port().text == f"{number} is free"
    for wrong in ("70000", "abc", "-1"):
        monkeypatch.setenv("STREAMLIT_SERVER_PORT", wrong)
        assert places.port().state == "problem" and wrong in places.port().advice
    assert places.port(8600).text == "8600, used by this app"
