"""Many pictures on the pages at once, in AppTest."""

import json

from tests.support.apps import (
    ASTRONAUT,
    HOPPER,
    THREE,
    blur,
    components,
    explorer,
    open_app,
    page_text,
    upload,
)


def test_pictures_are_counted_listed_and_sorted() -> None:
    at = upload(open_app(), b=HOPPER, a=ASTRONAUT, c=THREE)
    assert "**3 pictures, 5 faces**" in page_text(at)
    counts = json.loads(next(p for p in at.get("plotly_chart") if p.key == "counts").proto.spec)
    assert counts["data"][0]["y"] == ["neutral", "happiness"]

    def titles() -> list[str]:
        return [item["title"] for item in components(at)["sheet"]["items"]]

    assert titles() == ["1. b.jpg", "2. a.jpg", "3. c.jpg"]
    at.selectbox(key="picture-order").select("By name").run()
    assert titles() == ["2. a.jpg", "1. b.jpg", "3. c.jpg"]
    at.selectbox(key="picture-order").select("Most faces first").run()
    assert titles() == ["3. c.jpg", "1. b.jpg", "2. a.jpg"]
    at.toggle(key="only-unsure").set_value(True).run()
    assert titles() == [] and "In no picture is a face unsure." in page_text(at)
    at.slider(key="unsure-seresnet-48-int8").set_value(90).run()
    assert titles() == ["3. c.jpg", "1. b.jpg"]
    assert explorer(at)["alt"] == "1 face: 1 unsure"
    assert components(at)["stepper"]["next"] is None, "it is the last of the two"
    at.session_state["looked-at"] = components(at)["stepper"]["previous"]
    at.run()
    assert components(at)["sheet"]["chosen"] == components(at)["sheet"]["items"][0]["id"]
    assert explorer(at)["alt"].startswith("3 faces")
    assert components(at)["stepper"]["previous"] is None
    assert components(at)["stepper"]["place"] == "1 of 2"


def test_the_thumbnail_of_a_blurred_face_is_blurred() -> None:
    at = upload(open_app(), a=THREE, b=HOPPER)
    before = components(at)["sheet"]["items"]
    blur(at, 0, 1, 2)
    after = components(at)["sheet"]["items"]
    assert before[0]["image"] != after[0]["image"] and before[1]["image"] == after[1]["image"]
