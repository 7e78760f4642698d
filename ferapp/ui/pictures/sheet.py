"""Pictures side by side, of which one can be chosen by a click."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from ferapp.media.images import jpeg_bytes
from ferapp.ui.shared.components.own import own_component, sent_by
from ferapp.vision.crops import Image, fit_within

_THUMBNAIL_PX: Final = 320
_HTML: Final = "<ul class='sheet'></ul>"


@dataclass(frozen=True)
class Thumbnail:
    """One picture of a sheet.

    Attributes:
        id: Of the picture.
        image: For the browser, as an address; empty if there is none to show.
        title: The first line.
        text: The second line.
        hint: Shown while the mouse is over it.
    """

    id: str
    image: str
    title: str
    text: str = ""
    hint: str = ""


def thumbnail_of(image: Image) -> bytes:
    """A picture as a JPEG file whose longer side has at most 320 px."""
    return jpeg_bytes(fit_within(image, _THUMBNAIL_PX))


def show_sheet(
    thumbnails: Sequence[Thumbnail],
    *,
    label: str,
    chosen: str | None,
    key: str,
    on_choose: Callable[[str], object],
    in_one_row: bool = False,
) -> None:
    """Show pictures side by side.

    Args:
        thumbnails: The pictures.
        label: What they are, for screen readers.
        chosen: Id of the one that is chosen now.
        key: Of the widget.
        on_choose: Called with the id of the one that is clicked.
        in_one_row: In a single row, which scrolls sideways where it is too wide.
    """
    ids = {each.id for each in thumbnails}

    def note_chosen() -> None:
        id = sent_by(key, "chosen")
        if id in ids:
            on_choose(id)

    own_component(__file__, _HTML)(
        data={
            "items": [asdict(each) for each in thumbnails],
            "label": label,
            "chosen": chosen,
            "in_one_row": in_one_row,
        },
        key=key,
        on_chosen_change=note_chosen,
    )
