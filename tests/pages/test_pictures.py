"""The pictures page in AppTest, without a browser."""

import re
import threading
import time
import weakref

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ferapp.errors import WrongHash
from ferapp.media.images import jpeg_bytes, read_image
from ferapp.pipeline.analyzer import Analyzer
from ferapp.serving.turns import Turns
from ferapp.types import FrameAnalysis
from ferapp.ui.pictures import analysis, view
from ferapp.ui.shared import resources
from tests.support.apps import (
    ASTRONAUT,
    HOPPER,
    THREE,
    blur,
    components,
    explorer,
    open_app,
    page_text,
    select_picture,
    upload,
)


@pytest.fixture
def analyses(monkeypatch: pytest.MonkeyPatch) -> list[FrameAnalysis]:
    """The results of all analyses, in order."""
    results: list[FrameAnalysis] = []
    real = Analyzer.analyze

    def analyze(self: Analyzer, *args: object) -> FrameAnalysis:
        results.append(real(self, *args))
        return results[-1]

    monkeypatch.setattr(Analyzer, "analyze", analyze)
    return results


def test_the_empty_page_says_what_to_do() -> None:
    at = open_app()
    assert not at.exception
    assert "Or look at a sample" in page_text(at) and "not a feeling" in page_text(at)
    assert "prohibited in the EU" in page_text(at)


def test_who_comes_for_the_first_time_sees_a_picture_that_is_analysed() -> None:
    at = open_app()
    names = [face["name"] for face in explorer(at)["faces"]]
    assert names == ["1 · happiness", "2 · neutral", "3 · neutral"], "from left to right"
    assert explorer(at)["alt"] == "3 faces: 2 neutral, 1 happiness"


def test_a_picture_gives_a_card_a_table_and_downloads() -> None:
    at = upload(open_app(), a=ASTRONAUT)
    assert not at.exception
    assert "1 · happiness" in page_text(at) and "Probability > 99 %" in page_text(at)
    assert at.dataframe[0].value["expression"].tolist() == ["happiness"]
    labels = {button.label for button in at.get("download_button")}
    assert labels == {"Annotated picture (PNG)", "Table (CSV)", "Everything (JSON)"}
    assert len(explorer(at)["faces"][0]["rows"]) == 8


def test_a_rerun_does_not_analyse_again(analyses: list[FrameAnalysis]) -> None:
    at = open_app()
    analyses.clear()
    upload(at, a=ASTRONAUT)
    at.run().run()
    assert len(analyses) == 1
    at.slider(key="confidence").set_value(0.3).run()
    assert len(analyses) == 2, "another setting is another analysis"


def test_no_result_outlives_its_picture() -> None:
    at = upload(open_app(), a=ASTRONAUT)
    upload(at, b=HOPPER)
    assert "1 · happiness" not in page_text(at) and "1 · neutral" in page_text(at)
    assert len(at.session_state["outcomes"]) == 1
    at.file_uploader[0].set_value([]).run()
    assert "b.jpg" not in page_text(at)
    assert [key[0] for key in at.session_state["outcomes"]] == ["sample:three-portraits.jpg"]


def test_landmarks_are_shown_and_written_once_they_are_switched_on() -> None:
    at = upload(open_app(), a=ASTRONAUT)
    (face,) = explorer(at)["faces"]
    assert face["points"] == [] and face["measures"] == []
    assert "head_pose" not in at.dataframe[0].value
    at.toggle(key="landmarks").set_value(True).run()
    assert not at.exception
    (face,) = explorer(at)["faces"]
    assert len(face["points"]) == 68 and face["measures"][0][0] == "Brow height"
    x, y, width, height = face["box"]
    inside = [x < px < x + width and y < py < y + 1.1 * height for px, py in face["points"]]
    assert sum(inside) > 60, "the points lie on the face"
    assert any("Head:" in line and "estimates" in line for line in face["remarks"])
    assert "not action units" in page_text(at)
    table = at.dataframe[0].value
    assert table["mouth_width"].notna().all() and len(table.filter(like="landmark_").columns) == 136
    at.toggle(key="landmarks").set_value(False).run()
    assert explorer(at)["faces"][0]["points"] == []


