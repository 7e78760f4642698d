"""Recorded sessions: every face's expression over time."""

from ferapp.ui.dashboard.page import show
from ferapp.ui.shared import page

page.begin("Dashboard", "Expressions over time: view, compare, export and delete them.")
with page.errors_as_sentences():
    show()
page.foot()
