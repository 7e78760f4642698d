"""The laboratory page in AppTest."""

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.evaluation.laboratory.systems import SYSTEMS
from ferapp.inference.manifest import manifest
from ferapp.media.images import jpeg_bytes
from ferapp.ui.laboratory import page
from tests.support.apps import open_app, page_text


def test_every_system_says_something_about_the_same_face() -> None:
    at = open_app("laboratory.py")
    assert not at.exception
    said, measured = (frame.value for frame in at.dataframe)
    names = {model.name for model in manifest().models}
    titles = [system.title for name, system in SYSTEMS.items() if name in names]
    assert said["system"].tolist() == [*titles, "ferapp (seresnet-48-int8)"]
    shares = said[list(EXPRESSIONS)]
    assert ((shares.sum(axis=1) - 100).abs() <= 4).all(), "rounded to percent"
    assert shares.idxmax(axis=1).tolist() == said["says"].tolist()
    assert measured["system"].tolist()[-1] == "ferapp (seresnet-48-int8)", "the best is the last"
    assert len(measured) == len(titles) + 2


def test_another_face_of_the_picture_can_be_chosen() -> None:
    at = open_app("laboratory.py")
    (face,) = (box for box in at.selectbox if box.label == "Face")
    first = at.dataframe[0].value
    face.set_value(2).run()
    assert not at.exception and not at.dataframe[0].value.equals(first)


def test_a_picture_without_a_face_is_said() -> None:
    grey = jpeg_bytes(np.full((300, 400, 3), 90, np.uint8))
    at = open_app("laboratory.py")
    at.file_uploader[0].set_value(("empty.jpg", grey, "image/jpeg")).run()
    assert not at.exception and "No face was found" in page_text(at)
    assert len(at.dataframe) == 1, "the measured table is still there"


def test_a_damaged_picture_gets_a_sentence() -> None:
    at = open_app("laboratory.py")
    at.file_uploader[0].set_value(("bad.jpg", b"\xff\xd8no", "image/jpeg")).run()
    assert not at.exception and "This did not work" in page_text(at)


def test_without_measured_rows_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "read_rows", dict)
    at = open_app("laboratory.py")
    assert not at.exception and "Nothing has been measured yet" in page_text(at)
