"""Problems with this installation: a banner on every page, the report on the about page."""

import logging
from functools import cache

import streamlit as st

from ferapp.doctor.findings import State
from ferapp.doctor.report import Report, report
from ferapp.errors import UserError
from ferapp.inference import onnx_model as session
from ferapp.libraries import Trouble
from ferapp.ui.shared.owner import is_at_this_machine
from ferapp.vision import opencv

_logger = logging.getLogger(__name__)


def banner() -> None:
    """Show which libraries can't be used or have been replaced."""
    for trouble in _troubles():
        state: State = "note" if trouble.is_usable else "problem"
        _alert(state, f"{trouble.sentence} Then restart the app.")


def is_in_banner(error: UserError) -> bool:
    """Whether the banner says the same as an error."""
    return str(error) in {trouble.sentence for trouble in _troubles()}


@cache
def _troubles() -> tuple[Trouble, ...]:
    troubles = [loaded.trouble for loaded in (opencv.loaded, session.loaded) if loaded.trouble]
    for trouble in troubles:
        if not trouble.is_usable:  # the others were logged before
            _logger.error("%s", trouble.sentence)
    return tuple(troubles)


def show_report() -> None:
    """The report of ``ferapp doctor`` in an expander, made when it is opened.

    Only for a visitor at this machine: it shows folders, libraries and free space.
    """
    if not is_at_this_machine():
        return
    with st.expander("This installation", on_change="rerun", key="installation") as opened:
        if opened.open:
            with st.spinner("Checking this installation …"):
                result = report(serving=st.get_option("server.port"))
            _show(result)


def _show(result: Report) -> None:
    st.markdown(f"**{result.summary}** `python -m ferapp doctor` prints the same.")
    for check in result.checks:
        state = check.finding.state
        if state != "ok":
            _alert(state, f"**{check.title}**: {check.finding.text}. {check.finding.advice}")
    st.code("\n".join(line for line, _ in result.lines()), language=None, wrap_lines=True)


def _alert(state: State, text: str) -> None:
    if state == "problem":
        st.error(text, icon=":material/error:")
    else:
        st.warning(text, icon=":material/info:")
