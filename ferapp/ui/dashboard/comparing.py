"""Comparing sessions: which faces belong to which condition, and how the conditions differ."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, get_args

import numpy as np
import pandas
import streamlit as st

from ferapp.errors import StoreError
from ferapp.labels import face_title
from ferapp.sessions.report.comparison_charts import (
    differences_chart,
    means_chart,
    multiples_chart,
)
from ferapp.sessions.statistics.bins import Measure
from ferapp.sessions.statistics.bootstrap import DRAWS, LEAST, Interval
from ferapp.sessions.statistics.conditions import (
    Comparison,
    Unit,
    compare_conditions,
    condition_curves,
    to_comparison_csv,
)
from ferapp.sessions.statistics.profiles import FaceProfile, face_profiles
from ferapp.sessions.store import Overview, Store
from ferapp.ui.shared import session_keys
from ferapp.vision.annotate import percent
from ferapp.wording import counted, first_of

MOST_SESSIONS: Final = 30
"""How many sessions are compared at most."""

_MOST_CONDITIONS: Final = 12
_MOST_FACES: Final = 300
_CURVE_BINS: Final = 150
_CHART: Final = {"displaylogo": False, "displayModeBar": False}
_MEASURES: Final[dict[Measure, str]] = {
    "probability": "Mean probability",
    "label": "Share of time with the label",
}
_UNITS: Final[dict[Unit, str]] = {"face": "Faces", "session": "Sessions"}


def show_comparison(
    store: Store, me: str, chosen: Overview, sessions: Sequence[Overview], titles: Mapping[str, str]
) -> None:
    """Let the visitor choose sessions and conditions, and compare them.

    Args:
        store: The sessions.
        me: Their owner.
        chosen: The session that the page shows.
        sessions: All of them.
        titles: What each is called, by its id; all different.
    """
    by_id = {
        s.recording.id: s for s in sessions if s.recording.source != "pictures" and not s.is_running
    }
    key = session_keys.COMPARED_SESSIONS
    # Some may have been deleted.
    kept = [id for id in key.get() or [] if id in by_id]
    if not kept:
        others = [id for id in by_id if id != chosen.recording.id]
        kept = [chosen.recording.id, *others[:1]]
    key.set(kept)
    ids = st.multiselect(
        "Sessions to compare",
        list(by_id),
        key=key.name,
        format_func=titles.__getitem__,
        max_selections=MOST_SESSIONS,
        placeholder="Choose two or more",
    )
    if not ids:
        st.info("Choose sessions to compare.")
        return
    compared = [by_id[id] for id in ids]
    edges_s = np.linspace(0, max(max(s.duration_s for s in compared), 0.1), _CURVE_BINS + 1)
    profiles = _load_profiles(store, me, compared, edges_s)
    if not profiles:
        st.info("No face could be read in these sessions.", icon=":material/visibility_off:")
        return
    conditions = _choose_conditions(by_id, titles, profiles, is_one=len(ids) == 1)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    measure = row.segmented_control(
        "Compare",
        get_args(Measure),
        default="probability",
        required=True,
        format_func=_MEASURES.__getitem__,
        key="compare-measure",
    )
    unit = row.segmented_control(
        "Count",
        get_args(Unit),
        default="face",
        required=True,
        format_func=_UNITS.__getitem__,
        key="compare-unit",
        help="What counts as one observation. Count sessions where the faces of a session "
        "influence each other, or where each session is one person.",
    )
    if not conditions:
        st.info("Give at least one face a condition.")
        return
    if len(conditions) > _MOST_CONDITIONS:
        st.info(
            f"These are {len(conditions)} conditions; at most {_MOST_CONDITIONS} can be compared. "
            "Give several faces the same condition, or choose fewer sessions."
        )
        return
    _show_result(compare_conditions(conditions, measure=measure, unit=unit))
    _show_multiples(conditions, edges_s)
    if len({str(session.recording.models) for session in compared}) > 1:
        st.caption("They were read by different models; compare their probabilities with care.")


def _load_profiles(
    store: Store, me: str, sessions: Sequence[Overview], edges_s: Any
) -> list[FaceProfile]:
    """The profiles of all faces; readings are loaded one session after the other."""
    earlier = session_keys.PROFILES.get() or {}
    kept: dict[tuple[Any, ...], list[FaceProfile]] = {}
    with st.spinner("Reading the sessions …"):
        for session in sessions:
            recording = session.recording
            key = (recording.id, session.readings, session.edits, float(edges_s[-1]))
            try:
                kept[key] = earlier.get(key) or face_profiles(
                    recording, store.readings(recording.id, me), edges_s
                )
            except StoreError as exc:
                st.warning(str(exc), icon=":material/warning:")
    session_keys.PROFILES.set(kept)
    return [profile for its in kept.values() for profile in its]


def _choose_conditions(
    sessions: Mapping[str, Overview],
    titles: Mapping[str, str],
    profiles: Sequence[FaceProfile],
    *,
    is_one: bool,
) -> dict[str, list[FaceProfile]]:
    """The faces of each condition, in the order in which the conditions come first."""
    shown = profiles[:_MOST_FACES]
    faces = [face_title(p.face, sessions[p.session].recording.names) for p in shown]
    names = [titles[p.session] for p in shown]
    table = pandas.DataFrame(
        {"session": names, "face": faces, "condition": faces if is_one else names}, dtype="str"
    )
    with st.expander("Conditions", icon=":material/groups:"):
        st.caption(
            "At first each session is a condition, or each face if there is one session. Give "
            "several the same name to compare groups; without a name a face is left out."
        )
        edited = st.data_editor(
            table,
            hide_index=True,
            key=f"conditions-{hash(tuple((p.session, p.face) for p in shown))}",
            disabled=["session", "face"],
            column_config={"condition": st.column_config.TextColumn("condition", max_chars=60)},
        )
        if len(profiles) > len(shown):
            st.caption(f"The first {_MOST_FACES} of {len(profiles):,} faces.")
    conditions: dict[str, list[FaceProfile]] = {}
    for profile, name in zip(shown, edited["condition"], strict=True):
        if pandas.notna(name) and str(name).strip():
            conditions.setdefault(str(name).strip(), []).append(profile)
    return conditions


def _show_result(comparison: Comparison) -> None:
    with_differences = len(comparison.means) > 1
    left, right = st.columns(2, gap="medium") if with_differences else (st.container(), None)
    with left:
        st.markdown("**Means**")
        st.plotly_chart(
            means_chart(comparison), config=_CHART, key="means", alt=_alt_text(comparison)
        )
    if right is not None:
        with right:
            st.markdown("**Differences**")
            st.plotly_chart(
                differences_chart(comparison),
                config=_CHART,
                key="differences",
                alt="Differences between the means; the table below has the same numbers",
            )
            st.text(f"From: {comparison.reference}")
    drawn = "faces" if comparison.unit == "face" else "sessions"
    st.caption(
        f"Bars are 95 % bootstrap intervals: {DRAWS:,} draws with replacement of whole {drawn}, "
        "never of single readings. With fewer than about ten, they are too narrow. Two faces are "
        "taken for two people."
    )
    alone = [name for name, its in comparison.means.items() if its.n.max(initial=0) < LEAST]
    if alone:
        one = "face" if comparison.unit == "face" else "session"
        st.info(f"Of these there is one {one} only, so that there is no interval:")
        st.text(first_of(alone, _MOST_CONDITIONS))
    st.dataframe(_table(comparison), hide_index=True)
    st.download_button(
        "Comparison (CSV)",
        partial(to_comparison_csv, comparison),
        file_name="ferapp-comparison.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _show_multiples(conditions: Mapping[str, list[FaceProfile]], edges_s: Any) -> None:
    st.markdown("**Over time**")
    counts = {name: len(faces) for name, faces in conditions.items()}
    st.plotly_chart(
        multiples_chart(condition_curves(conditions), edges_s, counts),
        config=_CHART,
        key="multiples",
        alt="Mean probabilities over time of "
        + ", ".join(f"{name} ({counted(n, 'face')})" for name, n in counts.items()),
    )
    st.caption(
        "Each curve is the mean over the faces of the condition that are in view, from the start "
        "of each session."
    )


def _table(comparison: Comparison) -> pandas.DataFrame:
    """One row for each expression, and for each condition its mean and its difference."""
    columns: dict[str, list[str]] = {"expression": list(comparison.classes)}
    for name, its in comparison.means.items():
        columns[f"{name} (n = {its.n.max(initial=0)})"] = _with_interval(its, "")
    for name, its in comparison.differences.items():
        columns[f"{name} − {comparison.reference}"] = _with_interval(its, "+")
    return pandas.DataFrame(columns)


def _with_interval(its: Interval, sign: str) -> list[str]:
    """Percentages with their intervals; empty where there is no observation."""
    texts = []
    for mean, low, high in zip(its.mean.tolist(), its.low.tolist(), its.high.tolist(), strict=True):
        interval = "" if low != low else f" ({low * 100:{sign}.1f} to {high * 100:{sign}.1f})"
        texts.append("" if mean != mean else f"{mean * 100:{sign}.1f} %{interval}")
    return texts


def _alt_text(comparison: Comparison) -> str:
    """The highest mean of each condition, in words."""
    parts = []
    for name, its in comparison.means.items():
        place = int(np.nanargmax(its.mean))
        parts.append(f"{name}: {comparison.classes[place]} {percent(float(its.mean[place]))}")
    return f"Highest means. {'; '.join(parts)}"
