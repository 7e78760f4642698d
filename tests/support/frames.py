"""Frames of a camera, and a viewer that receives them."""

import fractions

import av
import numpy as np

from ferapp.emotions import EXPRESSIONS
from ferapp.pipeline.analyzer import Analyzer
from ferapp.types import Faces
from ferapp.ui.live.webcam import Viewer
from tests.support.fakes import Clock, FakeClassifier, FakeDetector
from tests.support.textures import textured

ONE_FACE = Faces(np.array([[200, 100, 300, 200]], np.float32), np.ones(1, np.float32))


def viewer(faces: Faces = ONE_FACE) -> Viewer:
    return Viewer(Analyzer(FakeDetector(faces), FakeClassifier(EXPRESSIONS)), Clock())


def frame(index: int = 0, *, width: int = 640) -> av.VideoFrame:
    scene = textured(480, width, 60, 140)
    scene[:, :40] = 255  # so that left and right differ
    out = av.VideoFrame.from_ndarray(scene, format="rgb24")
    out.pts, out.time_base = index * 6000, fractions.Fraction(1, 90_000)
    return out
