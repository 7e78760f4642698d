"""Videos whose picture changes its size, as recordings of calls and of broadcasts do."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.media.images import read_image
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.annotated_copy.copy import AnnotatedCopy
from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.pipeline.build import load_analyzer
from ferapp.pipeline.clip import Clip, ClipAnalysis
from ferapp.pipeline.stream import Stream
from ferapp.settings import ClipSettings, DetectionSettings, StreamSettings, VideoPart
from ferapp.types import Faces
from ferapp.vision.crops import letterboxed, resize
from tests.support.fakes import Clock, FakeClassifier
from tests.support.videos import noisy_frames, write_sizes

RATE = 15
SAMPLE = Path(__file__).parents[3] / "ferapp" / "samples" / "astronaut.jpg"
REST = np.array([0.7, 0.03, 0.03, 0.1, 0.03, 0.03, 0.03, 0.05], np.float32)


def portrait(width: int, height: int) -> np.ndarray:
    """The astronaut in the middle of a picture of any shape."""
    return letterboxed(read_image(SAMPLE), (width, height))


def shrunk(image: np.ndarray, width: int, height: int) -> np.ndarray:
    return resize(image, (width, height))


WIDE, TALL, CALL = portrait(640, 360), portrait(360, 640), portrait(640, 480)
CHANGES = {
    "a little smaller": (CALL, shrunk(CALL, 480, 360)),
    "half and back": (CALL, shrunk(CALL, 320, 240), CALL),
    "a call that gets better": (shrunk(CALL, 320, 240), CALL, shrunk(CALL, 1280, 960)),
    "a phone that is turned": (WIDE, TALL, WIDE),
    "4:3 to 16:9, cut": (CALL, np.ascontiguousarray(CALL[60:420])),
    "4:3 to 16:9, with bars": (CALL, letterboxed(CALL, (854, 480))),
    "4:3 to 16:9, stretched": (CALL, shrunk(CALL, 854, 480)),
}


SCENE = noisy_frames(1, (640, 480))[0]


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return load_analyzer()


def clip_of(path: Path, analyzer: Analyzer, settings: ClipSettings | None = None) -> Clip:
    with ClipAnalysis(path, analyzer, settings) as analysis:
        for _ in analysis:
            pass
    return analysis.result()


@pytest.mark.parametrize("name", [*CHANGES])
def test_the_same_person_keeps_the_number_and_is_read_in_each_frame(
    name: str, analyzer: Analyzer, tmp_path: Path
) -> None:
    images = CHANGES[name]
    path = write_sizes(tmp_path / "a.ts", [[image] * RATE for image in images], rate=RATE)
    clip = clip_of(path, analyzer)
    readings = clip.readings
    assert readings.faces == [1] and clip.cuts_s == ()
    assert set(readings.expression) == {"happiness"}
    assert (readings.probabilities[:, EXPRESSIONS.index("happiness")] > 0.9).all()
    # The first frame of a turned phone may be left out: nobody knows what moved where.
    assert len(readings) >= len(images) * RATE - (2 if name == "a phone that is turned" else 0)
    sizes = {(image.shape[1], image.shape[0]) for image in images}
    assert set(clip.sizes_wh) == sizes == set(map(tuple, readings.size_wh.tolist()))
    assert any("changes its size" in note for note in clip.notes)


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.ts"])
@pytest.mark.parametrize("detect_every", [1, None, 7], ids=str)
def test_boxes_lie_on_the_face_in_every_container(
    name: str, detect_every: int | None, analyzer: Analyzer, tmp_path: Path
) -> None:
    small = shrunk(CALL, 320, 240)
    path = write_sizes(tmp_path / name, [[CALL] * 20, [small] * 20], rate=30)
    stream = StreamSettings(detect_every=detect_every, reads_followed=True)
    # In the small picture the detector may find more than the face.
    readings = clip_of(path, analyzer, ClipSettings(stream)).readings.of(1)
    assert len(readings) == 40
    shares = readings.xyxy / np.tile(readings.size_wh, 2)
    assert np.abs(shares - shares[0]).max() < 0.03


class ShareDetector:
    """Finds one face at the same place of pictures of any size."""

    place = np.array([0.4, 0.3, 0.6, 0.6], np.float32)

    def detect(self, image_rgb: np.ndarray, settings: DetectionSettings) -> Faces:
        height, width = image_rgb.shape[:2]
        xyxy = self.place[None] * np.float32([width, height, width, height])
        return Faces(xyxy.astype(np.float32), np.array([0.9], np.float32))


def fake() -> Analyzer:
    classifier = FakeClassifier(EXPRESSIONS)
    classifier.neutral_reference = REST
    return Analyzer(ShareDetector(), classifier)


def test_a_region_is_the_same_part_of_the_picture_at_each_size(tmp_path: Path) -> None:
    parts = [[shrunk(SCENE, *wh)] * 6 for wh in ((640, 480), (960, 720), (320, 240))]
    part = VideoPart(region=(320, 120, 320, 240))
    path = write_sizes(tmp_path / "a.ts", parts)
    shapes = set()
    with ClipAnalysis(path, fake(), ClipSettings(part=part)) as analysis:
        for image, _ in analysis:
            shapes.add(image.shape[:2])
    clip = analysis.result()
    assert shapes == {(240, 320), (360, 480), (120, 160)}
    assert clip.frames == len(clip.readings) == 18 and clip.readings.faces == [1]
    shares = clip.readings.xyxy / np.tile(clip.readings.size_wh, 2)
    np.testing.assert_allclose(shares, np.tile([0.7, 0.4, 0.8, 0.55], (18, 1)), atol=0.01)


def test_a_broadcast_that_goes_wide_is_shown_wide(analyzer: Analyzer, tmp_path: Path) -> None:
    """The stored size stays; each pixel becomes wider."""
    parts = [[shrunk(portrait(*wh), 360, 288)] * 8 for wh in ((384, 288), (512, 288))]
    path = write_sizes(tmp_path / "a.ts", parts, aspects=(Fraction(16, 15), Fraction(64, 45)))
    clip = clip_of(path, analyzer)
    assert clip.sizes_wh == ((384, 288), (512, 288))
    # The rocket behind her may be taken for a second face.
    head = clip.readings.of(1)
    assert head.size_wh[:, 0].tolist() == [384] * 8 + [512] * 8


@pytest.mark.parametrize("detect_every", [1, 3])
def test_live_a_face_keeps_its_number_and_its_place(detect_every: int) -> None:
    stream, settings = Stream(fake(), Clock()), StreamSettings(detect_every=detect_every)
    for number in range(40):
        width, height = [(640, 480), (320, 240), (480, 360), (1280, 960)][number // 10]
        image = shrunk(SCENE, width, height)
        frame = stream.process(image, number / 15, settings)
        if number < 9:
            continue
        [face] = frame.faces
        assert face.id == 1
        shares = face.xyxy / np.float32([width, height, width, height])
        np.testing.assert_allclose(shares, ShareDetector.place, atol=0.01)


def test_live_a_phone_may_be_turned(analyzer: Analyzer) -> None:
    stream, settings = Stream(analyzer, Clock()), StreamSettings(detect_every=1)
    for number in range(15):
        frame = stream.process(WIDE if number < 8 else TALL, number / 15, settings)
        assert [face.id for face in frame.faces] in ([1], []) if number < 10 else [[1]]


def test_a_change_of_size_is_no_movement_for_a_baseline() -> None:
    stream, settings = Stream(fake(), Clock()), StreamSettings(detect_every=1)
    stream._analyzer._classifier.classify = lambda crops, look="both": np.tile(
        REST, (len(crops), 1)
    )
    large, small = SCENE, shrunk(SCENE, 320, 240)
    for number in range(16 * 15):
        if number == 5:
            stream.take_baseline()
        frame = stream.process(small if number > 120 else large, number / 15, settings)
    assert frame.baseline is not None and frame.baseline.phase == "taken"


def copy_of(path: Path, clip: Clip) -> list[np.ndarray]:
    out = path.parent / "copy.mp4"
    overlay = Overlay.of_clip(clip, frozenset({1}), hides_others=True)
    with AnnotatedCopy(path, overlay, out, part=clip.part) as copy:
        for _ in copy:
            pass
    with av.open(str(out)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("name", ["a little smaller", "a call that gets better"])
def test_the_copy_has_the_largest_size_and_shows_each_face_where_it_is(
    name: str, analyzer: Analyzer, tmp_path: Path
) -> None:
    images = CHANGES[name]
    path = write_sizes(tmp_path / "a.ts", [[image] * 8 for image in images])
    clip = clip_of(path, analyzer)
    copied = copy_of(path, clip)
    largest = max(images, key=lambda image: image.size)
    assert len(copied) == 8 * len(images)
    assert {image.shape for image in copied} == {largest.shape}
    for image in copied[::4]:
        difference = np.abs(image.astype(int) - largest).mean()
        assert difference < 12, "the face is visible, and nothing else is hidden"
    drawn = [np.abs(image.astype(int) - copied[0]).mean() for image in copied]
    assert max(drawn) < 10, "the box is at one place"


def test_in_the_copy_frames_of_another_shape_are_not_squashed(tmp_path: Path) -> None:
    wide, tall = noisy_frames(4, (320, 180), grey=180), noisy_frames(4, (180, 320), grey=180)
    path = write_sizes(tmp_path / "a.ts", [wide, tall])
    clip = clip_of(path, fake())
    copied = copy_of(path, replace(clip, readings=clip.readings.at(np.arange(0))))
    assert {image.shape for image in copied} == {(180, 320, 3)}
    bars = copied[-1].mean(axis=(0, 2)) < 40
    assert 200 < bars.sum() < 235 and not bars[150:170].any()
    assert not (copied[0].mean(axis=(0, 2)) < 40).any()