def test_a_waiting_visitor_sees_the_queue_position(monkeypatch: pytest.MonkeyPatch) -> None:
    positions: list[int] = []
    monkeypatch.setattr(
        "ferapp.ui.pictures.analysis._queue_text", lambda n: positions.append(n) or "waiting"
    )
    at = open_app()
    busy, free = Turns(1, most_waiting=9), threading.Event()
    monkeypatch.setattr("ferapp.ui.pictures.analysis.turns", lambda: busy)

    def occupy() -> None:
        with busy.hold_turn():
            free.wait(10)

    threading.Thread(target=occupy, daemon=True).start()
    while not busy.active_count:
        time.sleep(0.01)
    threading.Timer(1, free.set).start()
    upload(at, a=ASTRONAUT)
    assert len(at.session_state["outcomes"]) == 1 and not at.exception
    assert set(positions) == {1}


def test_a_full_server_gives_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    at = open_app()
    monkeypatch.setattr("ferapp.ui.pictures.analysis.turns", lambda: Turns(0, most_waiting=0))
    assert "The server is full" in page_text(upload(at, a=ASTRONAUT)) and not at.exception


@pytest.fixture
def decoded_sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of each file that the pictures page decodes, in order."""
    sizes: list[int] = []

    def decode(data: bytes) -> np.ndarray:
        sizes.append(len(data))
        return read_image(data)

    monkeypatch.setattr(analysis, "read_image", decode)
    monkeypatch.setattr(view, "read_image", decode)
    return sizes


@pytest.mark.parametrize("data", [ASTRONAUT, THREE], ids=["one face", "three faces"])
def test_an_upload_is_decoded_once_for_one_view(decoded_sizes: list[int], data: bytes) -> None:
    at = open_app()
    decoded_sizes.clear()
    upload(at, a=data).run().run()
    assert decoded_sizes == [len(data)] and explorer(at) and not at.exception


def test_a_picture_without_a_face_is_decoded_once(
    decoded_sizes: list[int], photo: np.ndarray
) -> None:
    at = open_app()
    decoded_sizes.clear()
    upload(at, a=jpeg_bytes(photo)).run()
    assert len(decoded_sizes) == 1 and "**No face found**" in page_text(at)


def test_each_new_view_of_a_picture_decodes_it_once(decoded_sizes: list[int]) -> None:
    at = open_app()
    decoded_sizes.clear()
    upload(at, a=THREE, b=HOPPER)
    assert decoded_sizes == [len(THREE), len(HOPPER)], "the first is shown"
    select_picture(at, 1)
    assert decoded_sizes[2:] == [len(HOPPER)]
    select_picture(at, 0)
    assert decoded_sizes[3:] == [len(THREE)]
    blur(at, 2)
    assert decoded_sizes[4:] == [len(THREE)], "one face is blurred"
    at.slider(key="confidence").set_value(0.3).run()
    assert decoded_sizes[5:] == [len(THREE), len(HOPPER)], "another analysis, with the blurred face"
    at.run()
    assert len(decoded_sizes) == 7 and not at.exception


def test_pixels_are_held_only_during_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only turns limit how many decoded pictures are in memory at once."""
    queue, images = Turns(1, most_waiting=9), []

    def decode(data: bytes) -> np.ndarray:
        assert queue.active_count == 1 and all(old() is None for old in images)
        image = read_image(data)
        images.append(weakref.ref(image))
        return image

    for module in (analysis, view):
        monkeypatch.setattr(module, "turns", lambda: queue)
        monkeypatch.setattr(module, "read_image", decode)
    at = open_app()
    images.clear()
    upload(at, a=THREE, b=HOPPER)
    select_picture(at, 1)
    assert len(images) == 3 and all(old() is None for old in images) and not at.exception


