"""Only bytes with the right hash are loaded, and a failed download leaves nothing behind."""

import hashlib
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ferapp.errors import FetchError, MissingWeights, WrongHash
from ferapp.inference import weights
from ferapp.inference.manifest import Model, manifest
from ferapp.system.folders import CACHE_VARIABLE, cache_folder

BODY = b"weights" * 40_000


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def server() -> Iterator[tuple[str, dict]]:
    """A server on loopback; its answer can be changed."""
    answer: dict = {"status": 200, "body": BODY, "requests": 0}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer["requests"] += 1
            self.send_response(answer["status"])
            self.send_header("Content-Length", str(answer.get("length", len(answer["body"]))))
            self.end_headers()
            self.wfile.write(answer["body"])

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}/w.onnx", answer
        http.shutdown()
        thread.join()


def remote(url: str, body: bytes = BODY) -> Model:
    return (
        manifest()
        .models[0]
        .model_copy(
            update={
                "name": "remote",
                "file": "remote.onnx",
                "url": url,
                "sha256": hashlib.sha256(body).hexdigest(),
                "bytes": len(body),
            }
        )
    )


def test_fetch_reports_progress_and_keeps_the_file(server: tuple[str, dict], cache: Path) -> None:
    url, answer = server
    seen: list[tuple[int, int]] = []
    path = weights.fetch(remote(url), report=lambda done, total: seen.append((done, total)))
    assert path == cache / "remote.onnx" and path.read_bytes() == BODY
    assert path.stat().st_mode & 0o044 == 0o044, "other users of the machine can read it"
    assert seen[-1] == (len(BODY), len(BODY)) and len(seen) > 2
    assert weights.read(remote(url)) == (BODY,)

    weights.fetch(remote(url))
    assert answer["requests"] == 1, "a right file is not fetched again"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"body": BODY[:-1] + b"x"}, "hash", id="one byte changed"),
        pytest.param({"body": b""}, "hash", id="empty"),
        pytest.param({"status": 404, "body": b"no"}, "404", id="not found"),
        pytest.param({"body": BODY * 9}, "more than 280,000 bytes", id="endless"),
        pytest.param({"body": BODY[:999], "length": len(BODY)}, "remote", id="cut off"),
    ],
)
def test_wrong_answers_leave_nothing(
    server: tuple[str, dict], cache: Path, change: dict, message: str
) -> None:
    url, answer = server
    answer.update(change)
    with pytest.raises(FetchError, match=message):
        weights.fetch(remote(url))
    assert not [p for p in cache.rglob("*") if p.is_file()]


@pytest.mark.parametrize("kind", ["file", "folder", "right file"])
def test_a_link_in_the_cache_is_not_written_through(
    server: tuple[str, dict], cache: Path, tmp_path: Path, kind: str
) -> None:
    others = tmp_path / "others"
    others.mkdir()
    theirs = others / "theirs"
    theirs.write_bytes(BODY if kind == "right file" else b"theirs")
    theirs.chmod(0o600)
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "remote.onnx").symlink_to(others if kind == "folder" else theirs)
    weights.fetch(remote(server[0]))
    assert weights.read(remote(server[0])) == (BODY,)
    assert (cache / "remote.onnx").is_symlink() == (kind == "right file")
    assert os.listdir(others) == ["theirs"] and theirs.stat().st_mode & 0o777 == 0o600


def test_the_cache_may_be_named_from_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(CACHE_VARIABLE, "~/weights")
    assert cache_folder() == tmp_path / "weights"


def test_an_unreachable_server_gives_a_message(cache: Path) -> None:
    with pytest.raises(FetchError, match=r"no connection to 127\.0\.0\.1"):
        weights.fetch(remote("http://127.0.0.1:9/w.onnx"))


def test_shipped_models_are_not_fetched() -> None:
    with pytest.raises(FetchError, match="ships with ferapp"):
        weights.fetch(manifest().model(None, "classifier"))


def test_missing_weights_say_how_to_get_them() -> None:
    with pytest.raises(MissingWeights, match="python -m ferapp models fetch remote"):
        weights.read(remote("https://example.org/w.onnx"))


def test_one_changed_byte_is_refused_before_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = manifest().model(None, "classifier")
    data = bytearray(weights.read(model)[0])
    data[len(data) // 2] ^= 1
    (tmp_path / model.file).write_bytes(data)
    monkeypatch.setattr(weights, "MODELS_FOLDER", tmp_path)
    found = hashlib.sha256(data).hexdigest()
    with pytest.raises(
        WrongHash, match=f"{model.file}.*expected sha256 {model.sha256}, found {found}"
    ):
        weights.read(model)


def test_a_read_only_cache_gives_a_message_with_a_remedy(
    server: tuple[str, dict], cache: Path
) -> None:
    cache.write_text("in the way")
    with pytest.raises(FetchError, match=r"cache can't be written .*Set FERAPP_CACHE_DIR to a"):
        weights.fetch(remote(server[0]))
