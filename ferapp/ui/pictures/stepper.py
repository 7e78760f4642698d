"""The way from one picture to the next, and the keys of the page."""

from collections.abc import Callable, Sequence
from typing import Final

from ferapp.ui.shared.components.own import own_component, sent_by

_HTML: Final = "<div class='stepper'></div>"
_KEY: Final = "stepper"


def show_stepper(ids: Sequence[str], chosen: str, on_choose: Callable[[str], object]) -> None:
    """Show buttons for the previous and the next picture, which the arrow keys press as well.

    When another picture was chosen elsewhere, such as on the contact sheet, the page scrolls here,
    where the picture begins.

    Args:
        ids: Of the pictures, in the order of the page.
        chosen: Id of the one that is shown; it may be none of them.
        on_choose: Called with the id of another one.
    """
    place = ids.index(chosen) if chosen in ids else -1

    def neighbour(step: int) -> str | None:
        return ids[place + step] if 0 <= place + step < len(ids) else None

    def note_chosen() -> None:
        id = sent_by(_KEY, "chosen")
        if id in ids:
            on_choose(id)

    own_component(__file__, _HTML)(
        data={
            "chosen": chosen,
            "previous": neighbour(-1),
            "next": neighbour(1),
            "place": f"{place + 1} of {len(ids)}" if place >= 0 and len(ids) > 1 else "",
            "count": len(ids),
        },
        key=_KEY,
        on_chosen_change=note_chosen,
    )
