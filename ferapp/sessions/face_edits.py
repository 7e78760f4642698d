"""What a user changed about the faces of a session: names, merged numbers, split numbers.

The changes are kept in order beside the readings, which stay as they were recorded: so each can be
undone exactly (docs/decisions/0018).
"""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import FaceEditError, NameTaken
from ferapp.labels import face_phrase
from ferapp.sessions.session import Readings, Source
from ferapp.system.text import one_line

MOST_NAME: Final = 60
"""Longest name of a face, in characters."""

MOST_STEPS: Final = 1000
"""How many changes of one session are kept."""

_MOST_LISTED: Final = 20
# Letters that show nothing: Hangul fillers and the empty Braille pattern.
_BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0\ufffd")


@dataclass(frozen=True)
class NameFace:
    """Give a face a name, or take it away.

    Attributes:
        face: Its number.
        name: Its name; empty for none.
    """

    face: int
    name: str


@dataclass(frozen=True)
class MergeFaces:
    """Several numbers are one person.

    Attributes:
        face: The number that stays.
        others: The numbers that become it.
    """

    face: int
    others: tuple[int, ...]


@dataclass(frozen=True)
class SplitFace:
    """From a time on, a number is another person.

    Attributes:
        face: The number.
        at_s: The first time of the other person, s.
        new_face: The number of the other person; 0 if it is still to be chosen.
    """

    face: int
    at_s: float
    new_face: int = 0


FaceEdit = NameFace | MergeFaces | SplitFace
_KINDS: Final = {"name": NameFace, "merge": MergeFaces, "split": SplitFace}


@dataclass(frozen=True)
class FaceEdits:
    """All changes of a session, in order.

    Attributes:
        steps: The changes; the last one can be undone.
        given: Names that came with the readings, from an imported file.
    """

    steps: tuple[FaceEdit, ...] = ()
    given: tuple[NameFace, ...] = ()

    @classmethod
    def named(cls, names: Mapping[int, str]) -> Self:
        """No changes, but names that came with the readings."""
        return cls(given=tuple(NameFace(face, name) for face, name in sorted(names.items())))

    @property
    def names(self) -> dict[int, str]:
        """The name of each face that has one, by its number now."""
        names: dict[int, str] = {}
        for edit in (*self.given, *self.steps):
            match edit:
                case NameFace(face, ""):
                    names.pop(face, None)
                case NameFace(face, name):
                    names[face] = name
                case MergeFaces(face, others):
                    lost = [name for other in others if (name := names.pop(other, ""))]
                    if lost:
                        names.setdefault(face, lost[0])
        return names

    def renumber(self, at_s: NDArray[np.float64], face: NDArray[np.int64]) -> NDArray[np.int64]:
        """The numbers of faces after all changes.

        Args:
            at_s: Times of readings, (n,), s.
            face: Their numbers as recorded, (n,).

        Example:
            >>> edits = FaceEdits((MergeFaces(1, (2,)), SplitFace(1, 3.0, 4)))
            >>> edits.renumber(np.array([0.0, 1.0, 3.0]), np.array([1, 2, 2]))
            array([1, 1, 4])
        """
        face = face.copy()
        for edit in self.steps:
            match edit:
                case MergeFaces(kept, others):
                    face[np.isin(face, others)] = kept
                case SplitFace(old, from_s, new):
                    face[(face == old) & (at_s >= from_s)] = new
        return face

    def apply(self, readings: Readings) -> Readings:
        """The readings with the numbers after all changes; the others stay as they are."""
        return replace(readings, face=self.renumber(readings.at_s, readings.face))

    def add(
        self,
        edit: FaceEdit,
        at_s: NDArray[np.float64],
        face: NDArray[np.int64],
        *,
        source: Source = "video",
    ) -> Self:
        """These changes and another one; the same if it changes nothing.

        Args:
            edit: The change, by the numbers as they are now.
            at_s: Times of all readings, (n,), s.
            face: Their numbers as recorded, (n,).
            source: Where the readings came from.

        Raises:
            FaceEditError: It is not possible.
            NameTaken: Another face already has the name.
        """
        if len(self.steps) >= MOST_STEPS:
            raise FaceEditError(f"A session keeps at most {MOST_STEPS:,} changes of its faces.")
        now = self.renumber(at_s, face)
        used = np.unique(now)
        match edit:
            case NameFace():
                _refuse_unknown([edit.face], used)
                edit = replace(edit, name=clean_name(edit.name))
                if edit.name == self.names.get(edit.face, ""):
                    return self
                self._refuse_taken(edit)
            case MergeFaces():
                others = tuple(sorted(set(edit.others) - {edit.face}))
                if not others:
                    raise FaceEditError(f"Choose another face to merge with face {edit.face}.")
                edit = replace(edit, others=others)
                _refuse_unknown([edit.face, *others], used)
                _refuse_together([edit.face, *others], at_s, now, source)
            case SplitFace():
                _refuse_unknown([edit.face], used)
                _refuse_split(edit, at_s[now == edit.face], source)
                edit = replace(edit, new_face=self._free_number(face))
        return replace(self, steps=(*self.steps, edit))

    def undo(self) -> Self:
        """These changes without the last one.

        Raises:
            FaceEditError: There is none.
        """
        if not self.steps:
            raise FaceEditError("There is no change of faces to undo.")
        return replace(self, steps=self.steps[:-1])

    @property
    def has_names(self) -> bool:
        """Whether any name is kept, also one that only an undo would bring back."""
        return bool(self.given) or any(isinstance(step, NameFace) for step in self.steps)

    def without_names(self) -> Self:
        """These changes without any name, also none that an undo would bring back."""
        steps = tuple(step for step in self.steps if not isinstance(step, NameFace))
        return replace(self, steps=steps, given=())

    def _refuse_taken(self, edit: NameFace) -> None:
        key = name_key(edit.name)
        for face, name in self.names.items():
            if edit.name and face != edit.face and name_key(name) == key:
                raise NameTaken(face, edit.face)

    def _free_number(self, face: NDArray[np.int64]) -> int:
        """A number that no face ever had."""
        given = [step.new_face for step in self.steps if isinstance(step, SplitFace)]
        return max([int(face.max(initial=0)), *given]) + 1


