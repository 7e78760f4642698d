"""Pictures of every page in its main states, wide and narrow, light and dark.

    python -m benchmarks.screenshots [--only WORD]

All are written to ``build/pages``; those that the documentation shows replace the ones in
``docs/images``. It needs Debian's chromium, or CHROMIUM=path.
"""

import argparse
import os
import shutil
import tempfile
from typing import Final

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from benchmarks.machine import ROOT
from benchmarks.served import App
from tests.support.page_states import STATES

LOOKS: Final = [(scheme, width) for scheme in ("light", "dark") for width in (1280, 390)]
ALL: Final = ROOT / "build" / "pages"
SHOWN: Final = ROOT / "docs" / "images"

IN_THE_DOCS: Final = {
    "first view, light 1280": "pictures",
    "many pictures, light 1280": "many-pictures",
    "compared models, light 1280": "compared-models",
    "live running, dark 1280": "live",
    "session, dark 1280": "session",
    "first view, dark 390": "phone",
}
"""Which of them the documentation shows, and under which name."""

_HEIGHT: Final = 900
_QUALITY: Final = 80


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only states whose name contains this")
    only = parser.parse_args().only
    ALL.mkdir(parents=True, exist_ok=True)
    SHOWN.mkdir(parents=True, exist_ok=True)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        app = App(ROOT / "app.py", environment={"FERAPP_DATABASE_URL": f"sqlite:///{folder}/db"})
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            for state, bring_about in STATES.items():
                for scheme, width in LOOKS if only in state else []:
                    view = {"width": width, "height": _HEIGHT}
                    with browser.new_context(color_scheme=scheme, viewport=view) as context:
                        page = context.new_page()
                        bring_about(page, app.url)
                        _save(page, f"{state}, {scheme} {width}")
        finally:
            browser.close()
            app.stop()


def _save(page: Page, name: str) -> None:
    page.wait_for_timeout(1000)
    path = ALL / f"{name}.png"
    page.screenshot(path=path)
    print(path.relative_to(ROOT), flush=True)
    if name in IN_THE_DOCS:
        with Image.open(path) as picture:
            picture.save(SHOWN / f"{IN_THE_DOCS[name]}.webp", quality=_QUALITY, method=6)


if __name__ == "__main__":
    main()
