"""The pages as a visitor's session sees them, without a browser."""

import json
import re
import runpy
import threading
import time
import weakref
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ferapp.errors import WrongHash
from ferapp.media.images import jpeg_bytes, read_image
from ferapp.pipeline.analyzer import Analyzer
from ferapp.serving.seats import Seats
from ferapp.serving.turns import Turns
from ferapp.types import FrameAnalysis
from ferapp.ui.live.page import _ice_servers
from ferapp.ui.live.webcam import LiveSettings
from ferapp.ui.pictures import analysis, view
from ferapp.ui.shared import resources
from tests.support.apps import ASTRONAUT, HOPPER, app, upload, words
from tests.support.fakes import Clock
from tests.support.places import ROOT, SAMPLES

THREE = (SAMPLES / "three-portraits.jpg").read_bytes()


def select_picture(at: AppTest, place: int) -> None:
    at.selectbox(key="looked-at").select_index(place).run()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[FrameAnalysis]:
    """What was analysed, in order."""
    done: list[FrameAnalysis] = []
    real = Analyzer.analyze

    def analyze(self: Analyzer, *args: object) -> FrameAnalysis:
        done.append(real(self, *args))
        return done[-1]

    monkeypatch.setattr(Analyzer, "analyze", analyze)
    return done


def test_the_empty_page_says_what_to_do() -> None:
    at = app()
    assert not at.exception
    assert "Upload a picture" in words(at) and "not a feeling" in words(at)
    assert "prohibited in the EU" in words(at)


def test_a_picture_gives_a_card_a_table_and_downloads() -> None:
    at = upload(app(), a=ASTRONAUT)
    assert not at.exception
    assert "**1 · happiness**" in words(at) and "Probability > 99 %" in words(at)
    assert at.dataframe[0].value["expression"].tolist() == ["happiness"]
    labels = {button.label for button in at.get("download_button")}
    assert labels == {"Annotated picture (PNG)", "Table (CSV)", "Everything (JSON)"}
    chart = json.loads(at.get("plotly_chart")[0].proto.spec)
    assert len(chart["data"][0]["y"]) == 8


def test_a_rerun_does_not_analyse_again(counted: list[FrameAnalysis]) -> None:
    at = upload(app(), a=ASTRONAUT)
    at.run().run()
    assert len(counted) == 1
    at.slider(key="confidence").set_value(0.3).run()
    assert len(counted) == 2, "another setting is another analysis"


def test_no_result_outlives_its_picture() -> None:
    at = upload(app(), a=ASTRONAUT)
    upload(at, b=HOPPER)
    assert "happiness**" not in words(at) and "**1 · neutral**" in words(at)
    assert len(at.session_state["outcomes"]) == 1
    at.file_uploader[0].set_value([]).run()
    assert "·" not in words(at).split("eight probabilities")[1]
    assert not at.dataframe and at.session_state["outcomes"] == {}


def test_a_waiting_visitor_sees_the_queue_position(monkeypatch: pytest.MonkeyPatch) -> None:
    positions: list[int] = []
    monkeypatch.setattr(
        "ferapp.ui.pictures.analysis._queue_text", lambda n: positions.append(n) or "waiting"
    )
    at = app()
    busy, free = Turns(1, most_waiting=9), threading.Event()
    monkeypatch.setattr("ferapp.ui.pictures.analysis.turns", lambda: busy)

    def other() -> None:
        with busy.hold_turn():
            free.wait(10)

    threading.Thread(target=other, daemon=True).start()
    while not busy.active_count:
        time.sleep(0.01)
    threading.Timer(1, free.set).start()
    upload(at, a=ASTRONAUT)
    assert len(at.session_state["outcomes"]) == 1 and not at.exception
    assert set(positions) == {1}


