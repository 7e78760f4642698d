"""A face is called the same wherever it is shown: as a picture, in a video, live and in files."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import ferapp
from ferapp import AnalysisSettings, Analyzer, FrameAnalysis
from ferapp.batch.items import Request
from ferapp.batch.results import Results
from ferapp.batch.run import Batch
from ferapp.batch.worker import analyse_file
from ferapp.emotions import EXPRESSIONS
from ferapp.labels import label_text
from ferapp.media.images import png_bytes
from ferapp.pipeline.analyzer import Analyzer as PlainAnalyzer
from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.pipeline.clip import Clip, ClipAnalysis, recording_of_clip
from ferapp.pipeline.record import readings_of_frame, readings_of_pictures, tracks_of
from ferapp.pipeline.stream import Stream
from ferapp.sessions.formats import exchange
from ferapp.sessions.report.summary import summary
from ferapp.sessions.session import Readings
from ferapp.settings import ClipSettings, StreamSettings
from ferapp.types import Faces, PictureRecord
from ferapp.ui.shared.charts import alt_text
from ferapp.vision.annotate import captions
from tests.support.batches import inline_engine
from tests.support.cli import ferapp as run_ferapp
from tests.support.fakes import Clock, FakeDetector
from tests.support.videos import images_of, write_video

SAMPLES = Path(ferapp.__file__).parent / "samples"
IMAGE = ferapp.read_image(SAMPLES / "astronaut.jpg")[:360, 60:420]
FRAMES = 12


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return ferapp.load_analyzer()


@pytest.fixture(scope="module")
def confidence(analyzer: Analyzer) -> float:
    return float(analyzer.analyze(IMAGE).confidence[0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same face as a picture and as a frozen video without loss."""
    path = tmp_path_factory.mktemp("inputs") / "in"
    path.mkdir()
    (path / "picture.png").write_bytes(png_bytes(IMAGE))
    write_video(path / "video.mkv", [IMAGE] * FRAMES, rate=6, codec="ffv1", pix_fmt="bgr0")
    return path


def settings_for(case: str, confidence: float) -> AnalysisSettings:
    return {
        "as it comes": AnalysisSettings(),
        "exactly at the threshold": AnalysisSettings(unsure_below=confidence),
        "just below the threshold": AnalysisSettings(
            unsure_below=float(np.nextafter(np.float32(confidence), np.float32(1)))
        ),
        "its expression among those chosen": AnalysisSettings(classes=("happiness", "neutral")),
        "its expression left out": AnalysisSettings(
            classes=("contempt", "neutral"), unsure_below=0.1
        ),
    }[case]


CASES = {
    "as it comes": "happiness",
    "exactly at the threshold": "happiness",
    "just below the threshold": "unsure",
    "its expression among those chosen": "happiness",
    "its expression left out": "unsure",
}


def labels_of(readings: Readings) -> set[str]:
    pairs = zip(readings.expression, readings.flaw, strict=True)
    return {label_text(*pair) for pair in pairs}


def clip_of(path: Path, analyzer: Analyzer, settings: ClipSettings) -> Clip:
    with ClipAnalysis(path, analyzer, settings) as analysis:
        for _ in analysis:
            pass
        return analysis.result()


def labels_in_files(clip: Clip, analyzer: Analyzer, settings: ClipSettings) -> dict[str, set[str]]:
    """What the files of a session, written and read again, call the face."""
    recording = recording_of_clip("a", clip, analyzer, settings)
    written = {
        "a.csv": exchange.to_csv(recording, clip.readings),
        "a.parquet": exchange.to_parquet(recording, clip.readings),
        "a.json": exchange.to_json(recording, clip.readings),
    }
    read = {name: exchange.read(name, data)[1] for name, data in written.items()}
    assert all(len(readings) == len(clip.readings) for readings in read.values())
    return {name: labels_of(readings) for name, readings in read.items()}


def labels_in_batch(
    folder: Path, analyzer: Analyzer, settings: ClipSettings, out: Path
) -> dict[str, set[str]]:
    class Worker:
        def load(self) -> None:
            pass

        def analyse(self, item: Any) -> Any:
            return analyse_file(item, analyzer, request)

    request = Request(analyzer.detector_name, analyzer.classifier_name, settings)
    batch = Batch(folder, Results(out), request)
    batch.analyse(inline_engine, Worker())  # type: ignore[arg-type]
    batch.write_tables()
    tables = {
        name: pandas.read_csv(out / f"{name}.csv") for name in ("faces", "tracks", "readings")
    }
    face, track = tables["faces"].iloc[0], tables["tracks"].iloc[0]
    seconds = {name.removesuffix("_s"): track[name] for name in track.index if name.endswith("_s")}
    held = {name for name, s in seconds.items() if s > 0 and name not in ("first", "last")}
    rows = tables["readings"]
    pairs = zip(rows["expression"], rows["flaw"], strict=True)
    empty = [(None if pandas.isna(e) else e, None if pandas.isna(f) else f) for e, f in pairs]
    return {
        "faces.csv": {"unsure" if face["is_unsure"] else face["expression"]},
        "tracks.csv": held,
        "readings.csv": {label_text(*pair) for pair in empty},
    }


