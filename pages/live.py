"""Live webcam labels, one identity a face."""

from ferapp.ui import controls, live, page

page.begin("Live", "Every face before the camera, followed and labelled as it changes.")
with page.errors_as_sentences():
    live.show(controls.sidebar())