def test_a_full_server_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    at = app()
    monkeypatch.setattr("ferapp.ui.pictures.analysis.turns", lambda: Turns(0, most_waiting=0))
    assert "The server is full" in words(upload(at, a=ASTRONAUT)) and not at.exception


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of each picture file that the pictures page decodes, in order."""
    sizes: list[int] = []

    def read(data: bytes) -> np.ndarray:
        sizes.append(len(data))
        return read_image(data)

    monkeypatch.setattr(analysis, "read_image", read)
    monkeypatch.setattr(view, "read_image", read)
    return sizes


@pytest.mark.parametrize("data", [ASTRONAUT, THREE], ids=["one face", "three faces"])
def test_an_upload_is_decoded_once_for_one_view(decoded: list[int], data: bytes) -> None:
    at = upload(app(), a=data)
    at.run().run()
    assert decoded == [len(data)] and at.get("image") and not at.exception


def test_a_picture_without_a_face_is_decoded_once(decoded: list[int], photo: np.ndarray) -> None:
    at = upload(app(), a=jpeg_bytes(photo))
    at.run()
    assert len(decoded) == 1 and "**No face found**" in words(at)


def test_each_new_view_of_a_picture_decodes_it_once(decoded: list[int]) -> None:
    at = upload(app(), a=THREE, b=HOPPER)
    assert decoded == [len(THREE), len(HOPPER)], "the first is shown"
    select_picture(at, 1)
    assert decoded[2:] == [len(HOPPER)]
    select_picture(at, 0)
    assert decoded[3:] == [len(THREE)]
    at.get("pills")[0].set_value([0, 1]).run()
    assert decoded[4:] == [len(THREE)], "one face is blurred"
    at.slider(key="confidence").set_value(0.3).run()
    assert decoded[5:] == [len(THREE), len(HOPPER)], "another analysis, with the blurred face"
    at.run()
    assert len(decoded) == 7 and not at.exception


def test_pixels_are_held_only_during_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only turns limit how many decoded pictures are in memory at once."""
    one, live = Turns(1, most_waiting=9), []

    def read(data: bytes) -> np.ndarray:
        assert one.active_count == 1 and all(picture() is None for picture in live)
        image = read_image(data)
        live.append(weakref.ref(image))
        return image

    for module in (analysis, view):
        monkeypatch.setattr(module, "turns", lambda: one)
        monkeypatch.setattr(module, "read_image", read)
    at = upload(app(), a=THREE, b=HOPPER)
    select_picture(at, 1)
    assert len(live) == 3 and all(picture() is None for picture in live) and not at.exception


def test_the_same_name_for_another_picture_is_another_picture() -> None:
    at = upload(app(), a=ASTRONAUT)
    assert "**1 · neutral**" in words(upload(at, a=HOPPER))


def test_two_visitors_see_their_own() -> None:
    first, second = app(), app()
    upload(first, a=ASTRONAUT)
    upload(second, b=HOPPER)
    first.run()
    assert "**1 · happiness**" in words(first) and "neutral**" not in words(first)
    assert "**1 · neutral**" in words(second) and "happiness**" not in words(second)


def test_models_load_once_for_all_visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    real = resources.load_analyzer

    def load(*args: object, **options: object) -> Analyzer:
        loaded.append(args)
        return real(*args, **options)

    resources.analyzer.clear()
    monkeypatch.setattr(resources, "load_analyzer", load)
    app()
    upload(app(), a=ASTRONAUT)
    assert len(loaded) == 1


def test_one_bad_file_among_good_ones_is_one_sentence() -> None:
    at = upload(app(), a=ASTRONAUT, b=b"GIF89a", c=HOPPER)
    assert "**3 pictures, 2 faces**, 1 could not be read" in words(at)
    select_picture(at, 1)
    assert "b.jpg: This is a GIF picture; save it as JPG or PNG and try again." in words(at)
    assert at.dataframe[0].value["picture"].tolist() == [1, 3]
    assert not at.exception


def test_a_file_without_a_face_shows_no_error(photo: np.ndarray) -> None:
    at = upload(app(), a=jpeg_bytes(photo))
    assert "**No face found**" in words(at) and not at.error and not at.exception


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>",
        "![t](http://127.0.0.1:9/t.png)",
        ":material/home: $x^2$ :red[x]",
        "../../../../etc/passwd",
    ],
)
def test_names_of_files_reach_no_markdown(name: str) -> None:
    at = upload(app(), **{name: b"GIF89a"})
    assert name in "\n".join(text.value for text in at.text)
    assert name not in "\n".join(m.value for m in [*at.markdown, *at.caption])


def boxes(at: AppTest) -> np.ndarray:
    outcome = next(iter(at.session_state["outcomes"].values()))
    return outcome.analysis.faces.xyxy.astype(int)


