"""The ways of five tutorials beside ours, under one protocol and on one face."""

from ferapp.ui.laboratory.page import show
from ferapp.ui.shared import page

page.begin(
    "Laboratory", "Older and simpler ways to read a face, trained on the same faces as ours."
)
with page.errors_as_sentences():
    show()
page.foot()
