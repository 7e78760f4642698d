"""A group of forty faces and two models on one picture, in a real browser."""

import re
from functools import cache

import numpy as np
import pytest

from ferapp import load_analyzer
from ferapp.media.images import jpeg_bytes, read_image
from ferapp.vision.boxes import squares
from ferapp.vision.crops import region
from tests.e2e.conftest import Server, Visit, sync_api
from tests.support.browser import is_wider_than_the_window, take_screenshot
from tests.support.page_states import compared_models
from tests.support.places import SAMPLES

pytestmark = pytest.mark.e2e

ROWS, COLUMNS, TILE_PX = 5, 8, 150
FACES = ROWS * COLUMNS


@cache
def group() -> bytes:
    """Forty heads on a plain wall, every third one smiling."""
    analyzer = load_analyzer()
    heads = []
    for name in ("astronaut", "grace-hopper", "mona-lisa"):
        image = read_image((SAMPLES / f"{name}.jpg").read_bytes())
        (box,) = squares(analyzer.analyze(image).faces.xyxy)
        wide = box + (box[2] - box[0]) * np.array([-0.3, -0.3, 0.3, 0.3])
        heads.append(region(image, wide, (TILE_PX - 20, TILE_PX - 20)))
    wall = np.full((ROWS * TILE_PX, COLUMNS * TILE_PX, 3), 205, np.uint8)
    for place in range(FACES):
        top, left = (part * TILE_PX + 10 for part in divmod(place, COLUMNS))
        wall[top : top + TILE_PX - 20, left : left + TILE_PX - 20] = heads[place % len(heads)]
    return jpeg_bytes(wall)


def open_group(server: Server, visit: Visit, width: int = 1280) -> "sync_api.Page":
    page = visit(server.url, width=width)
    page.get_by_text("Or look at a sample").wait_for()
    page.locator("input[type=file]").set_input_files(
        [{"name": "group.jpg", "mimeType": "image/jpeg", "buffer": group()}]
    )
    page.get_by_role("img", name=re.compile(rf"^{FACES} faces: ")).wait_for()
    return page


@pytest.mark.parametrize("width", [1280, 390])
def test_a_click_on_a_face_opens_its_card_and_words_filter(
    server: Server, visit: Visit, width: int
) -> None:
    page = open_group(server, visit, width)
    boxes, cards = page.locator(".box"), page.locator(".card")
    assert boxes.count() == FACES and cards.count() < FACES, "cards come by pages"
    assert [box.get_attribute("data-face") for box in boxes.all()] == [
        str(number) for number in range(1, FACES + 1)
    ]
    places = [box.bounding_box() for box in boxes.all()]
    middles = [place["x"] + place["width"] / 2 for place in places]
    assert np.diff(middles).min() > -1, "from left to right, but for what the window rounds"

    boxes.nth(30).click()
    chosen = page.locator(".card.chosen")
    chosen.wait_for()
    assert chosen.get_attribute("data-face") == "31" == boxes.nth(30).get_attribute("data-face")
    assert chosen.locator(".bar").count() == 8, "an open card has all expressions"
    assert not is_wider_than_the_window(page)
    take_screenshot(page, f"a group, {width}")

    word = page.locator(".word[data-label=happiness]")
    happy = int(re.match(r"\d+", word.inner_text())[0])
    word.click()
    assert 0 < boxes.count() == happy < FACES
    assert all("happiness" in title for title in page.locator(".card .title").all_inner_texts())
    word.click()
    assert boxes.count() == FACES


def test_all_but_one_face_of_a_group_are_blurred(server: Server, visit: Visit) -> None:
    page = open_group(server, visit)
    page.locator(".box").nth(4).click()
    page.get_by_role("button", name="Blur all but 5").click()
    page.get_by_role("button", name="Show all").wait_for()
    assert page.locator(".box").count() == 1
    page.get_by_role("button", name="Show all").click()
    page.locator(".box").nth(FACES - 1).wait_for()


def test_two_models_are_compared_on_one_picture(server: Server, visit: Visit) -> None:
    page = visit(server.url)
    compared_models(page, server.url)
    page.get_by_text("Both found 3 faces").wait_for()
    assert page.get_by_text("B · haar").count() == 1
    assert not is_wider_than_the_window(page)
