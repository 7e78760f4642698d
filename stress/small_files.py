"""Gives every entrance a small file with large claims, and watches the memory that it takes.

    python -m stress.small_files [--only WORDS]

Each file has at most a few megabytes and claims gigabytes: pictures and frames of millions of equal
pixels, tables of millions of equal rows, archives of zeros, a model that fills its memory. The
program that reads it may refuse it or not, but all of its processes together may not have more than
600 MB; of the app, what it takes for the file counts, above what it has with the page open. The
exit status is 1 if they had. Linux alone says how much that is.
"""

import argparse
import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import av
import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import parquet

from benchmarks.machine import ROOT
from benchmarks.served import App
from ferapp.sessions.formats.columns import schema
from ferapp.sessions.formats.exchange import to_csv, to_json
from stress.visitor import Visitor
from tests.support.graphs import allocating_model
from tests.support.made_pictures import encoded
from tests.support.sessions import some_readings, some_recording

MOST_MB: Final = 600
_MOST_FILE_BYTES: Final = 8_000_000
_PATIENCE_S: Final = 300
_LOOK_S: Final = 0.01
# Just under what is allowed.
_LARGE_WH: Final = (7000, 7000)
_LARGE_WH_OF: Final = {"WebP": (4890, 4890), "JPEG2000": (4470, 4470)}


@dataclass(frozen=True)
class Outcome:
    """What a file did.

    Attributes:
        entrance: Who read it, and what it was.
        file_bytes: Its size.
        peak_mb: The most memory of all processes together at one time, libraries not counted; of
            the app, above what it had before.
        answer: The end of what the program said.
    """

    entrance: str
    file_bytes: int
    peak_mb: float
    answer: str

    @property
    def fault(self) -> str:
        """What is wrong; empty if nothing is."""
        if self.peak_mb > MOST_MB:
            return f"{self.entrance}: {self.peak_mb:.0f} MB"
        if "Traceback" in self.answer:
            return f"{self.entrance}: {self.answer[-200:]}"
        return ""


@dataclass(frozen=True)
class Entrance:
    """A way into the app.

    Attributes:
        name: Its name.
        make: Writes the files into a folder and gives the arguments of the command that reads them.
    """

    name: str
    make: Callable[[Path], list[str]]

    def run(self) -> Outcome:
        """Read the files in processes of their own."""
        with tempfile.TemporaryDirectory() as place:
            files, home = Path(place, "files"), Path(place, "home")
            files.mkdir()
            arguments = self.make(files)
            size = sum(path.stat().st_size for path in files.rglob("*") if path.is_file())
            assert size <= _MOST_FILE_BYTES, f"{self.name} is not small: {size} bytes"
            environment = os.environ | {
                "FERAPP_DATA_DIR": str(home / "data"),
                "FERAPP_MODELS_DIR": str(home / "models"),
                "PYTHONPATH": str(ROOT),
            }
            with subprocess.Popen(
                [sys.executable, "-m", "ferapp", *arguments],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
            ) as process:
                with watch_memory(process.pid) as seen:
                    try:
                        said, _ = process.communicate(timeout=_PATIENCE_S)
                    except subprocess.TimeoutExpired:
                        process.kill()
                        said = b"Traceback: it took too long"
        text = said.decode(errors="replace").strip()
        crash = "Traceback: " * ("Traceback" in text)
        return Outcome(self.name, size, max(seen), crash + text[-300:])


@contextmanager
def watch_memory(pid: int) -> Iterator[list[float]]:
    """Sample the memory of a process and of all below it, MB."""
    over = threading.Event()
    seen = [0.0]

    def look() -> None:
        while not over.wait(_LOOK_S):
            seen.append(_memory_mb(pid))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _memory_mb(pid: int) -> float:
    return sum(map(_own_mb, _family(pid)))