@pytest.mark.parametrize("case", CASES)
def test_a_face_has_one_label_everywhere(
    case: str, analyzer: Analyzer, confidence: float, folder: Path, tmp_path: Path
) -> None:
    settings = settings_for(case, confidence)
    analysis = analyzer.analyze(IMAGE, settings)
    clip_settings = ClipSettings(StreamSettings(settings, reads_followed=True))
    clip = clip_of(folder / "video.mkv", analyzer, clip_settings)
    assert len(clip.readings) == FRAMES
    np.testing.assert_array_equal(clip.readings.probabilities[0], analysis.probabilities[0])

    found = {
        "picture": {label_text(label) for label in analysis.face_labels},
        "caption": {captions(analysis)[0].split()[1]},
        "record": _labels_of_record(analysis),
        "table": _labels_of_table(analysis),
        "session of pictures": labels_of(readings_of_pictures([analysis])),
        "video": labels_of(clip.readings),
        "tracks": set(tracks_of(clip.readings)[0].seconds),
        "report": {label_text(name) for name in summary(clip.readings).seconds},
        "annotated copy": {
            text.split(maxsplit=1)[1]
            for text in Overlay.of_clip(clip, None, hides_others=False)._columns.captions
        },
        "live": _labels_live(analyzer, settings),
        **labels_in_files(clip, analyzer, clip_settings),
        **labels_in_batch(folder, analyzer, clip_settings, tmp_path / "out"),
    }
    assert found == {place: {CASES[case]} for place in found}


def _labels_of_record(analysis: FrameAnalysis) -> set[str]:
    record = PictureRecord.from_json(json.loads(json.dumps(analysis.to_record())))
    return {"unsure" if face.is_unsure else face.expression for face in record.faces}


def _labels_of_table(analysis: FrameAnalysis) -> set[str]:
    frame = analysis.to_frame()
    return set(frame["expression"].where(~frame["is_unsure"], "unsure"))


def _labels_live(analyzer: Analyzer, settings: AnalysisSettings) -> set[str]:
    stream = Stream(analyzer, Clock())
    frames = [
        stream.process(IMAGE, n / 10, StreamSettings(settings, detect_every=1)) for n in range(6)
    ]
    return labels_of(Readings.join([readings_of_frame(each) for each in frames if each.faces]))


def test_the_command_line_gives_the_same(folder: Path, tmp_path: Path) -> None:
    options = ("--classes", "contempt,neutral", "--unsure-below", "0.1")
    picture = run_ferapp("analyze", folder / "picture.png", "--json", *options)
    face = json.loads(picture.stdout)["faces"][0]
    table = run_ferapp("analyze", folder / "picture.png", *options, COLUMNS="200")
    csv = tmp_path / "a.csv"
    video = run_ferapp("video", folder / "video.mkv", "--json", "--csv", csv, *options)
    [track] = json.loads(video.stdout)["tracks"]
    assert face["is_unsure"] and face["share_kept"] < 0.5
    assert f"unsure ({face['expression']}?)" in table.stdout
    assert set(track["seconds"]) == {"unsure"}
    assert pandas.read_csv(csv)["expression"].isna().all()


class Even:
    """Gives two classes the same probability, to the last bit."""

    labels = EXPRESSIONS
    size_wh = (48, 48)
    unsure_below = 0.3
    neutral_reference = None

    def classify(self, crops_rgb: Any, *, look: str = "both") -> np.ndarray:
        shares = np.zeros((len(crops_rgb), 8), np.float32)
        shares[:, [3, 6]] = 0.5
        return shares


@pytest.mark.parametrize("classes", [(), ("fear", "sadness")], ids=["all", "two, the other first"])
def test_of_two_labels_with_the_same_probability_the_first_counts(
    classes: tuple[str, ...], folder: Path
) -> None:
    xyxy = PlainAnalyzer(ferapp.load_analyzer()._detector, Even()).detect(IMAGE, AnalysisSettings())
    even = PlainAnalyzer(
        FakeDetector(xyxy),
        Even(),
        detector_name="ssd-320-int8",
        classifier_name="seresnet-48-int8",
    )
    settings = AnalysisSettings(classes=classes)
    clip_settings = ClipSettings(StreamSettings(settings, reads_followed=True))
    clip = clip_of(folder / "video.mkv", even, clip_settings)
    analysis = even.analyze(IMAGE, settings)
    assert analysis.face_labels == ["sadness"] and analysis.labels == clip.labels
    assert labels_of(clip.readings) == {"sadness"} == _labels_live(even, settings)
    assert labels_in_files(clip, even, clip_settings) == {
        name: {"sadness"} for name in ("a.csv", "a.parquet", "a.json")
    }