def test_the_same_name_for_another_picture_is_another_picture() -> None:
    at = upload(open_app(), a=ASTRONAUT)
    assert "1 · neutral" in page_text(upload(at, a=HOPPER))


def test_two_visitors_see_only_their_own_results() -> None:
    first, second = open_app(), open_app()
    upload(first, a=ASTRONAUT)
    upload(second, b=HOPPER)
    first.run()
    assert "1 · happiness" in page_text(first) and "· neutral" not in page_text(first)
    assert "1 · neutral" in page_text(second) and "· happiness" not in page_text(second)


def test_models_load_once_for_all_visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = resources.load_analyzer

    def load(*args: object, **options: object) -> Analyzer:
        calls.append(args)
        return real(*args, **options)

    resources.analyzer.clear()
    monkeypatch.setattr(resources, "load_analyzer", load)
    open_app()
    upload(open_app(), a=ASTRONAUT)
    assert len(calls) == 1


def test_one_bad_file_among_good_ones_gives_one_message() -> None:
    at = upload(open_app(), a=ASTRONAUT, b=b"GIF89a", c=HOPPER)
    assert "**3 pictures, 2 faces**, 1 could not be read" in page_text(at)
    select_picture(at, 1)
    assert "b.jpg: The picture is damaged, or a kind of GIF that can't be read" in page_text(at)
    assert at.dataframe[0].value["picture"].tolist() == [1, 3]
    assert not at.exception


@pytest.mark.parametrize("has_face", [False, True])
def test_a_large_picture_has_a_note_about_small_faces(has_face: bool) -> None:
    large = np.full((960, 1280, 3), 90, np.uint8)
    if has_face:
        large[:512, :512] = read_image(ASTRONAUT)
        large = np.pad(large, ((0, 1000), (0, 1300), (0, 0)), constant_values=90)
    text = page_text(upload(open_app(), a=jpeg_bytes(large)))
    assert ("1 · " in text) == has_face and "pixels may be missing" in text
    assert "pixels may be missing" not in page_text(upload(open_app(), a=HOPPER))


def test_a_file_without_a_face_shows_no_error(photo: np.ndarray) -> None:
    at = upload(open_app(), a=jpeg_bytes(photo))
    assert "**No face found**" in page_text(at) and not at.error and not at.exception


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>",
        "![t](http://127.0.0.1:9/t.png)",
        ":material/home: $x^2$ :red[x]",
        "../../../../etc/passwd",
    ],
)
def test_file_names_are_never_markdown(name: str) -> None:
    at = upload(open_app(), **{name: b"GIF89a"})
    assert name in "\n".join(text.value for text in at.text)
    assert name not in "\n".join(m.value for m in [*at.markdown, *at.caption])


def boxes(at: AppTest) -> np.ndarray:
    outcome = next(iter(at.session_state["outcomes"].values()))
    return outcome.analysis.faces.xyxy.astype(int)


def detail(picture: np.ndarray, box: np.ndarray) -> float:
    """Mean difference of neighbouring pixels inside a box, without its frame."""
    x1, y1, x2, y2 = box
    inside = picture[y1 + 4 : y2 - 4, x1 + 4 : x2 - 4].astype(int)
    return float(np.abs(np.diff(inside, axis=1)).mean())


def test_a_deselected_face_stays_blurred() -> None:
    at = upload(open_app(), a=THREE, b=HOPPER)
    before, hidden = read_image(at.session_state["picture"][1]), boxes(at)[2]
    blur(at, 2)
    assert [face["is_hidden"] for face in explorer(at)["faces"]] == [False, False, True]
    for _ in range(2):
        after = read_image(at.session_state["picture"][1])
        assert detail(after, hidden) < 0.4 * detail(before, hidden)
        for visible in boxes(at)[:2]:
            assert detail(after, visible) > 0.8 * detail(before, visible)
        select_picture(at, 1)
        select_picture(at, 0)
    at.selectbox(key="detector").select("haar").run()
    after = read_image(at.session_state["picture"][1])
    assert detail(after, hidden) < 0.4 * detail(before, hidden)


