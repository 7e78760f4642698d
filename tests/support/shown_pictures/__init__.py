"""Pictures as phones, cameras, scanners and programs write them, for a comparison with a browser.

Each is a small portrait. The names say what is special about a file.
"""

from tests.support.shown_pictures.avifs import avifs
from tests.support.shown_pictures.bmps import bmps
from tests.support.shown_pictures.gifs import gifs
from tests.support.shown_pictures.jpegs import jpegs
from tests.support.shown_pictures.pngs import pngs
from tests.support.shown_pictures.webps import webps

SOURCES = {
    "JPEG": jpegs,
    "PNG": pngs,
    "WebP": webps,
    "AVIF": avifs,
    "GIF": gifs,
    "BMP": bmps,
}
"""The formats that a browser shows."""


def shown_pictures(kind: str) -> dict[str, bytes]:
    """Files of one format, by name."""
    return {f"{kind}: {name}": data for name, data in SOURCES[kind]()}
