"""The pictures page: choosing pictures, their results, and keeping these as a session."""

from ferapp.ui.pictures import results
from ferapp.ui.pictures.analysis import analyse
from ferapp.ui.pictures.recording import picture_controls
from ferapp.ui.pictures.sources import choose_pictures
from ferapp.ui.shared import resources
from ferapp.ui.shared.controls import Choice


def show(choice: Choice) -> None:
    """The whole page below its heading."""
    pictures = choose_pictures()
    analyzer = resources.analyzer(choice.models)
    analysed = analyse(pictures, choice, analyzer)
    if analysed:
        results.show(analysed)
        picture_controls(analysed, choice)
