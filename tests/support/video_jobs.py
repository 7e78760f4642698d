"""Jobs on videos with fake models, and the processes that they start."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.pipeline.clip import Clip
from ferapp.pipeline.stream import StreamFrame
from ferapp.serving.video_jobs import (
    VideoAnalysisJob,
)
from ferapp.settings import ClipSettings
from ferapp.types import Faces
from tests.support.fakes import FakeClassifier, FakeDetector

WH = (320, 240)


FRAMES = 12


BOX = (80, 40, 220, 200)


OTHER_BOX = (230, 60, 310, 150)


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def analyzer(*boxes: tuple[int, int, int, int]) -> Analyzer:
    """An analyzer that finds faces in these boxes in every frame."""
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    faces = Faces(xyxy, np.ones(len(boxes), np.float32))
    return Analyzer(FakeDetector(faces), FakeClassifier(EXPRESSIONS))


def keep_image(image: np.ndarray, frame: StreamFrame) -> np.ndarray:
    return image


def analysis_job(
    data: bytes, *boxes: tuple[int, int, int, int], **settings: Any
) -> VideoAnalysisJob:
    return VideoAnalysisJob(data, analyzer(*(boxes or [BOX])), ClipSettings(**settings), keep_image)


def analyse_video(data: bytes, *boxes: tuple[int, int, int, int]) -> Clip:
    work = analysis_job(data, *boxes)
    list(work)
    work.close()
    assert work.clip is not None
    return work.clip


def overlay(clip: Clip, *shown: int) -> Overlay:
    return Overlay.of_clip(clip, frozenset(shown), hides_others=True)


def child_pids() -> set[int]:
    """Ids of the child processes of this one, including zombies."""
    pids = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = stat.read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if int(parent) == os.getpid():
            pids.add(int(stat.parent.name))
    return pids