def _family(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                yield from _family(int(child))


def _own_mb(pid: int) -> float:
    """Memory of a process without that of files, which it shares with others."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        sizes = [line.split()[1] for line in lines if line.startswith(("RssAnon", "RssShmem"))]
        return sum(map(int, sizes)) / 1024
    return 0.0


def plain_picture(kind: str, mode: str = "RGB", wh: tuple[int, int] | None = None) -> bytes:
    """A picture of one colour in a format, just as large as it may be."""
    wh = wh or _LARGE_WH_OF.get(kind, _LARGE_WH)
    if kind == "HEIC":
        from tests.support.heic import heic

        return heic(np.zeros((wh[1], wh[0], 3), np.uint8))
    if kind == "GIF":
        mode = "P"
    options = {"TIFF": {"compression": "tiff_lzw"}, "PNG": {"compress_level": 9}}.get(kind, {})
    return encoded(Image.new(mode, wh), kind, **options)


def _picture(kind: str, mode: str = "RGB") -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        path = folder / f"a.{kind.lower()}"
        path.write_bytes(plain_picture(kind, mode))
        return ["analyze", str(path)]

    return make


def _batch(folder: Path) -> list[str]:
    for number in range(6):
        (folder / f"{number}.png").write_bytes(plain_picture("PNG", wh=(7000, 7000 - number)))
    # Each worker takes memory for its libraries and models, whatever it reads.
    return ["batch", str(folder), "--out", str(folder.parent / "out"), "--workers", "2"]


def _video(codec: str, ending: str) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        path = folder / f"a.{ending}"
        with av.open(path, "w") as out:
            stream = out.add_stream(codec, rate=30)
            stream.width, stream.height, stream.pix_fmt = 7680, 4320, "yuv420p"
            if codec == "libvpx-vp9":  # or encoding would take minutes
                stream.options = {"deadline": "realtime", "cpu-used": "8"}
            frame = av.VideoFrame.from_ndarray(np.zeros((6480, 7680), np.uint8), "yuv420p")
            for number in range(12):
                frame.pts = number
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        return ["video", str(path)]

    return make


def equal_rows(rows: int, labels: int, **columns: pa.Array) -> bytes:
    """A Parquet file of equal rows."""
    whole = schema([f"e{n}" for n in range(labels)], pa.string())
    cells = {
        field.name: pa.nulls(rows, field.type)
        if pa.types.is_string(field.type)
        else pa.array(np.zeros(rows)).cast(field.type)
        for field in whole
    }
    cells["time_s"] = pa.array(np.arange(rows, dtype=np.float64))
    cells |= columns
    out = io.BytesIO()
    table = pa.table(cells)
    parquet.write_table(table, out, compression="zstd", store_schema=False)
    return out.getvalue()


def _long_texts() -> bytes:
    rows = 100_000
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), ["x" * 10**6])
    return equal_rows(rows, 8, flaw=texts)


def _json_of(inside: bytes) -> bytes:
    whole = json.loads(to_json(some_recording(), some_readings(2)))
    whole["recording"]["settings"] = {"a": "INSIDE"}
    return json.dumps(whole).encode().replace(b'"INSIDE"', b"[" + inside + b"0]")


def _wide_csv() -> bytes:
    head, rest = to_csv(some_recording(), some_readings(9000)).split(b"\r\n", 1)
    more = 300
    rows = [row + b"," * more for row in rest.split(b"\r\n") if row]
    return b"\r\n".join([head + b"".join(b",c%d" % n for n in range(more)), *rows])


def _session(name: str, make_bytes: Callable[[], bytes]) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        (folder / name).write_bytes(make_bytes())
        return ["sessions", "import", str(folder / name)]

    return make


def _model(folder: Path) -> list[str]:
    (folder / "a.onnx").write_bytes(allocating_model(20_000))
    labels = "neutral,happiness,sadness"
    options = {"name": "a", "labels": labels, "size": "8", "colour": "rgb", "mean": "0"}
    options |= {"std": "255", "licence": "MIT", "source": "us", "data": "none"}
    return [
        *("models", "add", str(folder / "a.onnx")),
        *(part for name, value in options.items() for part in (f"--{name}", value)),
    ]


def _evaluation(path: Path) -> list[str]:
    return ["evaluate", "emotions", "--data", str(path), "--ignore"]


def _zip_of_pictures(folder: Path) -> list[str]:
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(24):
            name = f"test/{('happy', 'sad')[number % 2]}/{number}.png"
            archive.writestr(name, plain_picture("PNG", "L", (7000, 7000 - number)))
    return _evaluation(folder / "a.zip")


def zip_of_a_table(row: bytes, count: int) -> Callable[[Path], list[str]]:
    """A table of labelled faces that repeats something below its heading."""

    def make(folder: Path) -> list[str]:
        with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open("fer2013.csv", "w", force_zip64=True) as table:
                table.write(b"emotion,pixels\n")
                for _ in range(count):
                    table.write(row)
        return _evaluation(folder / "a.zip")

    return make


def _table_of_large_faces(folder: Path) -> list[str]:
    pixels = b"0 " * 1024**2
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("fer2013.csv", "w", force_zip64=True) as table:
            table.write(b"emotion,pixels,Usage\n")
            for number in range(400):
                table.write(b"%d,%s,PrivateTest\n" % (number % 7, pixels[:-1]))
    return _evaluation(folder / "a.zip")


class _Zeros(io.RawIOBase):
    def __init__(self, size: int) -> None:
        self._left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        size = min(self._left, size if size >= 0 else self._left)
        self._left -= size
        return bytes(size)


def _tar_of_zeros(folder: Path) -> list[str]:
    with tarfile.open(folder / "a.tar.gz", "w:gz") as archive:
        for name in ("test/happy/1.png", "test/sad/1.png"):
            entry = tarfile.TarInfo(name)
            entry.size = 1500 << 20
            archive.addfile(entry, _Zeros(entry.size))
    return _evaluation(folder / "a.tar.gz")


def _tar_of_names(folder: Path) -> list[str]:
    thousand = b"".join(tarfile.TarInfo(f"test/happy/{n}.png").tobuf() for n in range(1000))
    with gzip.open(folder / "a.tar.gz", "wb", compresslevel=1) as archive:
        for _ in range(510):
            archive.write(thousand)
    return _evaluation(folder / "a.tar.gz")


def _tar_of_one_name(folder: Path) -> list[str]:
    with tarfile.open(folder / "a.tar.gz", "w:gz", format=tarfile.GNU_FORMAT) as archive:
        entry = tarfile.TarInfo("test/happy/1.png")
        entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
        archive.addfile(entry, _Zeros(entry.size))
    return _evaluation(folder / "a.tar.gz")


ENTRANCES: Final = (
    *(
        Entrance(f"picture, {kind}", _picture(kind))
        for kind in ("JPEG", "PNG", "HEIC", "WebP", "AVIF", "TIFF", "GIF", "JPEG2000")
    ),
    Entrance("picture, transparent PNG", _picture("PNG", "RGBA")),
    Entrance("picture, CMYK", _picture("JPEG", "CMYK")),
    Entrance("picture, PNG of 16 bits", _picture("PNG", "I;16")),
    Entrance("video, H.264 in 8K", _video("libx264", "mp4")),
    Entrance("video, VP9 in 8K", _video("libvpx-vp9", "webm")),
    Entrance("session, Parquet", _session("a.parquet", lambda: equal_rows(1_000_000, 64))),
    Entrance("session, Parquet as allowed", _session("a.parquet", lambda: equal_rows(660_000, 8))),
    Entrance("session, Parquet of texts", _session("a.parquet", _long_texts)),
    Entrance("session, JSON of objects", _session("a.json", lambda: _json_of(b"{}," * 2_600_000))),
    Entrance("session, JSON of lists", _session("a.json", lambda: _json_of(b"[]," * 1_900_000))),
    Entrance("session, JSON of numbers", _session("a.json", lambda: _json_of(b"1e1," * 1_900_000))),
    Entrance("session, CSV", _session("a.csv", _wide_csv)),
    Entrance("models add", _model),
    Entrance("evaluate, zip of pictures", _zip_of_pictures),
    Entrance("evaluate, table of one line", zip_of_a_table(b"0 " * 2**19, 2000)),
    Entrance("evaluate, table of bad rows", zip_of_a_table(b"1,0 0\n" * 2**17, 200)),
    Entrance("evaluate, table of large faces", _table_of_large_faces),
    Entrance("evaluate, tar of zeros", _tar_of_zeros),
    Entrance("evaluate, tar of many files", _tar_of_names),
    Entrance("evaluate, tar of one name", _tar_of_one_name),
    Entrance("batch", _batch),
)


def of_the_app(only: str = "") -> Iterator[Outcome]:
    """What is sent to the app as a browser sends it.

    Args:
        only: Entrances whose name contains this.
    """
    for name, page, make, act in (
        ("app, picture", "", lambda _: plain_picture("PNG", "RGBA"), _show_picture),
        ("app, request of many parts", "", lambda _: _PART * 100_000 + b"--x--\r\n", _put),
        ("app, video in 8K", "video", _video_bytes, _analyse_video),
    ):
        if only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            data = make(Path(folder))
        app = App(ROOT / "app.py")
        try:
            with Visitor(app.url) as visitor:
                _open_uploader(visitor, page)
                before_mb = _memory_mb(app.pid)
                with watch_memory(app.pid) as seen:
                    said = act(visitor, data)
                    time.sleep(1)
            yield Outcome(name, len(data), max(seen) - before_mb, said)
        finally:
            app.stop()


_PART: Final = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n\r\n'


def _video_bytes(folder: Path) -> bytes:
    _video("libx264", "mp4")(folder)
    return (folder / "a.mp4").read_bytes()


def _open_uploader(visitor: Visitor, page: str) -> None:
    """Open a page, again until its models are loaded."""
    until_s = time.monotonic() + _PATIENCE_S
    visitor.open(page)
    while not any(element.HasField("file_uploader") for element in visitor.elements):
        assert time.monotonic() < until_s, "the page has no uploader"
        visitor.open(page)


def _show_picture(visitor: Visitor, data: bytes) -> str:
    return f"{visitor.upload({'a.png': data}):.1f} s; {_end_of(visitor)}"


def _analyse_video(visitor: Visitor, data: bytes) -> str:
    visitor.upload({"a.mp4": data})
    until_s = time.monotonic() + _PATIENCE_S
    visitor.press("Analyse")
    while any(e.HasField("button") and e.button.label == "Cancel" for e in visitor.elements):
        assert time.monotonic() < until_s, "the video is still being analysed"
        time.sleep(0.5)
        visitor.look()
    return _end_of(visitor)


def _end_of(visitor: Visitor) -> str:
    return " ".join(visitor.words.split())[-200:]


def _put(visitor: Visitor, body: bytes) -> str:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = visitor.put_body(f"/_stcore/upload_file/{visitor.session}/a", body, headers)
    return f"{answer.status_code} {answer.text[:100]}"


def run(only: str = "") -> list[Outcome]:
    """Try the entrances whose name contains something, one after another."""
    outcomes = []
    chosen = (entrance.run() for entrance in ENTRANCES if only in entrance.name)
    for outcome in chain(chosen, of_the_app(only)):
        outcomes.append(outcome)
        print(_line(outcome), flush=True)
    return outcomes


def _line(outcome: Outcome) -> str:
    end = (outcome.answer.splitlines() or [""])[-1]
    figures = f"{outcome.file_bytes:>10,} bytes{outcome.peak_mb:>7.0f} MB"
    return f"{outcome.entrance:32}{figures}  {end[:120]}"


def words(outcomes: list[Outcome]) -> str:
    """The result in one line."""
    worst = max(outcomes, key=lambda outcome: outcome.peak_mb)
    faults = [outcome.fault for outcome in outcomes if outcome.fault]
    return f"{len(outcomes)} entrances; most memory {worst.peak_mb:.0f} MB ({worst.entrance}); " + (
        "; ".join(faults) or "0 faults"
    )


def main() -> None:
    """Try the entrances and say which took too much."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="Entrances whose name contains this.")
    outcomes = run(parser.parse_args().only)
    print(words(outcomes))
    sys.exit(1 if any(outcome.fault for outcome in outcomes) else 0)


if __name__ == "__main__":
    main()
