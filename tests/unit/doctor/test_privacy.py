"""What the report about an installation never says."""

import json
import os
from pathlib import Path

import pytest

from ferapp.doctor.privacy import private
from ferapp.doctor.report import report
from ferapp.errors import FetchError, StoreError
from ferapp.inference import weights
from ferapp.inference.manifest import manifest
from ferapp.sessions.database import open_database
from tests.support.reports import finding, text_of


def test_the_report_holds_nothing_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "zebulon"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LOGNAME", "zebulon")
    monkeypatch.setattr("platform.node", lambda: "quokka.example.org")
    monkeypatch.setenv("FERAPP_SOMETHING", "s3cret-value")
    monkeypatch.setenv("FERAPP_DATABASE_URL", f"sqlite:///{home}/in/sessions.db")
    monkeypatch.setenv("FERAPP_CACHE_DIR", f"{tmp_path}/quokka/of-zebulon/cache")
    monkeypatch.setattr("tempfile.tempdir", str(home))
    result = report()
    report_text = text_of(result) + json.dumps(result.to_record())
    for secret in ("zebulon", "quokka", "s3cret", str(home)):
        assert secret not in report_text.lower()
    assert finding(result, "database").text.startswith("~/in/sessions.db, not created yet")
    assert "FERAPP_SOMETHING" in finding(result, "settings").text


@pytest.mark.parametrize(
    ("url", "state"),
    [
        pytest.param("postgresql://zebulon:s3cret@127.0.0.1:1/quokka", "problem", id="no server"),
        pytest.param("nothing://zebulon:s3cret@quokka/x", "problem", id="no driver"),
        pytest.param("zebulon s3cret quokka", "problem", id="no url"),
    ],
)
def test_the_report_never_holds_the_database_url(
    url: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERAPP_DATABASE_URL", url)
    result = report()
    assert finding(result, "database").state == state
    assert not [s for s in ("zebulon", "s3cret", "quokka") if s in text_of(result)]


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
def test_names_are_removed_from_paths(
    text: str, clean: str, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    # Root could make the folder that stands for a missing home.
    monkeypatch.setattr("ferapp.system.folders._NO_HOME", os.devnull)
    result = report()
    assert "set FERAPP_DATA_DIR" in finding(result, "database").advice
    assert finding(result, "cache").state == "note"
    assert finding(result, "model.yunet").text == "not fetched"
    with pytest.raises(StoreError, match="Not a directory") as caught:
        open_database()
    assert "Set FERAPP_DATA_DIR" in caught.value.remedy
    with pytest.raises(FetchError, match="Set FERAPP_CACHE_DIR"):
        weights.fetch(manifest().find("yunet"))
