"""Live webcam labels, one identity a face."""

from ferapp.ui.live.page import show
from ferapp.ui.shared import controls, page

page.begin("Live", "Every face in front of the camera, followed and labelled as it changes.")
with page.errors_as_sentences():
    show(controls.sidebar())
page.foot()
