"""The pictures page and what all pages share, in a real browser."""

import csv
import io
import json
import zipfile

import numpy as np
import pytest

from ferapp.media.images import jpeg_bytes, read_image
from ferapp.media.pictures.formats import ENDINGS, FORMATS
from tests.e2e.conftest import Server, Visit, sync_api
from tests.support import made_pictures
from tests.support.browser import LOOKS, Page, download, is_wider_than_the_window, take_screenshot
from tests.support.places import SAMPLES

pytestmark = pytest.mark.e2e


def begin_upload(page: Page, **files: bytes) -> None:
    page.locator("input[type=file]").set_input_files(
        [
            {"name": f"{name}.jpg", "mimeType": "image/jpeg", "buffer": data}
            for name, data in files.items()
        ]
    )


def upload(page: Page, **files: bytes) -> None:
    """Upload pictures and wait until the page shows them in place of the samples."""
    begin_upload(page, **files)
    page.get_by_text("Or look at a sample").wait_for(state="detached")


def shows(page: Page, summary: str) -> None:
    """Wait for the picture of which this is the alternative text."""
    page.get_by_role("img", name=summary, exact=True).wait_for()


def box_of(part: sync_api.Locator) -> sync_api.FloatRect:
    """Where it is in the window, px."""
    box = part.bounding_box()
    assert box is not None
    return box


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.jpg").read_bytes()


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_a_picture_becomes_cards_and_files(
    server: Server, visit: Visit, scheme: str, width: int
) -> None:
    page = visit(server.url, scheme=scheme, width=width)
    page.get_by_text("Or look at a sample").wait_for()
    upload(page, astronaut=sample("astronaut"))
    shows(page, "1 face: 1 happiness")
    assert page.get_by_role("button", name="1 · happiness > 99 %").count() == 1
    take_screenshot(page, f"one face, {scheme} {width}")
    assert not is_wider_than_the_window(page)

    table = list(csv.DictReader(io.StringIO(download(page, "Table (CSV)").decode("utf-8-sig"))))
    assert [row["expression"] for row in table] == ["happiness"]
    results = json.loads(download(page, "Everything (JSON)"))
    assert results[0]["file"] == "astronaut.jpg" and len(results[0]["faces"]) == 1
    png = download(page, "Annotated picture (PNG)")
    assert read_image(png).shape == (512, 512, 3) and b"tEXt" not in png


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_a_bad_file_and_a_hostile_name_break_no_other_picture(
    server: Server, visit: Visit, scheme: str, width: int
) -> None:
    page = visit(server.url, scheme=scheme, width=width)
    hostile = "![t](http://example.org/t.png) <img src=x onerror=alert(1)>"
    files = {"three": sample("three-portraits"), "gif": b"GIF89a", hostile: sample("astronaut")}
    upload(page, **files)
    page.get_by_text("3 pictures, 4 faces").wait_for()
    shows(page, "3 faces: 2 neutral, 1 happiness")
    page.wait_for_timeout(1000)
    take_screenshot(page, f"three faces, {scheme} {width}")
    assert not is_wider_than_the_window(page)
    page.get_by_role("button", name="2. gif.jpg").click()
    page.get_by_text("gif.jpg: The picture is damaged").wait_for()
    take_screenshot(page, f"a bad file, {scheme} {width}")
    archive = download(page, "Annotated pictures (ZIP)")
    assert archive.startswith(b"PK") and b"onerror" not in archive


@pytest.mark.parametrize("width", [1280, 375])
def test_the_uploader_takes_pictures_of_every_format(
    server: Server, visit: Visit, width: int
) -> None:
    """It refuses files by their endings, in the browser."""
    page = visit(server.url, width=width)
    page.get_by_text("Or look at a sample").wait_for()
    take_screenshot(page, f"uploader, {width}")
    assert not is_wider_than_the_window(page)
    photo = read_image(SAMPLES / "astronaut.jpg")
    files = {name: made_pictures.made(name, photo) for name in made_pictures.FORMATS}
    page.locator("input[type=file]").set_input_files(
        [
            {"name": f"photo{ending}", "mimeType": "", "buffer": files[kind.name]}
            for kind in FORMATS
            for ending in (*kind.endings, kind.endings[0].upper())
        ]
    )
    count = len(ENDINGS) + len(FORMATS)
    page.get_by_text(f"{count} pictures, {count} faces").wait_for(timeout=120_000)


