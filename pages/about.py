"""What ferapp can and cannot know, privacy, models, versions, licences."""

from ferapp.ui.about.page import show
from ferapp.ui.shared import page

page.begin(
    "About", "What this app can know, what it does with your pictures, and what it is made of."
)
with page.errors_as_sentences():
    show()
page.foot()