def test_the_shown_picture_stays_when_settings_change() -> None:
    at = upload(open_app(), a=ASTRONAUT, b=HOPPER)
    select_picture(at, 1)
    at.slider(key="confidence").set_value(0.95).run()
    sheet = components(at)["sheet"]
    assert sheet["chosen"] == sheet["items"][1]["id"] and "b.jpg" in sheet["items"][1]["title"]


def test_nothing_of_a_removed_picture_is_kept() -> None:
    at = upload(open_app(), a=THREE)
    blur(at, 1, 2)
    removed = next(iter(at.session_state["hidden"]))
    at.file_uploader[0].set_value([]).run()
    assert [key[0] for key in at.session_state["outcomes"]] == ["sample:three-portraits.jpg"]
    for kept in ("picture", "crops"):
        assert at.session_state[kept][0][0] != removed
    assert removed not in at.session_state["hidden"] and not at.session_state["uploads"]


def test_another_threshold_starts_no_analysis(analyses: list[FrameAnalysis]) -> None:
    at = open_app()
    analyses.clear()
    upload(at, a=HOPPER)
    at.slider(key="unsure-seresnet-48-int8").set_value(95).run()
    assert len(analyses) == 1 and "1 · unsure" in page_text(at)


def test_chosen_classes_are_renormalised_and_named() -> None:
    at = upload(open_app(), a=ASTRONAUT)
    at.multiselect(key="classes").set_value(["happiness", "neutral"]).run()
    assert "renormalised over neutral, happiness" in page_text(at)
    assert "anger" not in at.dataframe[0].value.columns


def test_under_the_threshold_a_face_is_unsure() -> None:
    at = upload(open_app(), a=HOPPER)
    at.slider(key="unsure-seresnet-48-int8").set_value(95).run()
    assert "1 · unsure" in page_text(at) and re.search(r"neutral at [78]\d %", page_text(at))


def test_a_face_whose_expression_was_left_out_says_so() -> None:
    at = upload(open_app(), a=HOPPER)
    at.multiselect(key="classes").set_value(["happiness", "surprise"]).run()
    assert "1 · unsure" in page_text(at) and "expressions that you left out" in page_text(at)
    at.multiselect(key="classes").set_value(["happiness"]).run()
    assert "Choose at least one more" in page_text(at) and "1 · neutral" in page_text(at)


def test_reset_restores_the_defaults() -> None:
    at = upload(open_app(), a=ASTRONAUT)
    at.slider(key="confidence").set_value(0.95)
    at.toggle(key="smile").set_value(True).run()
    assert "Smile cascade: a smile" in page_text(at)
    next(button for button in at.button if button.label == "Reset").click().run()
    assert at.slider(key="confidence").value == 0.5 and not at.toggle(key="smile").value


def test_a_sample_is_one_click_away() -> None:
    at = open_app()
    assert {item["id"] for item in components(at)["samples"]["items"]} >= {"grace-hopper.jpg"}
    at.session_state["sample"] = "grace-hopper.jpg"
    at.run()
    assert explorer(at)["alt"] == "1 face: 1 neutral" and not at.exception
    assert "samples" not in components(upload(at, a=ASTRONAUT)), "who has pictures needs none"


def test_too_many_files_give_a_message_before_the_analysis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ferapp.ui.pictures.sources.MAX_FILES", 2)
    at = upload(open_app(), a=ASTRONAUT, b=HOPPER, c=THREE)
    assert "3 files are too many at once: the first 2 are analysed" in page_text(at)
    assert "**2 pictures, 2 faces**" in page_text(at)


