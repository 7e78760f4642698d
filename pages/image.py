"""Pictures in, every face with its expression out."""

from ferapp.ui.pictures.page import show
from ferapp.ui.shared import controls, page

page.begin("Pictures", "Every face in a picture, with its expression as eight probabilities.")
with page.errors_as_sentences():
    show(controls.sidebar())
page.foot()
