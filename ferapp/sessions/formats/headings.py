"""Finds the columns of a session in a table that another program has written.

R, SPSS, Stata and spreadsheets spell headings in their own way: with a byte order mark in front, in
capitals, cut off after eight letters, or with points where a name has spaces.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import DataError
from ferapp.system.text import one_line

CORNERS: Final = ("x1", "y1", "x2", "y2")
NAME: Final = "name"
"""The column of names of faces; files of earlier versions have none."""

DURATION: Final = "duration_s"
"""The column with how long the frame of a reading was shown; other files may have none."""

ADDED: Final = (NAME, DURATION)
"""Columns that files of earlier versions lack."""

FIXED: Final = (
    "time_s",
    "face",
    NAME,
    *CORNERS,
    "width",
    "height",
    "score",
    "expression",
    "flaw",
    "is_corrected",
    DURATION,
)
"""The columns of sessions; those of probabilities come behind them."""

PATH: Final = "path"
"""The column with the name of a file in tables of several files."""

FRAME: Final = "frame"
"""A column of videos that an import doesn't need."""

_MOST_SHOWN: Final = 40
_MOST_LISTED: Final = 5
# How programs show a byte order mark that they don't know: R in several versions and locales.
_MARK: Final = re.compile(r"^(?:\ufeff|ï»¿|ï\.\.|X\.U\.FEFF\.|X\.\.\.|<U\+FEFF>)")
_CUT_AT: Final = 8
"""Letters of a name in old files of SPSS, SAS and dBase."""


@dataclass(frozen=True)
class Headings:
    """What the columns of a table are.

    Attributes:
        names: Our name of each column; empty for those that an import ignores.
        labels: The expressions, in the order of their columns.
        is_respelt: Whether another program has changed the spelling.
        notes: What a user should know, in sentences that go on after the file's name.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    is_respelt: bool
    notes: tuple[str, ...]


def read_headings(header: Sequence[str], labels: Sequence[str] | None = None) -> Headings:
    """Find the columns of a session.

    Args:
        header: The headings of a table.
        labels: The expressions, if they are known.

    Raises:
        DataError: A column is there twice.
    """
    names = [""] * len(header)
    for wanted in FIXED:
        place = place_of(wanted, header)
        if place is not None:
            names[place] = wanted
    if (place := _exact(PATH, header)) is not None:
        names[place] = PATH
    for wanted, place in _probabilities(header, labels).items():
        names[place] = wanted
    found = [name[2:] for name in names if name.startswith("p_")] if labels is None else labels
    changed = [
        (theirs, ours)
        for theirs, ours in zip(header, names, strict=True)
        if ours and theirs != ours
    ]
    ignored = [
        theirs for theirs, ours in zip(header, names, strict=True) if not ours and theirs != FRAME
    ]
    notes = []
    if changed:
        notes.append(f"spells headings in its own way: {_pairs(changed)}")
    if ignored:
        notes.append(f"has columns that were ignored: {_listed(ignored)}")
    return Headings(tuple(names), tuple(found), bool(changed), tuple(notes))


def place_of(wanted: str, header: Sequence[str]) -> int | None:
    """The place of a fixed column; None if there is none, or it is unclear which it is.

    Raises:
        DataError: It is there twice.
    """
    place = _exact(wanted, header)
    if place is not None:
        return place
    places = [n for n, name in enumerate(header) if _is_same(_MARK.sub("", name), wanted)]
    return places[0] if len(places) == 1 else None


def respelt_labels(
    labels: Sequence[str], cells: Collection[str], *, is_respelt: bool
) -> dict[str, str]:
    """The expressions whose heading another program has changed, and what they are called.

    Args:
        labels: The expressions as the headings have them.
        cells: The expressions in the cells.
        is_respelt: Whether other headings are changed.

    Example:
        >>> respelt_labels(["big.smile", "neutral"], ["big smile"], is_respelt=False)
        {'big.smile': 'big smile'}
    """
    unknown = sorted(set(cells) - set(labels))
    known = [name for name in EXPRESSIONS if name not in labels] if unknown or is_respelt else []
    changed = {}
    for label in labels:
        if label in cells or label in EXPRESSIONS:
            continue
        for names in (unknown, known):
            same = [name for name in names if _is_same(label, name, cut_at=_CUT_AT - 2)]
            if len(same) == 1:
                changed[label] = same[0]
                break
    return changed if len(set(changed.values())) == len(changed) else {}


def _probabilities(header: Sequence[str], labels: Sequence[str] | None) -> dict[str, int]:
    """The places of the columns of probabilities, by our names for them.

    Without known labels, the columns `p_…` that have a partner `s_…` are those of expressions.
    """
    if labels is not None:
        known = {f"{kind}_{label}" for label in labels for kind in "ps"}
        return {name: place for name in known if (place := _exact(name, header)) is not None}
    raw, smoothed = (
        {name[2:]: place for place, name in enumerate(header) if name[:2].casefold() == kind}
        for kind in ("p_", "s_")
    )
    for name, count in Counter(name for name in header if name[:2].casefold() == "p_").items():
        if count > 1:
            raise DataError(f"its column {_shown(name)} is there twice")
    places: dict[str, int] = {}
    for label, place in raw.items():
        same = [label] * (label in smoothed) or [s for s in smoothed if _is_same(s, label)]
        if len(same) == 1:
            places |= {f"p_{label}": place, f"s_{label}": smoothed[same[0]]}
        elif label in EXPRESSIONS or len(raw) == 1:
            places[f"p_{label}"] = place
    return places


def _exact(wanted: str, header: Sequence[str]) -> int | None:
    places = [place for place, name in enumerate(header) if name == wanted]
    if len(places) > 1:
        raise DataError(f"its column {_shown(wanted)} is there twice")
    return places[0] if places else None


def _is_same(theirs: str, ours: str, *, cut_at: int = _CUT_AT) -> bool:
    """Whether a heading is a name in capitals, with other signs, or cut off."""
    short, whole = _letters(theirs), _letters(ours)
    is_cut = len(theirs) == cut_at < len(ours) and whole.startswith(short)
    return bool(short) and (short == whole or is_cut)


def _letters(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _shown(name: str) -> str:
    return one_line(name[:_MOST_SHOWN])


def _listed(names: Sequence[str]) -> str:
    unnamed = sum(not name.strip() for name in names)
    parts = _first([_shown(name) for name in names if name.strip()])
    if unnamed:
        parts.append("one without a heading" if unnamed == 1 else f"{unnamed} without a heading")
    return ", ".join(parts)


def _pairs(changed: Sequence[tuple[str, str]]) -> str:
    return ", ".join(_first([f"{_shown(theirs)} is {_shown(ours)}" for theirs, ours in changed]))


def _first(parts: list[str]) -> list[str]:
    more = len(parts) - _MOST_LISTED
    return parts if more <= 0 else [*parts[:_MOST_LISTED], f"{more} more"]
