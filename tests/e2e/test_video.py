"""A video from the upload to the annotated copy, in a real browser."""

import io
import time
from pathlib import Path

import av
import numpy as np
import pandas
import pytest

from ferapp.media.encoder import Encoder
from ferapp.sessions.formats.exchange import read
from ferapp.ui.live.webcam import demo_frame
from tests.e2e.conftest import Server, Visit, sync_api
from tests.support.browser import (
    LOOKS,
    agree,
    download,
    is_wider_than_the_window,
    open_view,
    take_screenshot,
    wait_for_chart,
    wait_for_video,
)
from tests.support.videos import write_video

pytestmark = pytest.mark.e2e

RATE = 15
SECONDS = 12.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people, one after the other, as a camera would film them."""
    path = tmp_path_factory.mktemp("clip") / "a clip.mp4"
    with Encoder(path, (640, 480)) as encoder:
        for number in range(int(SECONDS * RATE)):
            encoder.add(demo_frame(number / RATE), number / RATE)
    return path


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that is long enough to cancel its analysis: two minutes, twenty times."""
    folder = tmp_path_factory.mktemp("clip")
    frames = [demo_frame(number / RATE) for number in range(24 * RATE)]
    with Encoder(folder / "once.mp4", (640, 480)) as encoder:
        for number in range(5 * len(frames)):
            encoder.add(frames[number % len(frames)], number / RATE)
    return repeat(folder / "once.mp4", 20, folder / "long.mp4")


def repeat(path: Path, times: int, out: Path) -> Path:
    """A video several times in a row, without encoding it again."""
    with av.open(str(out), "w") as container:
        stream = None
        shift = 0
        for _ in range(times):
            with av.open(str(path)) as source:
                stream = stream or container.add_stream_from_template(source.streams.video[0])
                packets = [packet for packet in source.demux(video=0) if packet.dts is not None]
            for packet in packets:
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = stream
                container.mux(packet)
            shift += sum(packet.duration for packet in packets)
    return out


def open_video_file(server: Server, visit: Visit, **look: object) -> "sync_api.Page":
    page = visit(f"{server.url}/video", **look)
    page.get_by_role("heading", name="Video", exact=True).wait_for()
    return page


def choose(page: "sync_api.Page", path: Path) -> None:
    """Upload a video in place of the one before."""
    for remove in page.get_by_role("button", name="Remove ").all():
        remove.click()
        page.get_by_text("Choose a video, or try the demo clip").wait_for()
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_text("How it is read").wait_for()


def analyse(page: "sync_api.Page") -> None:
    page.get_by_role("button", name="Analyse").click()


def child_pids(pid: int) -> list[int]:
    """Ids of the running child processes of a process."""
    pids = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            pids += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return pids