def detail(picture: np.ndarray, box: np.ndarray) -> float:
    """How much neighbouring pixels differ inside a box, without its frame."""
    x1, y1, x2, y2 = box
    inside = picture[y1 + 4 : y2 - 4, x1 + 4 : x2 - 4].astype(int)
    return float(np.abs(np.diff(inside, axis=1)).mean())


def test_a_face_that_is_taken_away_is_blurred_and_stays_so() -> None:
    at = upload(app(), a=THREE, b=HOPPER)
    whole, away = read_image(at.session_state["picture"][1]), boxes(at)[2]
    at.get("pills")[0].set_value([0, 1]).run()
    for _ in range(2):
        shown = read_image(at.session_state["picture"][1])
        assert detail(shown, away) < 0.4 * detail(whole, away)
        for kept in boxes(at)[:2]:
            assert detail(shown, kept) > 0.8 * detail(whole, kept)
        select_picture(at, 1)
        select_picture(at, 0)
    at.selectbox(key="detector").select("haar").run()
    assert detail(read_image(at.session_state["picture"][1]), away) < 0.4 * detail(whole, away)


def test_the_picture_that_is_looked_at_stays_when_settings_change() -> None:
    at = upload(app(), a=ASTRONAUT, b=HOPPER)
    select_picture(at, 1)
    at.slider(key="confidence").set_value(0.95).run()
    assert next(box for box in at.selectbox if box.label == "Picture").index == 1


def test_nothing_is_kept_of_a_picture_that_was_removed() -> None:
    at = upload(app(), a=THREE)
    at.get("pills")[0].set_value([0]).run()
    at.file_uploader[0].set_value([]).run()
    assert "picture" not in at.session_state and "crops" not in at.session_state
    assert not at.session_state["outcomes"] and not at.session_state["hidden"]
    assert not at.session_state["uploads"]


def test_another_threshold_is_no_new_analysis(counted: list[FrameAnalysis]) -> None:
    at = upload(app(), a=HOPPER)
    at.slider(key="unsure-seresnet-48-int8").set_value(95).run()
    assert len(counted) == 1 and "**1 · unsure**" in words(at)