def test_broken_weights_give_a_message_and_the_app_continues(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load(*_: object, **__: object) -> Analyzer:
        raise WrongHash("x.onnx is not the file that the manifest names.")

    resources.analyzer.clear()
    monkeypatch.setattr(resources, "load_analyzer", load)
    at = upload(open_app(), a=ASTRONAUT)
    assert "**This did not work**" in page_text(at) and "x.onnx is not the file" in page_text(at)
    assert not at.exception
    monkeypatch.undo()
    resources.analyzer.clear()
    assert "1 · happiness" in page_text(at.run())


def test_a_face_that_is_too_small_gets_no_label() -> None:
    tiny = read_image(ASTRONAUT)[::5, ::5]
    at = upload(open_app(), a=jpeg_bytes(np.pad(tiny, ((0, 60), (0, 60), (0, 0)))))
    faces = explorer(at)["faces"]
    assert [face["label"] for face in faces] == ["too small"] and not faces[0]["rows"]
    assert faces[0]["remarks"] == ["No label: this face is too small."]
    assert at.dataframe[0].value["flaw"].tolist() == ["too small"]


def test_a_preset_stands_for_a_detector_and_experts_may_choose_another() -> None:
    at = upload(open_app(), a=THREE)
    assert at.radio(key="preset").value == "quick"
    at.radio(key="preset").set_value("careful").run()
    assert at.selectbox(key="detector").value == "ssd-320-int8-4-parts"
    assert "with ssd-320-int8-4-parts and" in page_text(at)
    at.selectbox(key="detector").select("haar").run()
    assert at.radio(key="preset").value is None and "with haar and" in page_text(at)
    at.radio(key="preset").set_value("crowd").run()
    assert "with ssd-320-int8-16-parts and" in page_text(at) and not at.exception
    next(button for button in at.button if button.label == "Reset").click().run()
    assert at.radio(key="preset").value == "quick"


def compare(at: AppTest) -> AppTest:
    return at.toggle(key="compares").set_value(True).run()


def test_two_detectors_are_compared_on_the_same_picture() -> None:
    at = compare(upload(open_app(), a=THREE))
    at.selectbox(key="other-detector").select("haar").run()
    text = page_text(at)
    assert "**A** · ssd-320-int8, seresnet-48-int8" in text
    assert "**B** · haar, seresnet-48-int8" in text and "Both found" in text
    table = at.dataframe[0].value
    assert list(table.columns) == ["face", "A", "B", "differs"] and len(table) >= 3
    assert set(table["A"]) != set(table["B"]), "their boxes differ, and so the probabilities"
    at.selectbox(key="other-detector").select("ssd-320-int8").run()
    assert "These are the models above" in page_text(at) and not at.exception


def test_a_comparison_is_made_once(analyses: list[FrameAnalysis]) -> None:
    at = compare(upload(open_app(), a=THREE))
    analyses.clear()
    at.run().run()
    assert not analyses and "Both found 3 faces" in page_text(at)
    blur(at, 0)
    assert len(analyses) == 1, "another face is blurred in its pictures"


def test_a_comparison_is_forgotten_with_its_picture() -> None:
    at = compare(upload(open_app(), a=THREE))
    removed = at.session_state["comparison"][0][0]
    at.file_uploader[0].set_value([]).run()
    assert at.session_state["comparison"][0][0] != removed


def test_samples_are_gone_while_an_upload_is_analysed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier run showed stays on the page until the script ends, if nothing clears it."""
    at = open_app()
    seen: list[str] = []
    monkeypatch.setattr("ferapp.ui.pictures.analysis._work_off", lambda *_: seen.append("run"))
    upload(at, a=ASTRONAUT)
    assert seen and "samples" not in components(at)
    assert not [key for key in components(at) if key.startswith("explorer-")]
