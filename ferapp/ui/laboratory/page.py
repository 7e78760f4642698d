"""The laboratory page: the measured table, what each way is, and all of them on one face."""

from collections.abc import Mapping

import pandas
import streamlit as st

from ferapp.evaluation.laboratory.rows import LabRow, read_rows
from ferapp.evaluation.laboratory.systems import SYSTEMS
from ferapp.inference.manifest import manifest
from ferapp.ui.laboratory import one_face

_ABOUT = """
Every system learnt from the same training faces and was measured on the same {n:,} test faces,
which were cut out beforehand. The interval is one of 95 %. Macro recall counts all expressions
alike: a system that always says the commonest one gets one eighth. The tutorials' figures come from
other data and fewer classes, so they can't be compared directly.
"""


def show() -> None:
    """The whole page below its heading."""
    titles = _titles()
    rows = {name: row for name, row in read_rows().items() if name in titles}
    classifiers = {model.name for model in manifest().of_kind("classifier")}
    st.header("All systems, one face", anchor=False)
    one_face.show({name: title for name, title in titles.items() if name in classifiers})
    st.header("What they reach", anchor=False)
    if not rows:
        st.markdown("Nothing has been measured yet. `python -m ferapp lab evaluate` does it.")
        return
    st.markdown(_ABOUT.format(n=next(iter(rows.values())).figures.n))
    st.dataframe(table(rows, titles), hide_index=True)
    st.header("How they work, and where they fall short", anchor=False)
    for name in rows:
        if name in SYSTEMS:
            system = SYSTEMS[name]
            with st.expander(system.title):
                st.markdown(f"{system.idea} {system.shortfall}")
                if system.tutorial:
                    claim = system.claim or "no figure of its own"
                    st.caption(f"From: {system.tutorial}. It names {claim}.")


def table(rows: Mapping[str, LabRow], titles: Mapping[str, str]) -> pandas.DataFrame:
    """One line a system, the best last.

    Args:
        rows: Measured rows by name.
        titles: What each is called.
    """
    return pandas.DataFrame(
        {
            "system": titles[name],
            "accuracy": f"{row.figures.accuracy:.1%}",
            "interval": "{:.1%} to {:.1%}".format(*row.figures.accuracy_interval),
            "macro recall": f"{row.figures.macro_recall:.2f}",
            "tutorial's claim": SYSTEMS[name].claim if name in SYSTEMS else "",
            "time per face": "" if row.face_ms is None else f"{row.face_ms:.1f} ms",
            "size": f"{row.bytes / 1e6:.2f} MB" if row.bytes else "",
        }
        for name, row in sorted(rows.items(), key=lambda item: item[1].figures.accuracy)
    )


def _titles() -> dict[str, str]:
    """What each system is called, by name; ours is the last."""
    ours = manifest().defaults.classifier
    return {name: system.title for name, system in SYSTEMS.items()} | {ours: f"ferapp ({ours})"}