def test_uploads_never_touch_the_disk() -> None:
    from starlette.formparsers import MultiPartParser

    runpy.run_path(str(ROOT / "app.py"))
    limit = MultiPartParser.spool_max_size
    config = (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert limit >= 1024**2 * int(re.search(r"maxUploadSize = (\d+)", config)[1])


def test_chosen_classes_are_renormalised_and_said() -> None:
    at = upload(app(), a=ASTRONAUT)
    at.multiselect(key="classes").set_value(["happiness", "neutral"]).run()
    assert "renormalised over neutral, happiness" in words(at)
    assert "anger" not in at.dataframe[0].value.columns


def test_under_the_threshold_a_face_is_unsure() -> None:
    at = upload(app(), a=HOPPER)
    at.slider(key="unsure-seresnet-48-int8").set_value(95).run()
    assert "**1 · unsure**" in words(at) and re.search(r"neutral at [78]\d %", words(at))


def test_a_face_whose_expression_was_left_out_says_so() -> None:
    at = upload(app(), a=HOPPER)
    at.multiselect(key="classes").set_value(["happiness", "surprise"]).run()
    assert "**1 · unsure**" in words(at) and "expressions that you left out" in words(at)
    at.multiselect(key="classes").set_value(["happiness"]).run()
    assert "Choose at least one more" in words(at) and "**1 · neutral**" in words(at)


def test_reset_brings_the_defaults_back() -> None:
    at = upload(app(), a=ASTRONAUT)
    at.slider(key="confidence").set_value(0.95)
    at.toggle(key="smile").set_value(True).run()
    assert "Smile cascade: a smile" in words(at)
    next(button for button in at.button if button.label == "Reset").click().run()
    assert at.slider(key="confidence").value == 0.5 and not at.toggle(key="smile").value


def test_a_sample_is_one_click_away() -> None:
    at = app()
    at.get("button_group")[0].set_value("Samples").run()
    at.button(key="grace-hopper.jpg").click().run()
    assert "**1 · neutral**" in words(at) and not at.exception


def test_too_many_files_are_named_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ferapp.ui.pictures.sources.MAX_FILES", 2)
    at = upload(app(), a=ASTRONAUT, b=HOPPER, c=THREE)
    assert "3 files are too many at once: the first 2 are analysed" in words(at)
    assert "**2 pictures, 2 faces**" in words(at)


def test_broken_weights_are_a_sentence_and_the_app_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load(*_: object, **__: object) -> Analyzer:
        raise WrongHash("x.onnx is not the file that the manifest names.")

    resources.analyzer.clear()
    monkeypatch.setattr(resources, "load_analyzer", load)
    at = upload(app(), a=ASTRONAUT)
    assert "**This did not work**" in words(at) and "x.onnx is not the file" in words(at)
    assert not at.exception
    monkeypatch.undo()
    resources.analyzer.clear()
    assert "**1 · happiness**" in words(at.run())


@pytest.mark.usefixtures("without_webrtc_session")
@pytest.mark.parametrize("page", sorted(p.name for p in (ROOT / "pages").glob("*.py")))
def test_every_page_stands_alone(page: str) -> None:
    at = app(page)
    assert not at.exception and at.title and "not a feeling" in words(at)
    assert "people who agreed" in words(at) and "prohibited in the EU" in words(at)


def test_the_about_page_tells_limits_law_models_and_licences() -> None:
    at = app("about.py")
    told = words(at)
    assert "has not been measured" in told and "Article 5(1)(f)" in told and "MIT licence" in told
    assert "must be informed (Article 50(3)" in told and "not on children without" in told
    models, licences = (frame.value for frame in at.dataframe)
    assert "seresnet-48-int8 (default)" in models["model"].tolist()
    assert {"streamlit", "onnxruntime", "numpy"} <= set(licences["library"])
    assert not [name for name in licences["licence"] if "GPL" in name and "LGPL" not in name]


def test_the_config_keeps_strangers_out_and_data_in() -> None:
    text = Path(ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    for line in (
        'address = "127.0.0.1"',
        "gatherUsageStats = false",
        'showErrorDetails = "none"',
        "enableXsrfProtection = true",
        "enableCORS = true",
        "postScriptGC = false",
    ):
        assert line in text


@pytest.fixture
def without_webrtc_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """streamlit-webrtc asks the server for its session, which there is none of in these tests."""
    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)


@pytest.mark.usefixtures("without_webrtc_session")
def test_the_live_page_waits_for_start() -> None:
    at = app("live.py")
    assert not at.exception and "Press START" in words(at)
    buttons = {b.label: b.disabled for b in at.button}
    assert buttons["Take neutral baseline"] and buttons["Forget it"]


@pytest.mark.usefixtures("without_webrtc_session")
def test_a_full_server_gives_a_place_in_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    seats = Seats(1, lambda: 0.0)
    seats.place("somebody else")
    monkeypatch.setattr("ferapp.ui.live.page._seats", lambda: seats)
    at = app("live.py")
    assert "You are number 1 in the queue" in words(at) and not at.exception
    seats.leave("somebody else")
    assert "Press START" in words(at.run())


@pytest.mark.usefixtures("without_webrtc_session")
def test_who_streams_keeps_the_seat_however_long_the_page_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    seats = Seats(1, clock)
    monkeypatch.setattr("ferapp.ui.live.page._seats", lambda: seats)
    me = app("live.py").session_state["viewer"]
    me.settings = LiveSettings(is_paused=True)
    grey = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")
    grey.pts, grey.time_base = 0, Fraction(1, 90_000)
    for clock.now_s in np.arange(0.0, 30.0, 2.0):
        me.on_frame(grey)
        assert seats.place("somebody else") == 1
    clock.now_s = 60.0
    assert seats.place("somebody else") == 0, "no frame for long"


@pytest.mark.usefixtures("without_webrtc_session")
def test_live_settings_reach_the_frames_at_once() -> None:
    at = app("live.py")
    at.slider(key="live-smoothing").set_value(1.5)
    at.toggle(key="live-mirror").set_value(False)
    at.slider(key="confidence").set_value(0.7).run()
    how = at.session_state["viewer"].settings
    assert how.stream.time_constant_s == 1.5 and not how.is_mirrored
    assert how.stream.analysis.detection.confidence == 0.7


def test_nobody_is_asked_for_a_connection_by_default() -> None:
    assert _ice_servers() == []