def test_a_face_that_cannot_be_read_is_called_the_same_in_all_of_a_video(
    analyzer: Analyzer, tmp_path: Path
) -> None:
    face = analyzer.analyze(IMAGE).faces
    dark = PlainAnalyzer(
        FakeDetector(face),
        analyzer._classifier,
        detector_name=analyzer.detector_name,
        classifier_name=analyzer.classifier_name,
    )
    image = IMAGE // 16
    path = write_video(tmp_path / "v.mkv", [image] * FRAMES, rate=6, codec="ffv1", pix_fmt="bgr0")
    settings = ClipSettings(StreamSettings(reads_followed=True))
    clip = clip_of(path, dark, settings)
    overlay = Overlay.of_clip(clip, None, hides_others=False)
    assert labels_of(clip.readings) == {"too dark"}
    assert dark.analyze(image).flaws == ("too dark",), "as a picture it says so beside its label"
    assert {text.split(maxsplit=1)[1] for text in overlay._columns.captions} == {"too dark"}
    files = labels_in_files(clip, dark, settings)
    assert files == {name: {"too dark"} for name in ("a.csv", "a.parquet", "a.json")}
    assert tracks_of(clip.readings)[0].seconds == {}


def test_a_face_that_changes_is_judged_by_what_is_left_of_it_now(analyzer: Analyzer) -> None:
    """The share on the requested expressions is smoothed as the probabilities are."""
    neutral = ferapp.read_image(SAMPLES / "mona-lisa.jpg")
    settings = StreamSettings(
        AnalysisSettings(classes=("neutral", "contempt"), unsure_below=0.0),
        time_constant_s=0,
        hold_s=0,
        detect_every=1,
    )
    stream = Stream(analyzer, Clock())
    seen = []
    for n, image in enumerate([IMAGE] * 5 + [neutral] * 5):
        frame = stream.process(image, n / 10, settings)
        seen += [face.expression for face in frame.faces]
    assert None in seen and seen[-1] == "neutral"


def test_the_video_keeps_every_bit(folder: Path) -> None:
    """Otherwise the tests above would compare two pictures."""
    np.testing.assert_array_equal(images_of(folder / "video.mkv")[0], IMAGE)


def plain(value: Any) -> bool:
    """Whether this is what `json.loads` would give."""
    if isinstance(value, dict):
        return all(type(name) is str and plain(each) for name, each in value.items())
    if isinstance(value, list | tuple):
        return type(value) in (list, tuple) and all(plain(each) for each in value)
    return value is None or type(value) in (bool, int, float, str)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(AnalysisSettings(), id="defaults"),
        pytest.param(
            AnalysisSettings(
                ferapp.DetectionSettings(np.float32(0.5), np.float64(0.3), np.int64(9)),
                np.float32(0.1),
                ("happiness", "neutral"),
                np.float32(0.25),
            ),
            id="numbers of NumPy",
        ),
    ],
)
def test_records_hold_nothing_but_plain_values(
    settings: AnalysisSettings, analyzer: Analyzer, folder: Path
) -> None:
    analysis = replace(
        analyzer.analyze(IMAGE, settings), smiles=np.array([True]), notes=("a note",)
    )
    clip_settings = ClipSettings(StreamSettings(settings, reads_followed=True))
    clip = clip_of(folder / "video.mkv", analyzer, clip_settings)
    recording = recording_of_clip("a", clip, analyzer, clip_settings)
    records = [
        analysis.to_record(),
        PictureRecord.of(analysis).to_json(),
        *(face.to_json() for face in PictureRecord.of(analysis).faces),
        *(track.to_json() for track in tracks_of(clip.readings)),
        recording.settings,
        recording.models,
        analysis.expressions,
        analysis.face_labels,
        analysis.labels,
    ]
    for record in records:
        assert plain(record), record
        json.dumps(record, allow_nan=False)
    assert type(recording.unsure_below) is float
    exchange.to_json(recording, clip.readings)
    table = pandas.read_csv(io.StringIO(analysis.to_frame().to_csv(index=False)))
    assert len(table) == 1


def test_no_face_gives_a_plain_record_too() -> None:
    empty = FrameAnalysis(
        (np.int64(4), np.int64(3)),  # type: ignore[arg-type]
        Faces.empty(),
        EXPRESSIONS,
        np.empty((0, 8), np.float32),
        np.float32(0.5),  # type: ignore[arg-type]
    )
    assert plain(empty.to_record()) and empty.face_labels == []


def test_screen_readers_hear_the_label_first_among_equals() -> None:
    text = alt_text(EXPRESSIONS, Even().classify([IMAGE])[0])
    assert text.startswith("sadness 50 %, fear 50 %, neutral")
