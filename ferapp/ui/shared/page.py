"""What every page starts with, so that each works on its own."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import streamlit as st

from ferapp.errors import StoreError, UserError
from ferapp.system.folders import project_path

EXPRESSION_NOTICE: Final = "A model sees a face, not a feeling: this is the expression, no more."
USE_NOTICE: Final = (
    "Use pictures of yourself or of people who agreed. Inferring emotions at work or in education "
    "is prohibited in the EU (AI Act, Art. 5), except for medical or safety reasons."
)

PAGES: Final = project_path("pages")
"""Where the scripts of the pages are."""

NAVIGATION: Final = Path(__file__).parents[1] / "navigation.py"
"""The script that Streamlit runs for every page."""

_LOGO: Final = Path(__file__).parents[1] / "logo.svg"
_MENU: Final = ("image", "videocam", "movie", "monitoring", "science", "info")
"""Icons of the pages, in the order of the menu, from the font that comes with Streamlit."""

# Icons are drawn here: the browser would fetch one of `st.Page`, as the tab's icon, from
# fonts.gstatic.com. Beside the menu nothing is above the title; without it, the logo and the way to
# the menu are. Stop is a button of the page, where there is something to stop. Streamlit's grey
# for the text of charts is too pale on white, and the lines of events are black on dark ground.
_STYLE: Final = (
    """<style>
[data-testid="stMainBlockContainer"] { padding: 3rem 2rem; }
.stApp:has([data-testid="stExpandSidebarButton"])
  [data-testid="stMainBlockContainer"] { padding-top: 3.5rem; }
@media (max-width: 640px) { [data-testid="stMainBlockContainer"] { padding-inline: 1rem; } }
[data-testid="stPlotlyChart"] :is([class$="tick"], [class$="title"], .annotation, .legend) text {
  fill: currentColor !important; }
[data-testid="stPlotlyChart"] .shapelayer path { stroke: currentColor !important; }
[data-testid="stSidebarNavLink"]:focus-visible { outline: 3px solid; }
[data-testid="stSidebarNavLink"]::before, [data-testid="stExpandSidebarButton"]::before {
  font: 1.25rem/1 "Material Symbols Rounded"; font-feature-settings: "liga"; }
[data-testid="stExpandSidebarButton"]::before { content: "menu" / ""; }
[data-testid="stExpandSidebarButton"]::after { content: "Menu" / ""; padding-left: 0.25rem; }
[data-testid="stExpandSidebarButton"] { width: auto; padding: 0 0.5rem; border: 1px solid; }
[data-testid="stExpandSidebarButton"] > * { display: none; }
[data-testid="stStatusWidget"] button { display: none; }
.stApp [data-testid="stWidgetLabel"] { color: inherit; }
[data-testid="stButtonGroup"] [aria-checked="true"] p, [data-testid="stSliderThumbValue"] p {
  color: light-dark(#2a55c8, #9db6ff); }
"""
    + "\n".join(
        f'[data-testid="stSidebarNavItems"] li:nth-of-type({place}) '
        f'[data-testid="stSidebarNavLink"]::before {{ content: "{icon}" / ""; }}'
        for place, icon in enumerate(_MENU, 1)
    )
    + "</style>"
)
_logger = logging.getLogger(__name__)


def begin(title: str, subtitle: str) -> None:
    """Set up the page: heading, notices, and problems with the installation."""
    from ferapp.ui.shared import installation  # the server starts before its libraries are loaded

    head(title, subtitle)
    installation.banner()


def head(title: str, subtitle: str) -> None:
    """The page's title in the browser, the logo and the heading."""
    st.set_page_config(page_title=f"{title} · ferapp", page_icon=str(_LOGO), layout="wide")
    st.logo(str(_LOGO), size="large")
    st.title(title, anchor=False)
    st.markdown(subtitle)
    st.html(_STYLE)


def foot() -> None:
    """The notices, below whatever the page shows."""
    st.caption(f"{EXPRESSION_NOTICE} {USE_NOTICE}")


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Show errors that a user can fix as one sentence; Streamlit handles and logs all others."""
    try:
        yield
    except UserError as exc:
        from ferapp.ui.shared import installation

        _logger.warning("shown to the visitor: %s", type(exc).__name__)
        if installation.is_in_banner(exc):
            return
        with st.container(border=True):
            st.markdown("**This did not work**")
            st.text(str(exc))
            if isinstance(exc, StoreError) and exc.remedy:
                _show_remedy(exc.remedy)


def _show_remedy(remedy: str) -> None:
    """What whoever runs ferapp can do; a visitor from elsewhere learns no folder."""
    from ferapp.ui.shared.owner import is_at_this_machine

    if is_at_this_machine():
        st.text(remedy)