def clean_name(name: str) -> str:
    """A name on one line, without spaces around it; empty if nothing of it can be seen.

    Raises:
        FaceEditError: It is too long.

    Example:
        >>> clean_name("  Ada   Lovelace "), clean_name(chr(0x200B))
        ('Ada Lovelace', '')
    """
    line = one_line(" ".join(unicodedata.normalize("NFC", name).split()))
    if len(line) > MOST_NAME:
        raise FaceEditError(f"A name has at most {MOST_NAME} characters; this one has {len(line)}.")
    is_visible = any(unicodedata.category(c)[0] in "LNPS" and c not in _BLANK for c in line)
    return line if is_visible else ""


def name_key(name: str) -> str:
    """The same for names that a reader would take for one."""
    return unicodedata.normalize("NFKC", name).casefold()


def describe_edit(edit: FaceEdit, names: Mapping[int, str]) -> str:
    """A change in a few words, for the one who may undo it.

    Args:
        edit: The change.
        names: Names of the faces before it.
    """
    match edit:
        case NameFace(face, ""):
            return f"Name of {face_phrase(face, names)} removed"
        case NameFace(face, name):
            return f"Face {face} named {name}"
        case MergeFaces(face, others):
            these = _list([face_phrase(other, names) for other in others])
            words = f"{these} merged into {face_phrase(face, names)}"
        case SplitFace(face, at_s, new):
            words = f"{face_phrase(face, names)} split: face {new} from {_seconds(at_s)} on"
    return words.replace("face", "Face", 1) if words.startswith("face ") else words


def edit_to_json(edit: FaceEdit) -> dict[str, Any]:
    """A change as plain values."""
    kind = next(kind for kind, of in _KINDS.items() if isinstance(edit, of))
    return {"kind": kind} | asdict(edit)


def edit_from_json(value: Mapping[str, Any]) -> FaceEdit:
    """What `edit_to_json` gave.

    Raises:
        TypeError, ValueError, LookupError: It is something else.
    """
    fields = {name: field for name, field in value.items() if name != "kind"}
    if "others" in fields:
        fields["others"] = tuple(fields["others"])
    edit: FaceEdit = _KINDS[value["kind"]](**fields)
    if not _is_sound(edit):
        raise ValueError("not a change of faces")
    return edit


def _is_sound(edit: FaceEdit) -> bool:
    """Whether its values are of the types that they should be."""
    match edit:
        case NameFace(name=name):
            return _are_numbers(edit.face) and isinstance(name, str)
        case MergeFaces(others=others):
            return _are_numbers(edit.face, *others)
        case SplitFace(at_s=at_s):
            is_time = isinstance(at_s, int | float) and math.isfinite(at_s)
            return _are_numbers(edit.face, edit.new_face) and is_time


def _are_numbers(*faces: object) -> bool:
    return all(type(face) is int and abs(face) < 2**63 for face in faces)


def _seconds(at_s: float) -> str:
    return f"{at_s:.2f}".rstrip("0").rstrip(".") + " s"


def _list(words: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _refuse_unknown(faces: Sequence[int], used: NDArray[np.int64]) -> None:
    for face in faces:
        if face not in used:
            known = [str(number) for number in used[:_MOST_LISTED]]
            more = " …" if len(used) > _MOST_LISTED else ""
            its = f"its faces are {', '.join(known)}{more}" if known else "it has no faces"
            raise FaceEditError(f"There is no face {face} in this session; {its}.")


def _refuse_together(
    faces: Sequence[int], at_s: NDArray[np.float64], now: NDArray[np.int64], source: Source
) -> None:
    """Refuse to merge faces that were seen at the same time."""
    rows = np.isin(now, faces)
    # Two readings of one face at one time, as a file may have them, are one.
    pairs = np.unique(np.stack([at_s[rows], now[rows].astype(np.float64)], axis=1), axis=0)
    twice = np.flatnonzero(pairs[1:, 0] == pairs[:-1, 0])
    if len(twice):
        when_s, one = pairs[twice[0]]
        other = pairs[twice[0] + 1, 1]
        where = (
            f"in picture {int(when_s) + 1}" if source == "pictures" else f"at {_seconds(when_s)}"
        )
        raise FaceEditError(
            f"Face {int(one)} and face {int(other)} are both seen {where}, so they can't be one "
            "person. If one of the numbers changed persons, split it first."
        )


def _refuse_split(edit: SplitFace, at_s: NDArray[np.float64], source: Source) -> None:
    """Refuse a split that leaves one side without readings."""
    if source == "pictures":
        raise FaceEditError("Faces of pictures can't be split: each number is one face.")
    first_s, last_s = float(at_s.min()), float(at_s.max())
    # Written so that NaN fails.
    if not first_s < edit.at_s <= last_s:
        raise FaceEditError(
            f"Face {edit.face} is seen from {_seconds(first_s)} to {_seconds(last_s)}; "
            "split it at a time after the first and not after the last of these."
        )