def test_a_hidden_face_is_hidden_in_the_file(server: Server, visit: Visit) -> None:
    page = visit(server.url)
    upload(page, three=sample("three-portraits"))
    shows(page, "3 faces: 2 neutral, 1 happiness")
    x1, y1, x2, y2 = (
        int(v) for v in json.loads(download(page, "Everything"))[0]["faces"][2]["box"]
    )
    before = read_image(download(page, "Annotated picture (PNG)"))
    page.get_by_role("button", name="Blur 3").click()
    page.get_by_role("button", name="Show 3").wait_for()
    page.wait_for_timeout(500)
    after = read_image(download(page, "Annotated picture (PNG)"))
    faces = [
        np.diff(p[y1 + 4 : y2 - 4, x1 + 4 : x2 - 4].astype(int), axis=1) for p in (before, after)
    ]
    assert np.abs(faces[1]).mean() < 0.4 * np.abs(faces[0]).mean()
    upload(page, astronaut=sample("astronaut"))
    page.get_by_text("2 pictures, 4 faces").wait_for()
    with zipfile.ZipFile(io.BytesIO(download(page, "Annotated pictures (ZIP)"))) as archive:
        packed = read_image(archive.read("ferapp-001.jpg"))
    inside = np.diff(packed[y1 + 4 : y2 - 4, x1 + 4 : x2 - 4].astype(int), axis=1)
    assert np.abs(inside).mean() < 0.4 * np.abs(faces[0]).mean()


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_a_sample_can_be_chosen_by_keyboard(
    server: Server, visit: Visit, scheme: str, width: int
) -> None:
    page = visit(server.url, scheme=scheme, width=width)
    officer = page.get_by_role("button", name="Officer")
    officer.wait_for()
    officer.focus()
    page.keyboard.press("Enter")
    shows(page, "1 face: 1 neutral")
    page.wait_for_timeout(800)
    take_screenshot(page, f"a sample, {scheme} {width}")


def test_samples_are_one_row_on_a_phone_and_the_chosen_one_is_in_it(
    server: Server, visit: Visit
) -> None:
    page = visit(server.url, width=390)
    row = page.get_by_role("list", name="Samples")
    last = row.get_by_role("button", name="Group")
    shows(page, "3 faces: 2 neutral, 1 happiness")
    assert len({box_of(button)["y"] for button in row.get_by_role("button").all()}) == 1
    last.focus()
    page.keyboard.press("Enter")
    shows(page, "32 faces: 21 neutral, 11 happiness")
    seen = box_of(last)
    assert 0 <= seen["x"] and seen["x"] + seen["width"] <= 390
    assert last.evaluate("button => button.getRootNode().activeElement === button")
    assert not is_wider_than_the_window(page)


def test_a_photo_from_the_camera_is_analysed(server: Server, visit: Visit) -> None:
    page = visit(server.url)
    page.get_by_text("Camera", exact=True).click()
    page.wait_for_function("() => document.querySelector('video')?.currentTime > 0.5")
    page.get_by_role("button", name="Take Photo").click()
    shows(page, "1 face: 1 happiness")
    take_screenshot(page, "a photo from the camera")


def test_a_picture_without_a_face_says_so(server: Server, visit: Visit) -> None:
    page = visit(server.url)
    upload(page, grey=jpeg_bytes(np.full((300, 400, 3), 90, np.uint8)))
    page.get_by_text("No face found").wait_for()
    take_screenshot(page, "no face")


def test_stop_keeps_results_and_the_rest_can_follow(server: Server, visit: Visit) -> None:
    page = visit(server.url)
    begin_upload(page, **{f"{i:03d}": sample("three-portraits") for i in range(150)})
    # Streamlit has a button of that name in the header, which only interrupts the script.
    main = page.get_by_test_id("stMainBlockContainer")
    main.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Analyse the remaining").wait_for()
    assert page.get_by_text("150 pictures").count() == 0
    page.get_by_role("button", name="Analyse the remaining").click()
    page.get_by_text("150 pictures, 450 faces").wait_for(timeout=60_000)


def test_two_visitors_see_only_their_own_results(server: Server, visit: Visit) -> None:
    first, second = visit(server.url), visit(server.url)
    upload(first, a=sample("astronaut"))
    upload(second, b=sample("grace-hopper"))
    shows(first, "1 face: 1 happiness")
    shows(second, "1 face: 1 neutral")
    assert first.get_by_text("b.jpg").count() == second.get_by_text("a.jpg").count() == 0


