"""The about page."""

import platform

import pandas
import streamlit as st

from ferapp._version import __version__
from ferapp.inference import weights
from ferapp.inference.added import refusals
from ferapp.inference.manifest import Model, added_models, manifest
from ferapp.ui.about.licences import libraries
from ferapp.ui.shared import installation

_LIMITS = """
**An expression is not a feeling.** The model says what ten people looking at the face would have
called it, as far as it has learnt that from web photos. People smile without being happy and are
happy without smiling: over many studies a felt emotion and its textbook expression went together in
about one case in eight (Durán and Fernández-Dols, 2021, *Emotion* 21).

- Disgust, fear and contempt are recognised poorly, and sadness is often taken for neutral: the
  figures, with how many faces they rest on, are in the model cards (models/README.md).
- Faces that are turned away, half hidden, badly lit or smaller than 30 pixels get worse answers.
  A picture that lies on its side or stands on its head gets wrong ones that look sure.
- How well it does for different ages, skin colours and cultures **has not been measured**: the data
  has no such labels. Other systems have been found to do worse for some groups.
- "Unsure" is an answer. Its threshold was chosen so that nine in ten labels were right on faces
  that the model had not learnt from.
"""

_LAW = """
- In the **European Union** it is forbidden to infer people's emotions at the workplace and in
  education, except for medical or safety reasons (AI Act, Regulation 2024/1689, Article 5(1)(f),
  since 2 February 2025). Elsewhere such systems are high-risk, and people who are exposed to one
  have to be told (Article 50(3), since 2 August 2026).
- Ask the people whom you show to it. A picture of a face is personal data, also where its
  expression alone is not a biometric identification.
- Do not use it to judge, select, score or monitor people, and not on children without those who
  care for them. This page is not legal advice.
"""

_PRIVACY = """
- Pictures go from your browser to the machine that runs ferapp, **which is your own** unless you
  opened this page from another one. They are kept in memory until you remove them or close the
  page, and nowhere else; no picture is written to disk. A video is handed to its decoder as a
  temporary file without a name, gone when it has been read; an annotated copy lies in a private
  temporary folder while it is made.
- Live video goes to that machine and back, directly. One or two frames are in its memory at a time;
  of the last minute only numbers are kept, until you close the page.
- **Nothing is recorded unless you press record** and say who is shown; then numbers, never
  pictures, in a database on that machine, for as long as you chose. The dashboard shows where, and
  deletes them with their bytes.
- Nothing is sent anywhere: no telemetry, no fonts or scripts from elsewhere, no accounts.
- No identity: nothing that could tell a face again is computed or kept.
- Downloads carry no metadata of the original, such as place or camera. In a picture with several
  faces you choose which are shown; the others are blurred. Their numbers stay in the tables.
"""


def show() -> None:
    """Limits, law, privacy, models, versions and licences."""
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("What it can know", anchor=False)
        st.markdown(_LIMITS)
        st.subheader("Your pictures", anchor=False)
        st.markdown(_PRIVACY)
    with right:
        st.subheader("What it may be used for", anchor=False)
        st.markdown(_LAW)
        st.subheader("Versions", anchor=False)
        st.markdown(
            f"ferapp {__version__}, Python {platform.python_version()} on "
            f"{platform.system()} ({platform.machine()}). ferapp and the weights that ship with it "
            "are under the MIT licence."
        )
    st.subheader("Models", anchor=False)
    st.dataframe(_models(), hide_index=True)
    for name, reason in _refused():
        st.text(f"{name}: {reason}")
    st.caption("Model cards with data, method and errors: models/README.md beside the code.")
    st.subheader("Licences", anchor=False)
    with st.expander("Libraries that ferapp installs"):
        st.dataframe(_licences(), hide_index=True)
    installation.fold()


def _models() -> pandas.DataFrame:
    rows = [_row(model) for model in manifest().models]
    rows += [
        {"model": bad.name, "kind": "?", "on this machine": "refused"}
        for bad in added_models().refused
    ]
    return pandas.DataFrame(rows).fillna("")


def _refused() -> list[tuple[str, str]]:
    """Which added models can't be used, and why."""
    return [*refusals().items(), *((bad.name, bad.reason) for bad in added_models().refused)]


def _row(model: Model) -> dict[str, str]:
    defaults = manifest().defaults
    figures = {m.name: m for m in model.metrics}
    if "test_accuracy" in figures:
        told = (
            f"accuracy {figures['test_accuracy'].value:.1%}, macro recall "
            f"{figures['test_macro_recall'].value:.2f} "
            f"({figures['test_accuracy'].n:,} faces of {figures['test_accuracy'].data})"
        )
    elif "ap_easy" in figures:
        points = " / ".join(f"{figures[f'ap_{d}'].value:.2f}" for d in ("easy", "medium", "hard"))
        told = f"AP {points} (easy, medium, hard; {figures['ap_easy'].data})"
    else:
        told = "not measured"
    is_here = "yes" if weights.is_here(model) else "no"
    is_default = model.name in (defaults.detector, defaults.classifier)
    return {
        "model": f"{model.name} (default)" if is_default else model.name,
        "kind": model.kind,
        "on this machine": "refused" if model.name in refusals() else is_here,
        "figures": told,
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
