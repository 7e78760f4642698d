"""A small file with large claims takes little memory; `make hold` tries many more."""

import subprocess
import sys
from pathlib import Path

import pytest

from stress.small_files import Entrance, Outcome, equal_rows, watch_memory, zip_of_a_table

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="Linux alone says how much memory a process has"
)


def session_of_equal_rows(folder: Path) -> list[str]:
    path = folder / "a.parquet"
    path.write_bytes(equal_rows(150_000, 64))
    return ["sessions", "import", str(path)]


@pytest.mark.parametrize(
    ("make", "answer"),
    [
        (session_of_equal_rows, "21,300,000 values"),
        (zip_of_a_table(b"0 " * 2**19, 100), "characters in a line"),
    ],
    ids=["session", "data set"],
)
def test_a_small_file_takes_little_memory(make, answer: str) -> None:
    outcome = Entrance("a", make).run()
    assert not outcome.fault and answer in outcome.answer.replace("\n", " ")
    assert 30 < outcome.peak_mb < 400, "without a child process it would be nothing"


def test_the_memory_of_child_processes_counts() -> None:
    grow = "import time; a = bytearray(b'x') * 150_000_000; time.sleep(0.5)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grow!r}])"
    with subprocess.Popen([sys.executable, "-c", parent]) as process:
        with watch_memory(process.pid) as seen:
            process.wait(20)
    assert 140 < max(seen) < 220
    assert "a: 700 MB" in Outcome("a", 1, 700.0, "").fault
