"""Labels and smoothed probabilities of whole videos."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.clip import Clip, ClipAnalysis
from ferapp.pipeline.relabelling import relabelled
from ferapp.sessions.session import Readings
from ferapp.settings import ClipSettings, Look, StreamSettings
from tests.support.fakes import FakeClassifier, FakeDetector, faces
from tests.support.sessions import face_readings
from tests.support.videos import noisy_frames, write_video

WH = (320, 240)


def labelled(readings: Readings, *, every_s: float, settings: StreamSettings | None = None) -> list:
    frames_s = np.unique(readings.at_s)
    out = relabelled(
        readings,
        EXPRESSIONS,
        frames_s,
        every_s=every_s,
        unsure_below=0.5,
        settings=settings or StreamSettings(),
    )
    assert np.isfinite(out.smoothed[out.flaw == None]).all()  # noqa: E711
    return out.expression.tolist()


def rows(*parts: tuple[str | None, int], rate: float, since_s: float = 0.0) -> list:
    """Readings of one face: so many of each expression, one after the other."""
    names = [name for name, count in parts for _ in range(count)]
    return [(since_s + place / rate, name) for place, name in enumerate(names)]


@pytest.mark.parametrize("rate", [5, 30])
def test_faces_are_labelled_by_themselves(rate: int) -> None:
    one = face_readings(*rows(("happiness", 2 * rate), ("fear", 2 * rate), rate=rate), face=1)
    two = face_readings(*rows(("fear", rate), ("happiness", 3 * rate), rate=rate), face=2)
    both = Readings.join([one, two])
    order = np.lexsort((both.face, both.at_s))
    expected = both.at(order).expression.tolist()
    wiped = replace(both.at(order), expression=np.full(len(both), None, object))
    assert labelled(wiped, every_s=1 / rate) == expected


def test_unreadable_readings_have_no_label_and_short_ones_end_nothing() -> None:
    flaws = dict.fromkeys(range(28, 33), "blurred")
    readings = face_readings(*rows(("happiness", 60), rate=30), flaws=flaws)
    readings = replace(readings, expression=np.full(60, None, object))
    assert labelled(readings, every_s=1 / 30) == [
        None if place in flaws else "happiness" for place in range(60)
    ]


def test_a_face_that_was_hidden_begins_anew() -> None:
    """What it showed before does not reach over the time in which nobody saw it."""
    before, after = rows(("happiness", 30), rate=30), rows(("fear", 4), rate=30, since_s=1.9)
    readings = face_readings(*before, *after)
    wiped = replace(readings, expression=np.full(34, None, object))
    frames_s = np.arange(70) / 30
    out = relabelled(
        wiped, EXPRESSIONS, frames_s, every_s=1 / 30, unsure_below=0.5, settings=StreamSettings()
    )
    assert out.expression.tolist() == readings.expression.tolist()
    np.testing.assert_allclose(out.smoothed, readings.probabilities, atol=1e-6)


def test_no_readings_stay_none() -> None:
    assert labelled(face_readings(), every_s=0.1) == []


class ScriptedClassifier(FakeClassifier):
    """Says for each crop what its brightness says: bright crops are happy, dark ones sad."""

    def classify(self, crops_rgb: Sequence[np.ndarray], *, look: Look = "both") -> np.ndarray:
        shares = np.full((len(crops_rgb), len(EXPRESSIONS)), 0.02, np.float32)
        for row, crop in zip(shares, crops_rgb, strict=True):
            row[EXPRESSIONS.index("happiness" if crop.mean() > 110 else "sadness")] = 0.86
        return shares


def clip_of(path: Path, **settings: object) -> Clip:
    analyzer = Analyzer(FakeDetector(faces(40)), ScriptedClassifier(EXPRESSIONS))
    with ClipAnalysis(path, analyzer, ClipSettings(**settings)) as analysis:
        for _ in analysis:
            pass
    return analysis.result()


@pytest.mark.parametrize("detect_every", [1, None], ids=["each frame", "default"])
@pytest.mark.parametrize("rate", [1, 5, 15, 30, 60])
def test_a_label_changes_in_the_frame_in_which_the_face_does(
    tmp_path: Path, rate: int, detect_every: int | None
) -> None:
    changes = max(round(1.2 * rate), 3)
    images = noisy_frames(changes, WH, grey=130) + noisy_frames(changes, WH, grey=90)
    images += noisy_frames(changes, WH, grey=130)
    stream = StreamSettings(detect_every=detect_every, reads_followed=True)
    clip = clip_of(write_video(tmp_path / "a.mp4", images, rate=rate), stream=stream)
    expected = [*["happiness"] * changes, *["sadness"] * changes, *["happiness"] * changes]
    assert clip.readings.expression.tolist() == expected


def test_a_clip_that_is_read_now_and_then_keeps_its_labels_too(tmp_path: Path) -> None:
    """Faces are detected in each fifth frame and not read in between."""
    images = noisy_frames(45, WH, grey=130) + noisy_frames(45, WH, grey=90)
    stream = StreamSettings(detect_every=5, reads_followed=False)
    clip = clip_of(write_video(tmp_path / "a.mp4", images, rate=15), stream=stream)
    late = clip.readings.at_s >= 3
    assert set(clip.readings.expression[~late]) == {"happiness"}
    assert set(clip.readings.expression[late]) == {"sadness"}


@pytest.mark.parametrize("every_s", [0.75, 1.0, 2.0, 5.0])
def test_rows_of_rare_frames_have_labels_that_they_support(tmp_path: Path, every_s: float) -> None:
    images = [*noisy_frames(1, WH, grey=130), *noisy_frames(1, WH, grey=90)] * 4
    times = [place * every_s for place in range(8)]
    clip = clip_of(write_video(tmp_path / "a.mp4", images, at_s=times))
    tops = [EXPRESSIONS[top] for top in clip.readings.probabilities.argmax(axis=1)]
    assert clip.readings.expression.tolist() == tops


def test_in_a_time_lapse_a_face_keeps_its_number_whatever_rate_is_claimed(tmp_path: Path) -> None:
    """Matroska claims thirty frames a second here and has one in two seconds."""
    times = [2.0 * place for place in range(8)]
    path = write_video(tmp_path / "a.mkv", noisy_frames(8, WH, grey=130), at_s=times, rate=30)
    clip = clip_of(path)
    assert clip.info.frames_per_second == 30 and clip.every_s == pytest.approx(2)
    assert clip.readings.faces == [1] and len(clip.readings) == 8
