"""What axe-core finds on every page, and what can be done by keyboard alone."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Server, Visit, sync_api
from tests.support.browser import is_wider_than_the_window
from tests.support.page_states import STATES, first_view, many_pictures
from tests.support.waiting import wait_until

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the extra e2e")

pytestmark = pytest.mark.e2e

GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def page(browser: "sync_api.Browser") -> Iterator["sync_api.Page"]:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.set_default_timeout(20_000)
        yield page


def grave_faults(page: "sync_api.Page", *rules: str) -> list[str]:
    options: dict[str, object] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = list(rules)
    found = axe.Axe().run(page, options=options).response["violations"]
    return [
        f"{fault['id']}: {node['target']} {node['failureSummary']}"
        for fault in found
        if fault["impact"] in GRAVE
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_grave(server: Server, page: "sync_api.Page", state: str) -> None:
    page.emulate_media(color_scheme="light")
    STATES[state](page, server.url)
    page.wait_for_timeout(300)
    assert not grave_faults(page)
    background = page.evaluate(BACKGROUND)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(500)
    assert page.evaluate(BACKGROUND) != background, "the page is dark now"
    assert not grave_faults(page, "color-contrast"), "only colours differ in the dark"


BACKGROUND = "getComputedStyle(document.querySelector('.stApp')).backgroundColor"


def focused(page: "sync_api.Page") -> str:
    """Test id of the part of the page that has the focus, or its text."""
    return page.evaluate(
        "() => document.activeElement.closest('[data-testid]')?.dataset.testid"
        " + ' ' + document.activeElement.textContent"
    )


def test_upload_is_five_tab_stops_away(server: Server, visit: Visit) -> None:
    page = visit(server.url)
    first_view(page, server.url)
    page.keyboard.press("Tab")
    assert "Skip to main content" in focused(page)
    page.keyboard.press("Enter")
    stops = []
    while not any(stop.endswith("uploadUpload") for stop in stops) and len(stops) < 4:
        page.keyboard.press("Tab")
        stops.append(focused(page))
    assert stops[-1].endswith("uploadUpload"), stops


def test_arrow_keys_go_from_picture_to_picture(server: Server, visit: Visit) -> None:
    page = visit(server.url, width=390)
    many_pictures(page, server.url)
    chosen = page.locator(".sheet button[aria-pressed=true]")
    assert "1. " in chosen.inner_text()
    page.keyboard.press("ArrowRight")
    page.locator(".stepper").get_by_text("2 of 10").wait_for()
    assert "2. " in chosen.inner_text()
    page.keyboard.press("ArrowLeft")
    page.locator(".stepper").get_by_text("1 of 10").wait_for()
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keyboard shortcuts").wait_for()
    page.keyboard.press("Escape")
    box = page.locator(".box").first
    box.focus()
    page.keyboard.press("ArrowRight")
    assert "1. " in chosen.inner_text(), "in a picture, they go from face to face"
    assert not is_wider_than_the_window(page)


def test_a_click_on_the_contact_sheet_brings_the_picture_into_view(
    server: Server, visit: Visit
) -> None:
    page = visit(server.url, width=1280)
    many_pictures(page, server.url)
    stepper = page.locator(".stepper")
    stepper.get_by_text("1 of 10").wait_for()
    page.keyboard.press("ArrowRight")
    stepper.get_by_text("2 of 10").wait_for()
    page.wait_for_timeout(1000)
    assert top_of(stepper) > 500, "a key leaves the page where it is"
    page.locator(".sheet").get_by_role("button", name="4. ").click()
    wait_until(lambda: top_of(stepper) < 150)


def top_of(part: "sync_api.Locator") -> float:
    """Its distance from the top of the window, px."""
    box = part.bounding_box()
    assert box is not None
    return box["y"]


def test_the_menu_is_seen_on_a_phone_and_has_icons(server: Server, visit: Visit) -> None:
    page = visit(server.url, width=390)
    menu = page.get_by_test_id("stExpandSidebarButton")
    menu.wait_for()
    page.wait_for_function(SAYS_MENU)
    menu.click()
    link = page.get_by_role("link", name="Dashboard", exact=True)
    link.wait_for()
    assert page.evaluate(
        "document.fonts.load('20px \"Material Symbols Rounded\"').then(f => f.length)"
    )
    link.click()
    page.get_by_role("heading", name="Dashboard").wait_for()


SAYS_MENU = """() => {
  const button = document.querySelector('[data-testid=stExpandSidebarButton]');
  return getComputedStyle(button, '::after').content.includes('Menu');
}"""
