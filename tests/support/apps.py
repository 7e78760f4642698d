"""The pages in AppTest, without a browser."""

import json
from typing import Any

from streamlit.testing.v1 import AppTest

from tests.support.places import ROOT, SAMPLES

ASTRONAUT = (SAMPLES / "astronaut.jpg").read_bytes()
HOPPER = (SAMPLES / "grace-hopper.jpg").read_bytes()
THREE = (SAMPLES / "three-portraits.jpg").read_bytes()


def open_app(page: str = "") -> AppTest:
    """Open the app, or one of its pages by itself, in a new session."""
    file = ROOT / "pages" / page if page else ROOT / "ferapp" / "ui" / "navigation.py"
    return AppTest.from_file(file, default_timeout=30).run()


def upload(at: AppTest, **files: bytes) -> AppTest:
    values = [(f"{name}.jpg", data, "image/jpeg") for name, data in files.items()]
    return at.file_uploader[0].set_value(values).run()


def page_text(at: AppTest) -> str:
    """What the page says, also in components of its own."""
    kinds = (at.markdown, at.text, at.caption, at.info, at.warning, at.title)
    texts = [element.value for kind in (*kinds, at.header, at.subheader) for element in kind]
    return "\n".join([*texts, *(text for data in components(at).values() for text in _texts(data))])


def components(at: AppTest) -> dict[str, Any]:
    """The data of every component of our own on the page, by its key."""
    return {c.key: json.loads(c.proto.json) for c in at.get("bidi_component")}


def _texts(data: Any) -> list[str]:
    """Every text in the data of a component, but no picture."""
    if isinstance(data, str):
        return [] if data.startswith("data:") else [data]
    values = data.values() if isinstance(data, dict) else data if isinstance(data, list) else []
    return [text for value in values for text in _texts(value)]


def explorer(at: AppTest) -> dict[str, Any]:
    """The picture that is shown, with its faces."""
    return next(data for key, data in components(at).items() if key.startswith("explorer-"))


def select_picture(at: AppTest, place: int) -> None:
    """As a click on its thumbnail does."""
    at.session_state["looked-at"] = list(components(at)["sheet"]["items"])[place]["id"]
    at.run()


def blur(at: AppTest, *places: int) -> None:
    """As a click on the buttons of these faces does."""
    result = next(iter(at.session_state["outcomes"].values()))
    at.session_state["hidden"] = {
        result.picture.id: result.analysis.faces.xyxy[[*places]],
    }
    at.run()


def open_dashboard(view: str = "") -> AppTest:
    at = open_app("dashboard.py")
    return at.segmented_control(key="view-7").set_value(view).run() if view else at


def figures(at: AppTest) -> dict[str, Any]:
    """Every figure on the page, by its key."""
    plots = {plot.key: json.loads(plot.proto.spec) for plot in at.get("plotly_chart")}
    return plots | {k: data["figure"] for k, data in components(at).items() if "figure" in data}


AGREED = "Everyone shown has agreed"


def button(at: AppTest, label: str) -> object:
    return next(b for b in at.button if b.label == label)


def asks_for_consent(at: AppTest) -> bool:
    """Whether the dialog about consent is open."""
    return any(radio.key == "consent-who" for radio in at.radio)


def agree(at: AppTest, opener: str) -> AppTest:
    """Fill in the dialog; in AppTest its opener has to be pressed again at each run."""
    button(at, opener).click().run()
    assert button(at, "Agree and record").disabled
    at.radio(key="consent-who").set_value(AGREED)
    at.selectbox(key="consent-keep").set_value("7 days")
    button(at, opener).click().run()
    assert not button(at, "Agree and record").disabled
    button(at, "Agree and record").click()
    return button(at, opener).click().run()