def has_no_children(pid: int, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while child_pids(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_a_clip_is_cancelled_analysed_copied_and_kept(
    fresh_server: Server, visit: Visit, clip: Path, long_clip: Path
) -> None:
    page = open_video_file(fresh_server, visit)
    choose(page, long_clip)
    analyse(page)
    page.get_by_text("% read").wait_for()
    page.get_by_alt_text("The last frame that was analysed").wait_for()
    page.get_by_text("% read · ").wait_for()
    # By key: a busy machine moves the page too slowly to call the button still.
    page.get_by_role("button", name="Cancel").press("Enter")
    page.get_by_text("Cancelled; nothing was kept.").wait_for()
    assert has_no_children(fresh_server.pid, 5)

    choose(page, clip)
    page.get_by_text("About 180 frames will be read.").wait_for(state="attached")
    analyse(page)
    page.get_by_text("2 faces in 00:12").wait_for()
    page.locator(".player").wait_for()
    open_view(page, "Files")
    recording, readings = read("readings.csv", download(page, "CSV"))
    assert readings.faces == [1, 2] and np.all(np.diff(readings.at_s) >= 0)
    assert readings.at_s.max() == pytest.approx(SECONDS - 1 / RATE, abs=0.01)
    assert "happiness" in recording.labels
    exported, same = read("readings.parquet", download(page, "Parquet"))
    assert exported.source == "video" and np.array_equal(same.xyxy, readings.xyxy)
    table = pandas.read_csv(io.BytesIO(download(page, "CSV")))
    assert len(table) == len(readings)

    original = page.locator("video").get_attribute("src")
    page.get_by_role("button", name="Make an annotated copy").click()
    page.get_by_role("button", name="Download the copy").wait_for()
    player = page.locator("video")
    player.wait_for()
    assert player.get_attribute("src") != original, "which would show the faces that are blurred"
    page.get_by_role("button", name="Play", exact=True).click()
    wait_for_video(page, "v.currentTime > 0.5")
    assert player.evaluate("v => [v.videoWidth, v.videoHeight]") == [640, 480]
    with av.open(io.BytesIO(download(page, "Download the copy"))) as copy:
        assert copy.streams.video[0].codec_context.name == "h264"
        assert sum(1 for _ in copy.decode(video=0)) == 180

    page.get_by_role("button", name="Keep as a session").click()
    agree(page)
    page.get_by_text("Kept as a session.").wait_for()
    page.get_by_role("link", name="Open the dashboard").click()
    page.get_by_role("heading", name="Dashboard").wait_for()
    page.get_by_text(f"· {len(readings)} readings with").wait_for()
    wait_for_chart(page)
    assert has_no_children(fresh_server.pid, 5)


def test_closing_the_tab_ends_the_analysis(
    fresh_server: Server, visit: Visit, long_clip: Path
) -> None:
    page = open_video_file(fresh_server, visit)
    choose(page, long_clip)
    analyse(page)
    page.get_by_text("% read").wait_for()
    assert child_pids(fresh_server.pid)
    page.close()
    assert has_no_children(fresh_server.pid, 5 + 2)  # a busy machine closes the connection late


def test_the_analysis_continues_while_another_page_is_open(
    server: Server, visit: Visit, clip: Path
) -> None:
    page = open_video_file(server, visit)
    choose(page, clip)
    analyse(page)
    page.get_by_text("% read").wait_for()
    page.get_by_role("link", name="About").click()
    page.get_by_role("heading", name="About").wait_for()
    page.get_by_role("link", name="Video").click()
    page.get_by_text("2 faces in 00:12").wait_for()


@pytest.mark.parametrize("text", ["v=0\r\ns=x\r\n", "ffconcat version 1.0\nfile app.py\n", ""])
def test_a_file_that_is_no_video_gives_a_message(server: Server, visit: Visit, text: str) -> None:
    page = open_video_file(server, visit)
    page.locator("input[type=file]").set_input_files(
        {"name": "**bold** <b>.mp4", "mimeType": "video/mp4", "buffer": text.encode()}
    )
    page.get_by_text("This did not work").wait_for()
    assert page.get_by_role("button", name="Analyse").count() == 0


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_video_page_fits_every_window(
    server: Server, visit: Visit, clip: Path, scheme: str, width: int
) -> None:
    page = open_video_file(server, visit, scheme=scheme, width=width)
    take_screenshot(page, f"video-empty-{scheme}-{width}")
    choose(page, clip)
    analyse(page)
    page.get_by_text("% read").wait_for()
    take_screenshot(page, f"video-progress-{scheme}-{width}")
    page.get_by_text("2 faces in 00:12").wait_for()
    page.locator(".player .head").first.wait_for()
    assert not is_wider_than_the_window(page)
    take_screenshot(page, f"video-{scheme}-{width}")
    for view in ("Chart", "Table", "Files"):
        open_view(page, view)
        page.wait_for_timeout(1000)
        assert not is_wider_than_the_window(page)
        take_screenshot(page, f"video-{view.lower()}-{scheme}-{width}")


@pytest.fixture(scope="module")
def analysed(browser: "sync_api.Browser", server: Server, clip: Path) -> "sync_api.Page":
    """The page with the results of a clip, for all tests of its player."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(f"{server.url}/video")
    choose(page, clip)
    analyse(page)
    page.locator(".player .head").nth(1).wait_for(timeout=60_000)
    wait_for_video(page, "v.readyState >= 2")
    yield page
    context.close()


def at_s(page: "sync_api.Page") -> float:
    """Where the video is, once it is there."""
    wait_for_video(page, "!v.seeking")
    return page.locator("video").evaluate("v => v.currentTime")


def cursor_s(page: "sync_api.Page") -> float:
    """Where the cursor is in the curve."""
    return SECONDS * page.locator(".plot").evaluate(
        """plot => {
          const [track, cursor] =
            [plot, plot.querySelector('.cursor')].map(e => e.getBoundingClientRect());
          return (cursor.left + cursor.width / 2 - track.left) / track.width;
        }"""
    )


def point_at(page: "sync_api.Page", track: str, share: float) -> tuple[float, float]:
    box = page.locator(track).first.bounding_box()
    return box["x"] + share * box["width"], box["y"] + box["height"] / 2


def test_the_video_goes_where_the_curve_is_clicked_or_dragged(analysed: "sync_api.Page") -> None:
    page = analysed
    page.locator(".plot").scroll_into_view_if_needed()
    for track, share in ((".plot", 0.5), (".strip", 0.25)):
        page.mouse.click(*point_at(page, track, share))
        assert at_s(page) == pytest.approx(share * SECONDS, abs=0.15)
        assert cursor_s(page) == pytest.approx(share * SECONDS, abs=0.15)
    page.mouse.move(*point_at(page, ".plot", 0.3))
    page.mouse.down()
    page.mouse.move(*point_at(page, ".plot", 0.6), steps=5)
    page.mouse.up()
    assert at_s(page) == pytest.approx(0.6 * SECONDS, abs=0.15)


def test_the_cursor_follows_the_video_and_keys_move_both(analysed: "sync_api.Page") -> None:
    page = analysed
    page.mouse.click(*point_at(page, ".plot", 0.5))
    before = at_s(page)
    page.keyboard.press("ArrowRight")
    assert before < at_s(page) < before + 1.5 / RATE
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert before - 2 / RATE < at_s(page) <= before
    page.keyboard.press(" ")
    wait_for_video(page, f"v.currentTime > {before + 0.5}")
    page.keyboard.press(" ")
    wait_for_video(page, "v.paused")
    assert cursor_s(page) == pytest.approx(at_s(page), abs=0.15)
    said = page.locator(".plot").get_attribute("aria-valuetext")
    assert said.endswith("happiness 100 %") or "happiness 9" in said


def test_boxes_are_drawn_over_the_video_where_the_face_is(analysed: "sync_api.Page") -> None:
    page = analysed
    page.mouse.click(*point_at(page, ".plot", 0.5))
    drawn = "v.getContext('2d').getImageData(0, 0, v.width, v.height).data.some(n => n > 0)"
    wait_for_video(page, drawn, ".stage canvas")
    page.get_by_role("img", name="The video at this time: 1 happiness").wait_for()
    page.get_by_role("switch", name="Boxes").click()
    wait_for_video(page, f"!{drawn}", ".stage canvas")
    page.get_by_role("switch", name="Boxes").click()
    page.mouse.click(*point_at(page, ".plot", 0.01))
    # Nobody is there in the first second.
    wait_for_video(page, f"!{drawn}", ".stage canvas")


def test_a_face_is_chosen_by_its_picture_and_the_video_stays_where_it_is(
    analysed: "sync_api.Page",
) -> None:
    page = analysed
    page.mouse.click(*point_at(page, ".plot", 0.5))
    before = at_s(page)
    page.get_by_role("button", name="Face 2").click()
    page.get_by_role("slider", name="Expressions of face 2 over time").wait_for()
    page.get_by_role("button", name="Face 2", pressed=True).wait_for()
    assert at_s(page) == pytest.approx(before, abs=0.01)
    page.get_by_role("button", name="Face 1").click()
    page.get_by_role("slider", name="Expressions of face 1 over time").wait_for()


def test_axe_finds_nothing_grave_in_the_results(analysed: "sync_api.Page") -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(analysed, options={"resultTypes": ["violations"]}).response["violations"]
    assert not [fault["id"] for fault in found if fault["impact"] in ("serious", "critical")]


def test_two_videos_are_analysed_and_one_that_can_not_be_played_shows_its_boxes(
    server: Server, visit: Visit, tmp_path: Path
) -> None:
    frames = [demo_frame(2 + number / RATE) for number in range(RATE)]
    playable = write_video(tmp_path / "plays.mp4", frames, rate=RATE)
    other = write_video(tmp_path / "does not.mp4", frames, rate=RATE, codec="mpeg4")
    page = open_video_file(server, visit)
    page.locator("input[type=file]").set_input_files([playable, other])
    page.get_by_role("button", name="Analyse 2 videos").click()
    page.get_by_text("2 videos together").wait_for()
    page.get_by_text("2. does not.mp4").wait_for()
    table = pandas.read_csv(io.BytesIO(download(page, "Download the table (CSV)")))
    assert table["video"].tolist() == ["plays.mp4", "does not.mp4"]
    assert table["faces"].tolist() == [1, 1]
    page.locator("video").wait_for()
    page.get_by_role("button", name="Open 2").click()
    page.get_by_text("Your browser can't play this kind of video").wait_for()
    page.get_by_role("button", name="Play", exact=True).click()
    page.get_by_text("00:01.0 / 00:01.0").wait_for()
    assert not page.locator("video").is_visible() and not is_wider_than_the_window(page)


def shown_faces(page: "sync_api.Page") -> list[str]:
    """What the lists of faces show as chosen."""
    return [
        box.input_value() for box in page.get_by_role("combobox", name="Face", exact=True).all()
    ]


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_faces_are_named_merged_and_split_and_the_files_follow(
    server: Server, visit: Visit, clip: Path, scheme: str, width: int
) -> None:
    """With the keyboard where text is typed; the browser shows the new name at once."""
    page = open_video_file(server, visit, scheme=scheme, width=width)
    choose(page, clip)
    analyse(page)
    page.get_by_text("2 faces in 00:12").wait_for()
    assert read_csv(page) == ({}, [1, 2])
    open_view(page, "Summary")
    page.get_by_text("Name, merge or split faces").click()
    name = page.get_by_role("textbox", name="Name", exact=True)
    name.fill("Zoë")
    name.press("Enter")
    page.get_by_text("Last change: ").wait_for()
    chosen = page.get_by_text("Last change: ").inner_text().split()[3]
    page.wait_for_function(
        """() => [...document.querySelectorAll('input[role=combobox]')]
            .some(box => box.value.startsWith('Zoë (face'))"""
    )
    page.locator(".player .head").get_by_text(f"Zoë (face {chosen})").wait_for()
    assert all(text.startswith(f"Zoë (face {chosen}, ") for text in shown_faces(page))
    assert read_csv(page) == ({int(chosen): "Zoë"}, [1, 2])

    page.get_by_text("Merge", exact=True).click()
    page.get_by_role("combobox", name="The same person as").click()
    page.get_by_role("option", name="Face ").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Merge faces").click()
    page.get_by_text("1 face in 00:12").wait_for()
    assert read_csv(page) == ({int(chosen): "Zoë"}, [int(chosen)])
    assert not is_wider_than_the_window(page)
    take_screenshot(page, f"video-merged-{scheme}-{width}")

    page.get_by_text("Split", exact=True).click()
    time_s = page.get_by_role("spinbutton", name="Another person from this time on (seconds)")
    time_s.fill("5")
    time_s.press("Enter")
    page.get_by_text("2 faces in 00:12").wait_for()
    assert read_csv(page) == ({int(chosen): "Zoë"}, [int(chosen), 3])
    for _ in range(3):
        before_undo = page.get_by_text("Last change: ").inner_text()
        page.get_by_role("button", name="Undo").click()
        page.get_by_text(before_undo, exact=True).wait_for(state="detached")
    page.get_by_text("2 faces in 00:12").wait_for()
    assert read_csv(page) == ({}, [1, 2]) and not is_wider_than_the_window(page)


def read_csv(page: "sync_api.Page") -> tuple[dict[int, str], list[int]]:
    """The names and numbers of the faces in the CSV file."""
    open_view(page, "Files")
    recording, readings = read("readings.csv", download(page, "CSV"))
    return recording.names, readings.faces
