"""Every page by itself, the About page, and the settings of the server."""

import re
import runpy
from pathlib import Path

import pytest

from tests.support.apps import open_app, page_text
from tests.support.places import ROOT


@pytest.mark.usefixtures("without_webrtc_session")
@pytest.mark.parametrize("page", sorted(p.name for p in (ROOT / "pages").glob("*.py")))
def test_every_page_opens_by_itself_and_shows_the_notices(page: str) -> None:
    at = open_app(page)
    assert not at.exception and at.title and "not a feeling" in page_text(at)
    assert "people who agreed" in page_text(at) and "prohibited in the EU" in page_text(at)


def test_the_about_page_states_limits_law_models_and_licences() -> None:
    at = open_app("about.py")
    text = page_text(at)
    assert "has not been measured" in text and "Article 5(1)(f)" in text and "MIT licence" in text
    assert "must be informed (Article 50(3)" in text and "not on children without" in text
    models, licences = (frame.value for frame in at.dataframe)
    assert "seresnet-48-int8 (default)" in models["model"].tolist()
    assert {"streamlit", "onnxruntime", "numpy"} <= set(licences["library"])
    assert not [name for name in licences["licence"] if "GPL" in name and "LGPL" not in name]


def test_the_server_settings_are_closed_by_default() -> None:
    text = Path(ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    for line in (
        'address = "127.0.0.1"',
        "gatherUsageStats = false",
        'showErrorDetails = "none"',
        "enableXsrfProtection = true",
        "enableCORS = true",
        "postScriptGC = false",
    ):
        assert line in text


def test_uploads_never_touch_the_disk() -> None:
    from starlette.formparsers import MultiPartParser

    runpy.run_path(str(ROOT / "app.py"))
    limit = MultiPartParser.spool_max_size
    config = (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert limit >= 1024**2 * int(re.search(r"maxUploadSize = (\d+)", config)[1])
