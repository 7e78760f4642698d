"""Files whose frames are known: real weights on clips made of the samples."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.made_clips import KINDS, Scene, background, sample_people
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.pipeline.build import load_analyzer
from ferapp.pipeline.clip import Clip, ClipAnalysis
from ferapp.settings import ClipSettings
from ferapp.types import Faces
from ferapp.vision.boxes import iou
from tests.support.videos import write_video

FFV1 = {"codec": "ffv1", "pix_fmt": "bgr0"}


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return load_analyzer()


def clip_of(path: Path, analyzer: Analyzer) -> Clip:
    with ClipAnalysis(path, analyzer, ClipSettings()) as analysis:
        for _ in analysis:
            pass
    return analysis.result()


def lossless(path: Path, frames: list[np.ndarray], rate: int) -> Path:
    return write_video(path, frames, rate=rate, **FFV1)


def portrait(rng: np.random.Generator, *, is_there: bool = True) -> np.ndarray:
    scene = Scene(background(np.random.default_rng(5)))
    if is_there:
        scene.put(sample_people()[0], 0, 320, 170)
    return scene.frame(rng)[0]


@pytest.mark.parametrize("rate", [1, 5, 15, 30, 60, 120, 240])
def test_nothing_is_read_after_a_face_has_gone(
    rate: int, analyzer: Analyzer, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    there, gone = max(round(0.4 * rate), 3), max(round(0.3 * rate), 2)
    frames = [portrait(rng) for _ in range(there)]
    frames += [portrait(rng, is_there=False) for _ in range(gone)]
    clip = clip_of(lossless(tmp_path / "leaves.mkv", frames, rate), analyzer)
    expected = np.arange(there) / rate
    assert clip.readings.at_s == pytest.approx(expected, abs=1e-3), "each frame that shows it"


@pytest.mark.parametrize("rate", [15, 60, 120])
def test_nothing_is_read_before_a_face_comes(rate: int, analyzer: Analyzer, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [portrait(rng, is_there=n >= rate // 4) for n in range(rate * 3 // 4)]
    clip = clip_of(lossless(tmp_path / "comes.mkv", frames, rate), analyzer)
    expected = np.arange(rate // 4, rate * 3 // 4) / rate
    assert clip.readings.at_s == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(("count", "rate"), [(1, 30), (2, 30), (4, 30), (20, 200)])
def test_a_short_clip_has_a_reading_of_each_frame(
    count: int, rate: int, analyzer: Analyzer, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    frames = [portrait(rng) for _ in range(count)]
    assert len(clip_of(lossless(tmp_path / "short.mkv", frames, rate), analyzer).readings) == count


def test_a_frozen_picture_reads_as_the_picture_does(analyzer: Analyzer, tmp_path: Path) -> None:
    image = portrait(np.random.default_rng(0))
    clip = clip_of(lossless(tmp_path / "frozen.mkv", [image] * 20, 30), analyzer)
    expected = analyzer.analyze(image).probabilities
    assert len(clip.readings) == 20
    np.testing.assert_allclose(clip.readings.probabilities, np.repeat(expected, 20, 0), atol=1e-3)


@pytest.mark.parametrize("fps", [5, 15, 30])
@pytest.mark.parametrize(
    "kind", ["crossing", "cutting", "same_room", "leaving", "returning", "swapping"]
)
def test_a_number_never_goes_to_somebody_else(
    kind: str, fps: int, analyzer: Analyzer, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    frames = list(KINDS[kind](sample_people(), fps, rng))
    path = lossless(tmp_path / "a.mkv", [image for image, _ in frames], fps)
    readings = clip_of(path, analyzer).readings
    assert len(readings)
    people: dict[int, set[int]] = {}
    for at_s, face, xyxy in zip(readings.at_s, readings.face, readings.xyxy, strict=True):
        centre = (xyxy[:2] + xyxy[2:]) / 2
        truths = frames[round(at_s * fps)][1]
        nearest = min(truths, key=lambda t: np.abs((t.xyxy[:2] + t.xyxy[2:]) / 2 - centre).sum())
        people.setdefault(int(face), set()).add(nearest.person)
    assert all(len(persons) == 1 for persons in people.values()), people


@pytest.mark.parametrize(
    "kind", ["crossing", "cutting", "same_room", "hiding", "returning", "swapping", "dissolving"]
)
def test_a_face_that_was_not_chosen_is_never_sharp(
    kind: str, analyzer: Analyzer, tmp_path: Path
) -> None:
    frames = list(KINDS[kind](sample_people(), 15, np.random.default_rng(3)))
    clip = clip_of(lossless(tmp_path / "a.mkv", [image for image, _ in frames], 15), analyzer)
    chosen = clip.readings.at(clip.readings.face == 1)
    plan = Overlay.of_clip(clip, frozenset({1}), hides_others=True)
    sharp, checked, kept = [], 0, 0
    for n, (image, truths) in enumerate(frames):
        drawn = plan.draw(image, n / 15)
        its = chosen.xyxy[np.isclose(chosen.at_s, n / 15, atol=1e-3)]
        for truth in truths:
            is_chosen = bool(iou(its, truth.xyxy[None]).max(initial=0) > 0.4)
            if truth.hidden <= 0.5 and not is_chosen:
                checked += 1
                if detail_in(drawn, truth.xyxy) > 0.5 * detail_in(image, truth.xyxy):
                    sharp.append((n, truth))
            elif is_chosen:
                kept += detail_in(drawn, truth.xyxy) > 0.9 * detail_in(image, truth.xyxy)
    assert checked > 10 and not sharp
    assert kept > 10, "the chosen face is not blurred"


def detail_in(image: np.ndarray, xyxy: np.ndarray) -> float:
    """Mean difference of neighbouring pixels in the middle of a box."""
    centre, reach = (xyxy[:2] + xyxy[2:]) / 2, (xyxy[2:] - xyxy[:2]) / 4
    x1, y1, x2, y2 = np.clip([*(centre - reach), *(centre + reach)], 0, None).astype(int)
    part = image[y1:y2, x1:x2].astype(int)
    return float(np.abs(np.diff(part, axis=0)).mean() + np.abs(np.diff(part, axis=1)).mean())


@pytest.mark.parametrize("fps", [5, 15, 30])
def test_who_walks_behind_a_column_keeps_the_number(
    fps: int, analyzer: Analyzer, tmp_path: Path
) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        chosen = [sample_people()[n] for n in rng.permutation(len(sample_people()))]
        frames = [image for image, _ in KINDS["hiding"](chosen, fps, rng)]
        readings = clip_of(lossless(tmp_path / "a.mkv", frames, fps), analyzer).readings
        assert set(readings.face.tolist()) == {1, 2}


def test_a_box_between_two_detections_lies_between_its_places(tmp_path: Path) -> None:
    """Detection every tenth frame of a head that moves evenly."""
    rng = np.random.default_rng(0)
    wall, person = background(rng), sample_people()[0]
    frames, boxes = [], {}
    for n in range(21):
        scene = Scene(wall)
        scene.put(person, 0, 200 + 4 * n, 170)
        image, truths = scene.frame(rng)
        frames.append(image)
        boxes[n] = truths[0].xyxy

    class Knows:
        """Finds the face by the moment at which it is asked."""

        calls = iter([0, 10, 20])

        def detect(self, image_rgb: np.ndarray, settings: object) -> Faces:
            return Faces(boxes[next(self.calls)][None], np.ones(1, np.float32))

    real = load_analyzer()
    analyzer = Analyzer(Knows(), real._classifier)
    path = lossless(tmp_path / "moves.mkv", frames, 150)
    readings = clip_of(path, analyzer).readings
    assert len(readings) == 21
    np.testing.assert_allclose(readings.xyxy, [boxes[n] for n in range(21)], atol=1)
