"""Starting and stopping the app: one process, and one message if it can't start."""

import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ferapp.cli import serve
from ferapp.cli.app import app
from ferapp.errors import SettingError
from ferapp.system import folders
from tests.support.places import ROOT
from tests.support.served import fetch_text

# A user without an entry in the password file and without HOME, as with `docker run --user 12345`.
NOBODY = """
import os, pwd, runpy, sys
def getpwuid(number):
    raise KeyError(number)
pwd.getpwuid = getpwuid
sys.argv[0] = "ferapp"
runpy.run_module("ferapp", run_name="__main__", alter_sys=True)
"""


def test_a_port_in_use_is_reported_with_another_one() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        number = other.getsockname()[1]
        result = CliRunner().invoke(app, ["serve", "--port", str(number)])
    assert isinstance(result.exception, SettingError)
    assert f"make run PORT={number + 1}" in str(result.exception)
    assert "in use" in str(result.exception)


@pytest.mark.parametrize("address", ["192.0.2.1", "nonsense.invalid", "999.1.1.1"])
def test_an_address_of_another_machine_is_refused(port: int, address: str) -> None:
    with pytest.raises(SettingError, match=rf"can't listen on {address}: .* such as 127\.0\.0\.1"):
        serve.check_port(address, port)


def test_a_reserved_port_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(serve, "try_to_listen", refuse)
    with pytest.raises(SettingError, match=r"Port 80 is reserved .* make run PORT=8501"):
        serve.check_port("127.0.0.1", 80)


@pytest.mark.parametrize("port", ["abc", "99999", "0", "-1"])
def test_an_invalid_port_in_the_environment_is_reported(
    monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    monkeypatch.setenv("STREAMLIT_SERVER_PORT", port)
    result = CliRunner().invoke(app, ["serve"])
    assert isinstance(result.exception, SettingError)
    assert f"'{port}'; expected a number from 1 to 65535" in str(result.exception)


@pytest.mark.skipif(os.name != "posix", reason="users and signals of POSIX")
@pytest.mark.parametrize("has_home", [True, False], ids=["a home", "nobody's home"])
def test_the_app_starts_with_or_without_a_home_and_ends_with_ctrl_c(
    port: int, has_home: bool
) -> None:
    command = ["-m", "ferapp"] if has_home else ["-c", NOBODY]
    environment = os.environ if has_home else {k: v for k, v in os.environ.items() if k != "HOME"}
    process = subprocess.Popen(
        [sys.executable, *command, "serve", "--port", str(port)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert fetch_text(port, "/healthz", 60) == "ok"
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, output
    assert "Abort" not in output and "Traceback" not in output


@pytest.mark.skipif(os.name != "posix", reason="users of POSIX")
def test_without_a_home_sessions_are_refused_and_nothing_is_created(tmp_path: Path) -> None:
    environment = {
        k: v
        for k, v in os.environ.items()
        if k not in ("HOME", "FERAPP_DATABASE_URL", "XDG_DATA_HOME")
    }
    # A file, so that not even root can make a folder there.
    code = f"import ferapp.system.folders as f; f._NO_HOME = {os.devnull!r}\n{NOBODY}"
    run = subprocess.run(
        [sys.executable, "-c", code, "sessions", "list"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1 and "Traceback" not in run.stderr
    assert "Set FERAPP_DATA_DIR to a folder" in run.stderr
    assert not list(tmp_path.iterdir()), "no folder called ~"


def test_folders_follow_their_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FERAPP_DATA_DIR", "~/data")
    monkeypatch.setenv("FERAPP_CACHE_DIR", "~/cache")
    assert folders.data_folder() == tmp_path / "data"
    assert folders.cache_folder() == tmp_path / "cache"
