"""The pages in AppTest, without a browser."""

import json
from typing import Any

from streamlit.testing.v1 import AppTest

from tests.support.places import ROOT, SAMPLES

ASTRONAUT = (SAMPLES / "astronaut.jpg").read_bytes()
HOPPER = (SAMPLES / "grace-hopper.jpg").read_bytes()


def open_app(page: str = "") -> AppTest:
    """Open the app, or one of its pages by itself, in a new session."""
    file = ROOT / "pages" / page if page else ROOT / "ferapp" / "ui" / "navigation.py"
    return AppTest.from_file(file, default_timeout=30).run()


def upload(at: AppTest, **files: bytes) -> AppTest:
    values = [(f"{name}.jpg", data, "image/jpeg") for name, data in files.items()]
    return at.file_uploader[0].set_value(values).run()


def page_text(at: AppTest) -> str:
    kinds = (at.markdown, at.text, at.caption, at.info, at.warning, at.title, at.subheader)
    return "\n".join(element.value for kind in kinds for element in kind)


def open_dashboard(view: str = "") -> AppTest:
    at = open_app("dashboard.py")
    return at.segmented_control(key="view-5").set_value(view).run() if view else at


def figures(at: AppTest) -> dict[str, Any]:
    """Every figure on the page, by its key."""
    plots = {plot.key: json.loads(plot.proto.spec) for plot in at.get("plotly_chart")}
    return plots | {key: data["figure"] for key, data in components(at).items() if "figure" in data}


def components(at: AppTest) -> dict[str, Any]:
    """What every component of ours shows, by its key."""
    return {c.key: json.loads(c.proto.json) for c in at.get("bidi_component")}


AGREED = "Everyone shown has agreed"


def button(at: AppTest, label: str) -> object:
    return next(b for b in at.button if b.label == label)


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
