"""What the confinement of decoders costs: the same children with and without it, in turn.

    python -m benchmarks.confined [--rounds N]

Both have the limits. Compared are medians of processor time, which other programs change little.
"""

import argparse
import io
import resource
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.machine import ROOT, about, write_result
from ferapp.media import decoder
from ferapp.media.pictures import decoder as picture_decoder
from ferapp.system import child, landlock, seccomp
from ferapp.system.child import Child
from tests.support.videos import write_video

FRAMES = 100
SIZE_WH = (1280, 720)


def picture() -> bytes:
    """A small picture in a format that a child decodes: nearly all of the time is its start."""
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "WEBP")
    return out.getvalue()


def processor_s(work: Callable[[bool], None], is_confined: bool) -> float:
    """Processor time of one child from its start to its end, s."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work(is_confined)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ask(file: Any, request: dict[str, Any], *, is_confined: bool) -> None:
    """Start a child on a file and read all that it sends."""
    asked = {"is_confined": is_confined, "request": request}
    with Child("benchmarks.confined", file, asked, work="x", subject="x") as process:
        while "at_s" in (message := process.message()[0]) or "info" in message:
            pass


def compare(rounds: int) -> dict[str, Any]:
    """Medians in seconds and their ratio, for a start and for a video."""
    small = picture()
    with tempfile.TemporaryDirectory() as folder:
        noise = np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8)
        grown = np.asarray(Image.fromarray(noise).resize(SIZE_WH))
        frames = [np.roll(grown, 3 * n, axis=1) for n in range(FRAMES)]
        path = write_video(Path(folder) / "a.mp4", frames)

        def start(is_confined: bool) -> None:
            ask(small, {"max_pixels": 10**6, "most_pixels": 10**6}, is_confined=is_confined)

        def decode(is_confined: bool) -> None:
            with path.open("rb") as file:
                ask(file, {"part": {}}, is_confined=is_confined)

        result = {}
        for name, work in (("start_and_small_picture", start), ("video", decode)):
            times: dict[bool, list[float]] = {True: [], False: []}
            for n in range(rounds):
                for is_confined in (True, False)[:: 1 if n % 2 else -1]:
                    times[is_confined].append(processor_s(work, is_confined))
            confined, free = (statistics.median(times[key]) for key in (True, False))
            result[name] = {
                "confined_processor_s": round(confined, 3),
                "free_processor_s": round(free, 3),
                "ratio": round(confined / free, 3),
            }
    return result


def main() -> None:
    """Measure, print and write a dated file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    result = about() | {"rounds": options.rounds} | compare(options.rounds)
    print(result)
    write_result(result, "confined", options.out)


def answer(asked: dict[str, Any]) -> None:
    """In the child: decode a video if a part is asked for, else a picture."""
    is_video = "part" in asked["request"]
    work = decoder.send_frames if is_video else picture_decoder.send_picture
    work(asked["request"])


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1].startswith("{"):
        if '"is_confined": false' in sys.argv[1]:
            landlock.version = lambda: 0
            seccomp.restrict = lambda **_: False
        child.run(answer, memory_bytes=2 << 30)
    else:
        main()
