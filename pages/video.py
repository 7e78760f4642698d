"""A video file in, every face's expression over its time out."""

from ferapp.ui.shared import controls, page
from ferapp.ui.video.page import show

page.begin("Video", "Every face in a video, followed and read from its first frame to its last.")
with page.errors_as_sentences():
    show(controls.sidebar())
page.foot()
