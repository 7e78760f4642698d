"""A batch in this process, with fake models that find one face and label its brightness."""

from pathlib import Path

import numpy as np
import pandas

from ferapp.batch.items import FileResult, Item, Request
from ferapp.batch.results import Results
from ferapp.batch.run import Batch, Tally
from ferapp.batch.worker import analyse_file
from ferapp.emotions import EXPRESSIONS
from ferapp.inference.manifest import manifest
from ferapp.media.images import png_bytes
from ferapp.pipeline.analyzer import Analyzer
from ferapp.settings import ClipSettings
from ferapp.types import Faces
from tests.support.batches import ScriptedWorker, inline_engine
from tests.support.fakes import FakeClassifier, FakeDetector
from tests.support.videos import solid_image

DEFAULTS = manifest().defaults


REQUEST = Request(DEFAULTS.detector, DEFAULTS.classifier, ClipSettings())


class FakeModels:
    """The real worker with fake models that find one face and label its brightness."""

    def __init__(self, request: Request = REQUEST) -> None:
        box, score = np.array([[20, 10, 60, 50]], np.float32), np.array([0.9], np.float32)
        detector = FakeDetector(Faces(box, score))
        self.analyzer = Analyzer(detector, FakeClassifier(EXPRESSIONS))
        self.request = request
        self.given_names: list[str] = []

    def load(self) -> None:
        pass

    def analyse(self, item: Item) -> FileResult:
        self.given_names.append(item.path.name)
        return analyse_file(item, self.analyzer, self.request)


def write_grey_picture(path: Path, value: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(png_bytes(solid_image(value)))
    return path


def run_batch(folder: Path, worker: FakeModels | ScriptedWorker | None = None) -> Tally:
    """Run a batch with its tables next to the folder."""
    batch = Batch(folder, Results(folder.parent / "out"), REQUEST)
    batch.analyse(inline_engine, worker or FakeModels())
    return batch.write_tables()


def read_table(folder: Path, name: str) -> pandas.DataFrame:
    path = folder.parent / "out" / f"{name}.csv"
    assert path.read_bytes().count(b"\xef\xbb\xbf") == 1
    return pandas.read_csv(path, encoding="utf-8-sig")
