"""The files that a visitor can download of analysed pictures.

They are made on demand, on a thread that belongs to no session: what is hidden has to be given to
it beforehand.
"""

import io
import json
import zipfile
from collections.abc import Callable, Sequence

from ferapp.media.images import jpeg_bytes, png_bytes, read_image
from ferapp.ui.pictures.picture_results import Floats, PictureResult
from ferapp.ui.pictures.view import draw
from ferapp.ui.shared.resources import turns
from ferapp.vision.crops import Image


def json_bytes(results: Sequence[PictureResult]) -> bytes:
    """All results, one object a picture."""
    rows = [
        {"picture": number, "file": result.picture.name}
        | (result.analysis.to_record() if result.analysis is not None else {"error": result.reason})
        for number, result in enumerate(results, 1)
    ]
    return json.dumps(rows, ensure_ascii=False, indent=2, allow_nan=False).encode("utf-8")


def png_of(result: PictureResult, places: Floats) -> Callable[[], bytes]:
    """Makes the annotated picture at full size, blurred at the places, (m, 4) px."""

    def make() -> bytes:
        with turns().hold_turn():
            return png_bytes(_annotated(result, places))

    return make


def zip_of(results: Sequence[tuple[PictureResult, Floats]]) -> Callable[[], bytes]:
    """Makes all annotated pictures, each blurred at its places, (m, 4) px."""

    def make() -> bytes:
        out = io.BytesIO()
        # JPEG is compressed already, and about as large as what was uploaded.
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            for number, (result, places) in enumerate(results, 1):
                if result.analysis is not None:
                    with turns().hold_turn():
                        data = jpeg_bytes(_annotated(result, places))
                    archive.writestr(f"ferapp-{number:03d}.jpg", data)
        return out.getvalue()

    return make


def _annotated(result: PictureResult, places: Floats) -> Image:
    return draw(result, read_image(result.picture.read()), places)
