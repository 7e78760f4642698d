"""What is wrong with this installation: on every page, and in full on the about page."""

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
    """Say which libraries can't be used or have been replaced."""
    for trouble in _troubles():
        state: State = "note" if trouble.is_usable else "problem"
        _alert(state, f"{trouble.sentence} Then restart the app.")


def is_in_banner(error: UserError) -> bool:
    """Whether the page says already what an error says."""
    return str(error) in {trouble.sentence for trouble in _troubles()}


@cache
def _troubles() -> tuple[Trouble, ...]:
    troubles = [loaded.trouble for loaded in (opencv.loaded, session.loaded) if loaded.trouble]
    for trouble in troubles:
        if not trouble.is_usable:  # the others have been logged already
            _logger.error("%s", trouble.sentence)
    return tuple(troubles)


def fold() -> None:
    """The report of ``ferapp doctor``, made when it is opened.

    Only for whoever is at this machine: it tells of folders, libraries and free space.
    """
    if not is_at_this_machine():
        return
    with st.expander("This installation", on_change="rerun", key="installation") as opened:
        if opened.open:
            with st.spinner("Checking this installation …"):
                found = report(serving=st.get_option("server.port"))
            _show(found)


def _show(found: Report) -> None:
    st.markdown(f"**{found.summary}** `python -m ferapp doctor` prints the same.")
    for check in found.checks:
        state = check.finding.state
        if state != "ok":
            _alert(state, f"**{check.title}**: {check.finding.text}. {check.finding.advice}")
    st.code("\n".join(line for line, _ in found.lines()), language=None, wrap_lines=True)


def _alert(state: State, text: str) -> None:
    if state == "problem":
        st.error(text, icon=":material/error:")
    else:
        st.warning(text, icon=":material/info:")