TITLE_IS_SEEN = """() => {
  const title = document.querySelector('h1'), { x, y, height } = title.getBoundingClientRect();
  return title.contains(document.elementFromPoint(x + 5, y + height / 3));
}"""


@pytest.mark.parametrize("path", ["", "live", "dashboard", "laboratory", "about"])
def test_a_deep_link_as_the_first_request_looks_like_any_other(
    fresh_server: Server, visit: Visit, path: str
) -> None:
    first = visit(f"{fresh_server.url}/{path}")
    first.get_by_text("A model sees a face, not a feeling").wait_for()
    later = visit(f"{fresh_server.url}/{path}")
    later.get_by_text("A model sees a face, not a feeling").wait_for()
    later.wait_for_timeout(1500)  # the menu opens, and the page moves
    assert later.evaluate(TITLE_IS_SEEN), "nothing lies over it"
    links = [page.get_by_test_id("stSidebarNavLink").all_inner_texts() for page in (first, later)]
    assert links[0] == links[1] == ["Pictures", "Live", "Video", "Dashboard", "Laboratory", "About"]
    assert first.title() == later.title() == f"{(path or 'pictures').title()} · ferapp"


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_about_page_fits_every_window(
    server: Server, visit: Visit, scheme: str, width: int
) -> None:
    page = visit(f"{server.url}/about", scheme=scheme, width=width)
    page.get_by_text("Libraries that ferapp installs").click()
    page.wait_for_timeout(1500)
    take_screenshot(page, f"about, {scheme} {width}")
    assert not is_wider_than_the_window(page)


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_laboratory_fits_every_window(
    server: Server, visit: Visit, scheme: str, width: int
) -> None:
    page = visit(f"{server.url}/laboratory", scheme=scheme, width=width)
    page.get_by_text("Fisherfaces").last.click()
    page.get_by_text("Looks for the directions").wait_for()
    page.wait_for_timeout(1500)
    take_screenshot(page, f"laboratory, {scheme} {width}")
    assert not is_wider_than_the_window(page)


def test_reset_restores_the_defaults_permanently(server: Server, visit: Visit) -> None:
    """A browser keeps the value of a widget until the app sends another one."""
    page = visit(server.url)
    upload(page, three=sample("three-portraits"))
    page.get_by_text("with ssd-320-int8 and").wait_for()
    page.get_by_text("Expert settings", exact=True).click()
    page.get_by_role("combobox", name="Face detector").click()
    page.get_by_role("option", name="haar").click()
    page.get_by_text("with haar and").wait_for()
    page.get_by_role("button", name="Reset").click()
    page.get_by_text("with ssd-320-int8 and").wait_for()
    page.get_by_role("button", name="Blur 1").click()
    page.get_by_role("button", name="Show 1").wait_for()
    page.get_by_text("with ssd-320-int8 and").wait_for()
    detector = page.get_by_role("combobox", name="Face detector")
    assert detector.input_value() == "ssd-320-int8 (default)"


def test_uploads_survive_a_change_of_page_until_removed(server: Server, visit: Visit) -> None:
    page = visit(server.url)
    upload(page, astronaut=sample("astronaut"))
    shows(page, "1 face: 1 happiness")
    page.get_by_role("link", name="About").click()
    page.get_by_role("heading", name="About").wait_for()
    page.get_by_role("link", name="Pictures").click()
    shows(page, "1 face: 1 happiness")
    page.get_by_role("button", name="Remove 1 uploaded picture").click()
    page.get_by_text("Or look at a sample").wait_for()
    shows(page, "3 faces: 2 neutral, 1 happiness")


def test_settings_survive_a_change_of_page(server: Server, visit: Visit) -> None:
    page = visit(server.url)
    page.get_by_text("Expert settings", exact=True).click()
    slider = page.get_by_role("slider", name="Minimum face score")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("0.55").wait_for()
    page.get_by_role("link", name="About").click()
    page.get_by_role("heading", name="About").wait_for()
    page.get_by_role("link", name="Pictures").click()
    page.get_by_text("Or look at a sample").wait_for()
    page.get_by_text("Expert settings", exact=True).click()
    page.get_by_text("0.55").wait_for()
