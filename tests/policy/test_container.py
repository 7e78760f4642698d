"""The container files, tested without Docker, which may not be installed."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing
from fnmatch import fnmatchcase
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.testing import CliRunner

from ferapp.cli import serve
from ferapp.cli.app import app
from ferapp.sessions.database import database_url
from tests.support.places import ROOT
from tests.support.served import fetch_text

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
SCRIPT = ROOT / "deploy" / "nginx-container.sh"
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
REPLICAS = [name for name in SERVICES if name.startswith("ferapp-")]
SITE = "localhost"

posix = pytest.mark.skipif(os.name != "posix", reason="shells and signals of POSIX")


def instructions() -> list[tuple[str, str]]:
    """Name and arguments of each instruction of the Dockerfile."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    whole = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in whole.splitlines())]


def of(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def copied() -> list[str]:
    """The files that the Dockerfile copies from the checkout."""
    copies = [rest.split() for rest in of("COPY") if not rest.startswith("--from")]
    return [source for *sources, _ in copies for source in sources]


def is_ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path out: the last pattern for it or a folder above wins."""
    parts = path.split("/")
    above = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
    ignored = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n"):
        pattern = line.removeprefix("!")
        if not pattern or pattern.startswith("#"):
            continue
        tail = pattern.removeprefix("**/")
        names = [p.rpartition("/")[2] for p in above] if tail != pattern else above
        # Unlike in Docker, this star matches slashes; the only one here stands for everything.
        if any(fnmatchcase(name, tail) for name in names):
            ignored = not line.startswith("!")
    return ignored


def health_check() -> list[str]:
    (check,) = of("HEALTHCHECK")
    return json.loads(check.partition("CMD ")[2])


def test_build_finds_every_file_that_it_copies() -> None:
    assert len(copied()) >= 8
    assert not [path for path in copied() if not (ROOT / path).exists() or is_ignored(path)]


def test_image_holds_everything_in_the_wheel() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    target = wheel["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*target["packages"], *target["force-include"]} <= set(copied())


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".env",
        ".streamlit/secrets.toml",
        "deploy/secrets/database_password",
        "ferapp/ui/__pycache__/page.cpython-313.pyc",
        "sessions.db",
    ],
)
def test_secrets_and_leftovers_stay_out_of_the_image(path: str) -> None:
    assert is_ignored(path)
    assert not is_ignored("ferapp/ui/shared/page.py") and not is_ignored("models/ssd-320.onnx")


def test_image_does_not_run_as_root() -> None:
    assert of("USER")[-1] == "10001:10001"
    made = " ".join(of("RUN"))
    assert "--uid 10001 --gid 10001" in made and "--owner 10001 --group 10001" in made


def test_image_writes_only_to_its_volume() -> None:
    settings = dict(pair.split("=") for rest in of("ENV") for pair in rest.split())
    assert of("VOLUME") == ["/data"]
    for name in ("HOME", "FERAPP_DATA_DIR", "FERAPP_CACHE_DIR"):
        assert settings[name].startswith("/data")


def test_image_installs_nothing_without_a_hash() -> None:
    pins = {
        canonicalize_name(Requirement(line.split(" --hash")[0]).name): line
        for file in ("requirements.txt", "deploy/requirements-server.txt")
        for line in (ROOT / file).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
        if line.strip() and not line.startswith("#")
    }
    assert all("--hash=sha256:" in line for line in pins.values())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extra in ("postgresql", "login"):
        for wanted in map(Requirement, project["optional-dependencies"][extra]):
            pin = Requirement(pins[canonicalize_name(wanted.name)].split(" --hash")[0])
            assert wanted.specifier.contains(next(iter(pin.specifier)).version), "run make lock"


def test_image_starts_the_app_on_the_port_that_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    (entry,), command = json.loads(of("ENTRYPOINT")[0]), json.loads(of("CMD")[0])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert entry in project["scripts"]
    listened: list[tuple[str, int]] = []
    monkeypatch.setattr(serve, "check_port", lambda *where: listened.append(where))
    monkeypatch.setattr(serve.runpy, "run_module", lambda *_, **__: None)
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(serve.signal, "signal", lambda *_: None)
    assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
    assert listened == [("0.0.0.0", int(of("EXPOSE")[0]))]
    assert f"'127.0.0.1', {of('EXPOSE')[0]}" in health_check()[-1]


def test_every_service_is_restricted() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "/tmp" in {mount.partition(":")[0] for mount in service["tmpfs"]}, name
        assert "privileged" not in service and "cap_add" not in service, name
        # The health check of the replicas is in the Dockerfile.
        assert name in REPLICAS or not service["user"].startswith("0"), name
        assert name in REPLICAS or "healthcheck" in service, name


def test_only_nginx_is_published() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert SERVICES["database"]["networks"] == ["inside"]


def test_nginx_asks_all_replicas_at_their_addresses() -> None:
    site, *replicas = SERVICES["nginx"]["command"]
    addresses = [SERVICES[name]["networks"]["outside"]["ipv4_address"] for name in REPLICAS]
    assert site == "${FERAPP_SITE}" and len(replicas) == 2
    assert replicas == [f"{address}:{of('EXPOSE')[0]}" for address in addresses]


def test_mounted_files_exist_and_secrets_are_not_in_git() -> None:
    for service in SERVICES.values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert (
                (ROOT / source).is_file()
                if source.startswith(".")
                else source in COMPOSE["volumes"]
            )
        assert set(service["secrets"]) <= set(COMPOSE["secrets"])
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "deploy/secrets/" in ignored and ".env" in ignored
    for secret in COMPOSE["secrets"].values():
        assert secret["file"].startswith("./deploy/secrets/")


def start_command(service: dict[str, Any], secrets: Path) -> list[str]:
    """The command of a replica in Compose, with another folder for its secrets."""
    (script,) = service["command"]
    script = script.replace("$$", "$").replace("/run/secrets", shlex.quote(str(secrets)))
    return [*service["entrypoint"], script]


@posix
@pytest.mark.parametrize("name", REPLICAS)
def test_replica_gets_its_passwords_from_the_secrets(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "database_password").write_text("c0ffee\n")
    (tmp_path / "cookie_secret").write_text("d00d\n")
    program = tmp_path / "ferapp"
    program.write_text('#!/bin/sh\necho "$@"\nenv\n')
    program.chmod(0o755)
    run = subprocess.run(
        start_command(SERVICES[name], tmp_path),
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    arguments, *lines = run.stdout.splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    assert arguments == "serve --address 0.0.0.0"
    assert settings["STREAMLIT_SERVER_COOKIE_SECRET"] == "d00d"
    monkeypatch.setenv("FERAPP_DATABASE_URL", settings["FERAPP_DATABASE_URL"])
    url, database = database_url(), SERVICES["database"]["environment"]
    assert (url.drivername, url.host, url.password) == ("postgresql+pg8000", "database", "c0ffee")
    assert (url.username, url.database) == (database["POSTGRES_USER"], database["POSTGRES_DB"])


@posix
def test_replica_without_a_secret_does_not_start(tmp_path: Path) -> None:
    run = subprocess.run(start_command(SERVICES[REPLICAS[0]], tmp_path), capture_output=True)
    assert run.returncode


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an app started as in the image, with the host name of the site."""
    folder = tmp_path_factory.mktemp("replica")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    allowed = SERVICES[REPLICAS[0]]["environment"]["STREAMLIT_SERVER_ALLOWED_HOSTS"]
    process = subprocess.Popen(
        [sys.executable, "-m", "ferapp", *json.loads(of("CMD")[0]), "--port", str(number)],
        cwd=ROOT,
        env=os.environ
        | {
            "FERAPP_DATABASE_URL": f"sqlite:///{folder / 'sessions.db'}",
            "STREAMLIT_SERVER_ALLOWED_HOSTS": re.sub(r"\$\{.*?\}", SITE, allowed),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        fetch_text(number, "/healthz", 60)
        yield number
        process.send_signal(signal.SIGINT)
        process.wait(30)
    finally:
        process.kill()


@posix
def test_health_check_fails_if_the_app_does_not_answer(replica: int, port: int) -> None:
    _, *arguments = health_check()

    def status(number: int) -> int:
        checked = [argument.replace("8501", str(number)) for argument in arguments]
        return subprocess.run([sys.executable, *checked], capture_output=True).returncode

    assert status(replica) == 0
    assert status(port) != 0


@posix
def test_nginx_refuses_an_unknown_file(tmp_path: Path) -> None:
    shutil.copy(SCRIPT, tmp_path)
    text = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    (tmp_path / "nginx.conf").write_text(text + "# 127.0.0.1:8503\n")
    run = subprocess.run(
        ["sh", tmp_path / SCRIPT.name, SITE, "192.0.2.1:8501"],
        env=os.environ | {"WORK": str(tmp_path / "site"), "NGINX": "true"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1 and "8503" in run.stderr


@posix
def test_nginx_writes_only_to_its_folder(tmp_path: Path) -> None:
    work = tmp_path / "work"
    subprocess.run(
        ["sh", SCRIPT, SITE, "192.0.2.1:8501"],
        env=os.environ | {"WORK": str(work), "NGINX": "true"},
        check=True,
    )
    conf = (work / "nginx.conf").read_text()
    assert "access_log off;" in conf and "error_log stderr;" in conf
    assert set(re.findall(r"(?:pid|_temp_path) (\S+)/[\w.]+;", conf)) == {str(work)}


def _any_certificate() -> ssl.SSLContext:
    """The certificate of the test is signed by nobody."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _answers(port: int) -> bool:
    """Whether a server takes a TLS handshake for the site."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            _any_certificate().wrap_socket(connection, server_hostname=SITE).close()
    except OSError:
        return False
    return True


@pytest.fixture
def site(replica: int, tmp_path: Path) -> Iterator[int]:
    """The HTTPS port of nginx as its script configures it, for the replica and a dead one."""
    if NGINX is None:
        pytest.skip("needs nginx (Debian: nginx)")
    # Started by root, its workers run as another user.
    for folder in (tmp_path, tmp_path.parent):
        folder.chmod(0o755)
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={SITE}"]
    files = ["-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"]
    subprocess.run([*new, *files], check=True, capture_output=True)
    with socket.socket() as one, socket.socket() as two, socket.socket() as three:
        for probe in (one, two, three):
            probe.bind(("127.0.0.1", 0))
        plain, secure, dead = (probe.getsockname()[1] for probe in (one, two, three))
    # The script starts this instead of nginx, so that the ports can be changed first.
    starter = tmp_path / "starter"
    starter.write_text(
        "#!/bin/sh\n"
        f"sed -i -e '/listen \\[::\\]/d' -e 's/listen 80;/listen 127.0.0.1:{plain};/' "
        f"-e 's/listen 443/listen 127.0.0.1:{secure}/' {tmp_path}/site/ferapp.conf\n"
        f'{NGINX} "$@" -t && exec {NGINX} "$@"\n'
    )
    starter.chmod(0o755)
    with (tmp_path / "error.log").open("w") as log:
        process = subprocess.Popen(
            ["sh", SCRIPT, SITE, f"127.0.0.1:{replica}", f"127.0.0.1:{dead}"],
            env=os.environ
            | {"WORK": str(tmp_path / "site"), "SECRETS": str(tmp_path), "NGINX": str(starter)},
            stderr=log,
        )
    try:
        # While it checks its configuration nginx listens as well, but answers nobody.
        while not _answers(secure):
            assert process.poll() is None, (tmp_path / "error.log").read_text()
            time.sleep(0.05)
        yield secure
    finally:
        process.terminate()
        process.wait(15)


@posix
def test_visitors_reach_the_app_through_nginx_and_get_their_cookie(site: int) -> None:
    context = _any_certificate()

    def ask(path: str) -> tuple[int, str | None]:
        with closing(HTTPSConnection(SITE, site, context=context, timeout=20)) as connection:
            connection.request("GET", path)
            got = connection.getresponse()
            return got.status, got.getheader("Set-Cookie")

    status, cookie = ask("/healthz")
    assert status == 200 and cookie is not None and "ferapp_visitor=" in cookie
    assert ask("/")[0] == 200
    assert ask("/metrics")[0] == ask("/readyz")[0] == 404


@posix
def test_health_check_of_nginx_asks_the_app(site: int) -> None:
    _, *command = SERVICES["nginx"]["healthcheck"]["test"]
    if shutil.which(command[0]) is None:
        pytest.skip("needs curl (Debian: curl)")
    command = [part.replace(":443", f":{site}").replace("${FERAPP_SITE}", SITE) for part in command]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "ok")
