"""One row a video: its faces, and how long they had which label."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import pandas

from ferapp.pipeline.record import Track
from ferapp.vision.annotate import percent
from ferapp.wording import duration_text


@dataclass(frozen=True)
class Totals:
    """What there is to say of one video.

    Attributes:
        name: Its file name.
        length_s: How long it is, s.
        faces: How many faces it has.
        seconds: How long each label held, s, over all faces; the longest first.
        unreadable_s: How long faces were there and could not be read, s, over all faces.
    """

    name: str
    length_s: float
    faces: int
    seconds: Mapping[str, float]
    unreadable_s: float

    @classmethod
    def of(cls, name: str, length_s: float, tracks: Sequence[Track]) -> Self:
        """Sum up the faces of a video."""
        seconds: Counter[str] = Counter()
        for track in tracks:
            seconds.update(track.seconds)
        unreadable_s = sum(track.unreadable_s for track in tracks)
        return cls(name, length_s, len(tracks), dict(seconds.most_common()), unreadable_s)

    @property
    def read_s(self) -> float:
        """How long faces were read, s, over all faces."""
        return sum(self.seconds.values())

    def share(self, label: str) -> float:
        """Share of that time in which a label held, in [0, 1]; 0 if no face was read."""
        return self.seconds.get(label, 0.0) / self.read_s if self.read_s else 0.0


def totals_table(rows: Sequence[Totals], labels: Sequence[str]) -> pandas.DataFrame:
    """The table as a file has it: seconds and shares as numbers."""
    return pandas.DataFrame(
        [
            {
                "video": row.name,
                "duration_s": row.length_s,
                "faces": row.faces,
                "read_s": row.read_s,
                "unreadable_s": row.unreadable_s,
                **{f"share_{label}": row.share(label) for label in labels},
            }
            for row in rows
        ]
    )


def shown_table(rows: Sequence[Totals], labels: Sequence[str]) -> pandas.DataFrame:
    """The table as the page shows it."""
    return pandas.DataFrame(
        [
            {
                "video": row.name,
                "length": duration_text(row.length_s),
                "faces": row.faces,
                "faces read for": duration_text(row.read_s),
                **{label: percent(row.share(label)) for label in labels},
            }
            for row in rows
        ]
    )
