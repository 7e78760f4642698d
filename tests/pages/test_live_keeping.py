"""Snapshots and clips of the live page: only after consent, and gone when discarded."""

import io

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from ferapp.ui.live.webcam import Viewer
from tests.support.apps import AGREED, button, page_text
from tests.support.frames import frame, viewer
from tests.support.waiting import wait_until


def keeping() -> None:
    import streamlit as st

    from ferapp.ui.live.keeping import clip_mark, keep_buttons, show_kept

    me = st.session_state["viewer"]
    clip_mark(me)
    keep_buttons(st.container(), me, st.session_state["format"], is_on=True)
    show_kept(me)


@pytest.fixture
def page() -> AppTest:
    at = AppTest.from_function(keeping, default_timeout=30)
    at.session_state["viewer"] = me = viewer()
    at.session_state["format"] = "mp4"
    me.on_frame(frame(0))
    return at.run()


def viewer_of(at: AppTest) -> Viewer:
    return at.session_state["viewer"]


def agree(at: AppTest, opener: str) -> AppTest:
    """In AppTest the opener of a dialog has to be pressed again at each run."""
    button(at, opener).click().run()
    assert button(at, "Agree and keep").disabled and "in this app's memory" in page_text(at)
    at.radio(key="picture-consent-who").set_value(AGREED)
    button(at, opener).click().run()
    button(at, "Agree and keep").click()
    return button(at, opener).click().run()


def test_a_snapshot_is_kept_after_consent_and_discarded(page: AppTest) -> None:
    assert not page.get("download_button")
    agree(page, "Snapshot")
    kept = page.session_state["snapshot"]
    picture = np.asarray(Image.open(io.BytesIO(kept.png)))
    assert (picture == viewer_of(page).pictures.last.image_rgb).all()
    assert kept.name.startswith("ferapp-snapshot-") and kept.name.endswith(".png")
    assert not page.exception and len(page.get("download_button")) == 1
    button(page, "Discard snapshot").click().run()
    assert "snapshot" not in page.session_state and not page.get("download_button")
    button(page, "Snapshot").click().run()
    assert page.session_state["snapshot"] and not page.radio, "consent is asked once"


@pytest.mark.parametrize("format", ["mp4", "avi"])
def test_a_clip_is_recorded_after_consent_and_discarded(page: AppTest, format: str) -> None:
    page.session_state["format"] = format
    agree(page, "Clip")
    me = viewer_of(page)
    for i in range(1, 40):
        me.on_frame(frame(i))
        wait_until(lambda: not me.pictures.clip._frames.full())
    assert "● Clip 00:02" in page_text(page.run()) and "of 01:00" in page_text(page)
    button(page, "Stop clip").click().run()
    assert "Clip of 00:02" in page_text(page) and not page.exception
    assert len(page.get("download_button")) == 1
    assert ("don't play AVI" in page_text(page)) == (format == "avi")
    button(page, "Discard clip").click().run()
    assert me.pictures.clip is None and not page.get("download_button")


def test_a_clip_that_failed_says_why(page: AppTest) -> None:
    agree(page, "Clip")
    clip = viewer_of(page).pictures.clip
    clip.stop()
    clip.failure = "It did not *work*."
    page.run()
    assert "It did not *work*." in [text.value for text in page.text]
