"""The about page."""

import platform

import pandas
import streamlit as st

from ferapp._version import __version__
from ferapp.inference import weights
from ferapp.inference.added import refusals
from ferapp.inference.manifest import Model, added_models, manifest
from ferapp.pipeline.limits import outside_text
from ferapp.ui.about.licences import libraries
from ferapp.ui.shared import installation

_LIMITS = """
**An expression is not a feeling.** The model says what ten people looking at the face would have
called it, as learnt from web photos. People smile without being happy and are
happy without smiling: over many studies a felt emotion and its textbook expression went together in
about one case in eight (Durán and Fernández-Dols, 2021, *Emotion* 21).

- Disgust, fear and contempt are recognised poorly, and sadness is often mistaken for neutral. The
  model cards (models/README.md) have the figures and the number of faces behind each.
- Faces that are turned away, half hidden, badly lit or smaller than 30 pixels get worse results.
  A picture that is sideways or upside down gets wrong results that look confident.
- {outside} Other systems have been found to work worse for some groups.
- "Unsure" is a valid result. Its threshold was chosen so that nine in ten labels were right on
  faces that the model was not trained on.
"""

_LAW = """
- In the **European Union** it is prohibited to infer people's emotions at the workplace and in
  education, except for medical or safety reasons (AI Act, Regulation 2024/1689, Article 5(1)(f),
  since 2 February 2025). Elsewhere such systems are high-risk, and people who are exposed to one
  must be informed (Article 50(3), since 2 August 2026).
- Ask the people in your pictures for their consent. A picture of a face is personal data, even
  where reading its expression is not biometric identification.
- Do not use it to judge, select, score or monitor people, and not on children without the
  consent of their parents or guardians. This page is not legal advice.
"""

_PRIVACY = """
- Pictures go from your browser to the machine that runs ferapp, **which is your own** unless you
  opened this page from another one. They are kept in memory, and nowhere else, until you remove
  them or close the page; no picture is written to disk. A video is passed to its decoder as
  an unnamed temporary file, which is gone once it has been read; an annotated copy is in a private
  temporary folder while it is made.
- Videos, added models and most kinds of pictures are read by a process of its own that reaches no
  network, no other program and no other file, as far as the system of that machine can do that.
- Live video goes directly to that machine and back. One or two frames are in its memory at a time;
  of the last minute, only numbers are kept, until you close the page.
  A snapshot or a clip, which you take after saying who is shown, stays in memory until you discard
  it or close the page.
- **Nothing is recorded unless you press record** and say who is shown. Then numbers, never
  pictures, are stored in a database on that machine for as long as you chose. The dashboard shows
  where, and deletes them.
- Nothing is sent anywhere: no telemetry, no fonts or scripts from elsewhere, no accounts.
- No identity: nothing that could identify a face again is computed or kept.
- Downloads carry no metadata of the original, such as place or camera. In a picture with several
  faces you choose which are shown; the others are blurred, but stay in the tables.
"""


def show() -> None:
    """Limits, law, privacy, models, versions and licences."""
    left, right = st.columns(2, gap="large")
    with left:
        st.header("What it can know", anchor=False)
        st.markdown(_LIMITS.format(outside=outside_text()))
        st.header("Your pictures", anchor=False)
        st.markdown(_PRIVACY)
    with right:
        st.header("What it may be used for", anchor=False)
        st.markdown(_LAW)
        st.header("Versions", anchor=False)
        st.markdown(
            f"ferapp {__version__}, Python {platform.python_version()} on "
            f"{platform.system()} ({platform.machine()}). ferapp and the weights that ship with it "
            "are under the MIT licence."
        )
    st.header("Models", anchor=False)
    st.dataframe(_models(), hide_index=True)
    for name, reason in _refused_models():
        st.text(f"{name}: {reason}")
    st.caption("Model cards with data, methods and errors are in models/README.md beside the code.")
    st.header("Licences", anchor=False)
    with st.expander("Libraries that ferapp installs"):
        st.dataframe(_licences(), hide_index=True)
    installation.show_report()


def _models() -> pandas.DataFrame:
    rows = [_row(model) for model in manifest().models]
    rows += [
        {"model": bad.name, "kind": "?", "on this machine": "refused"}
        for bad in added_models().refused
    ]
    return pandas.DataFrame(rows).fillna("")


def _refused_models() -> list[tuple[str, str]]:
    """Which added models can't be used, and why."""
    return [*refusals().items(), *((bad.name, bad.reason) for bad in added_models().refused)]


def _row(model: Model) -> dict[str, str]:
    figures = {m.name: m for m in model.metrics}
    if "test_accuracy" in figures:
        figures_text = (
            f"accuracy {figures['test_accuracy'].value:.1%}, macro recall "
            f"{figures['test_macro_recall'].value:.2f} "
            f"({figures['test_accuracy'].n:,} faces of {figures['test_accuracy'].data})"
        )
    elif "ap_easy" in figures:
        points = " / ".join(f"{figures[f'ap_{d}'].value:.2f}" for d in ("easy", "medium", "hard"))
        figures_text = f"AP {points} (easy, medium, hard; {figures['ap_easy'].data})"
    elif "test_nme" in figures:
        figures_text = (
            f"points off by {figures['test_nme'].value:.1%} of the eye distance "
            f"({figures['test_nme'].n:,} faces of {figures['test_nme'].data})"
        )
    else:
        figures_text = "not measured"
    is_here = "yes" if weights.is_here(model) else "no"
    is_default = model.name in manifest().defaults.names
    return {
        "model": f"{model.name} (default)" if is_default else model.name,
        "kind": model.kind,
        "on this machine": "refused" if model.name in refusals() else is_here,
        "figures": figures_text,
        "licence": model.licence,
        "source": model.source,
        "trained on": model.data,
    }


@st.cache_data(show_spinner=False)
def _licences() -> pandas.DataFrame:
    return pandas.DataFrame(
        [
            {"library": each.name, "version": each.version, "licence": each.licence}
            for each in libraries()
        ]
    )
