"""Ferapp in a program or a notebook, with the real weights."""

import asyncio
import copy
import importlib
import json
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ferapp
from ferapp import Analyzer, InvalidValue

SAMPLES = Path(ferapp.__file__).parent / "samples"
ASTRONAUT = SAMPLES / "astronaut.jpg"
PICTURES = [SAMPLES / name for name in ("astronaut.jpg", "grace-hopper.jpg", "mona-lisa.jpg")]


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return ferapp.load_analyzer()


def probabilities(analyzer: Analyzer, picture: Path) -> list[list[float]]:
    return analyzer.analyze(picture).probabilities.tolist()


def test_every_form_of_a_picture_reads_the_same(analyzer: Analyzer) -> None:
    image = ferapp.read_image(ASTRONAUT)
    expected = analyzer.analyze(image)
    assert expected.expressions == ["happiness"] and not expected.notes
    with Image.open(ASTRONAUT) as pillow:
        forms = (ASTRONAUT, str(ASTRONAUT), ASTRONAUT.read_bytes(), pillow, image / 255)
        for form in forms:
            analysis = analyzer.analyze(form)
            np.testing.assert_array_equal(analysis.probabilities, expected.probabilities)
            np.testing.assert_array_equal(analysis.faces.xyxy, expected.faces.xyxy)


def test_a_camera_of_twelve_bits_reads_the_same(analyzer: Analyzer) -> None:
    image = ferapp.read_image(ASTRONAUT)
    analysis = analyzer.analyze(image.astype(np.uint16) * 16)
    assert analysis.probabilities.tolist() == analyzer.analyze(image).probabilities.tolist()
    assert analysis.notes == ("The picture came as uint16: 0 to 4095 was read as black to white.",)


def test_threads_share_an_analyzer(analyzer: Analyzer) -> None:
    expected = [probabilities(analyzer, picture) for picture in PICTURES]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda picture: probabilities(analyzer, picture), PICTURES * 4))
    assert results == expected * 4


def test_tasks_share_an_analyzer(analyzer: Analyzer) -> None:
    async def read_all() -> list[list[list[float]]]:
        tasks = (asyncio.to_thread(probabilities, analyzer, picture) for picture in PICTURES * 3)
        return await asyncio.gather(*tasks)

    expected = [probabilities(analyzer, picture) for picture in PICTURES]
    assert asyncio.run(read_all()) == expected * 3


PROGRAM = """
import json, multiprocessing, sys
import ferapp

def read(picture):
    return analyzer.analyze(picture).probabilities.tolist()

def start():
    global analyzer
    analyzer = ferapp.load_analyzer()

if __name__ == "__main__":
    method, *pictures = sys.argv[1:]
    start()
    here = [read(picture) for picture in pictures]
    # The children of a fork use the analyzer of their parent, which has been used already.
    initializer = None if method == "fork" else start
    with multiprocessing.get_context(method).Pool(2, initializer) as pool:
        there = pool.map_async(read, pictures * 2).get(60)
    print(json.dumps([here * 2, there]))
"""


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(
            "fork",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks safely"),
        ),
        "spawn",
    ],
)
def test_processes_read_the_same(method: str, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM, encoding="utf-8")
    out = subprocess.run(
        [sys.executable, str(script), method, *map(str, PICTURES)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(SAMPLES.parent.parent)},
        check=False,
    )
    assert out.returncode == 0, out.stderr
    here, there = json.loads(out.stdout)
    assert here == there and len(here) == 2 * len(PICTURES)


def test_an_analyzer_that_is_sent_to_a_process_says_what_to_do(analyzer: Analyzer) -> None:
    for send in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(InvalidValue, match=r"call ferapp.load_analyzer\(\) in each process"):
            send(analyzer)


def test_results_go_to_other_processes(analyzer: Analyzer) -> None:
    analysis = analyzer.analyze(ASTRONAUT)
    received = pickle.loads(pickle.dumps(analysis))
    assert received.to_record() == analysis.to_record()


CELLS = (
    "import ferapp\nfrom ferapp import *\nanalyzer = ferapp.load_analyzer()",
    "analysis = analyzer.analyze(picture)\ntable = analysis.to_frame()",
    "record = analysis.to_record()",
)


def test_a_notebook_can_be_run_twice() -> None:
    names: dict[str, object] = {"picture": str(ASTRONAUT)}
    records = []
    for _ in range(2):
        for cell in CELLS:
            exec(compile(cell, "<cell>", "exec"), names)
        records.append(json.dumps(names["record"]))
        importlib.reload(ferapp)  # as %autoreload does
    assert records[0] == records[1]
    assert names["InvalidValue"] is InvalidValue
