"""The report is complete, loads nothing, and never turns a visitor's text into code."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from ferapp.sessions.report.affect import FORMULA
from ferapp.sessions.report.html import MOST_FACES, to_html
from ferapp.sessions.session import Marker, Readings
from tests.support.sessions import (
    face_readings,
    some_readings,
    some_recording,
    with_baseline,
)

LIMITS = "An expression is not a feeling.\n\nFear & contempt are recognised <poorly>."
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> ${7*7} {{7*7}}"


class Page(HTMLParser):
    """The parts of a page that a test checks."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(data.decode("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "img", "link"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, "what is opened is closed"

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def charts(self) -> int:
        return sum(tag == "svg" for tag, _ in self.tags)

    @property
    def overview(self) -> str:
        """What is on the first page."""
        return self.text.split(" Details ")[0]


def pictures(count: int) -> Readings:
    return face_readings(*((float(i // 2), "happiness" if i % 3 else None) for i in range(count)))


@pytest.mark.parametrize("source", ["live", "video", "pictures"])
def test_a_session_without_readings_has_a_report(source: str) -> None:
    recording = some_recording(source=source)
    page = Page(to_html(recording, Readings.empty(8), limits=LIMITS))
    assert "No face was seen" in page.text
    assert page.charts == 0


def test_the_report_contains_the_description_of_the_session() -> None:
    recording = some_recording(
        settings={"analysis": {"padding": 0.1, "classes": (), "look": None}},
        markers=(Marker(1.0, "Başla 😀"),),
    )
    page = Page(to_html(recording, some_readings(300), limits=LIMITS))
    for words in (
        "A talk",
        "Live camera, 1 March 2025, 12:30 (UTC+0000): 300 readings of 1 face in 00:20.0.",
        "An expression is not a feeling.",
        "Fear & contempt are recognised <poorly>.",
        "0" * 64,
        "analysis padding 0.1 analysis classes none analysis look none",
        "Everyone in the picture agrees. (1)",
        "Face 1",
        "0:01 Başla 😀",
        FORMULA,
    ):
        assert words in page.text
    # Strip and mean of all faces, expressions and valence of the one.
    assert page.charts == 4


def test_the_first_page_has_all_faces_the_method_and_the_limits_once() -> None:
    recording = some_recording(
        models={"detector": {"name": "ssd"}, "classifier": {"name": "net"}},
        names={2: "Zoë"},
        version="1.2",
    )
    whole = Readings.join(
        [
            face_readings((0, "fear"), (1, "fear"), (2, "anger"), (3, None)),
            face_readings((0, "happiness"), (1, "happiness"), face=2),
        ]
    )
    whole = with_baseline(whole.at(np.argsort(whole.at_s, kind="stable")), from_s=1.0)
    page = Page(to_html(recording, whole, limits=LIMITS))
    for words in (
        "Face Read for neutral happiness surprise sadness anger disgust fear contempt unsure",
        "Face 1 00:04.0 0 % 0 % 0 % 0 % 25 % 0 % 50 % 0 % 25 %",
        "Zoë (face 2) 00:02.0 0 % 100 % 0 %",
        "Models: ssd (detector), net (classifier). ferapp 1.2.",
        "A top probability under 50 % is shown as unsure.",
        "Face 1: The neutral baseline counts from 00:01.",
        "An expression is not a feeling.",
    ):
        assert words in page.overview, words
    assert page.text.count("An expression is not a feeling.") == 1
    folded = [tag for tag, _ in page.tags].count("details")
    assert folded == 3, "both faces, models and settings"


def test_events_and_intervals_are_in_charts_and_tables() -> None:
    recording = some_recording(markers=(Marker(0.5, "film", 2.0), Marker(1.0, "<b>clap</b>")))
    data = to_html(recording, face_readings((0, "fear"), (1, "fear"), (2, "anger")))
    page = Page(data)
    assert "00:00 00:02 film 00:01 <b>clap</b>" in page.text
    assert "film 00:00 to 00:02 Face 1 1 fear 90 %" in page.text
    assert data.count(b'class="interval"') == 3, "strip, mean and the curve of the face"


def test_a_laughing_face_has_its_valence_under_any_name() -> None:
    labels = ("angry", "happy", "neutral")
    data = to_html(
        some_recording(labels=labels), face_readings((0, "happy"), (1, "happy"), labels=labels)
    )
    page = Page(data)
    assert page.charts == 4
    assert f"{FORMULA}." in page.text and "contempt is left out" not in page.text
    # The axis of the last chart goes from -1 at 128 to 1 at 16.
    [line] = re.findall(r'stroke="#2f67b1" d="M[\d.]+ ([\d.]+)L[\d.]+ ([\d.]+)"', data.decode())
    assert all(float(y) < 128 - 1.6 * 56 for y in line)


def test_a_class_that_nobody_has_placed_leaves_valence_out_with_the_reason() -> None:
    labels = ("<b>boredom</b>", "happy")
    page = Page(
        to_html(
            some_recording(labels=labels), face_readings((0, "happy"), (1, "happy"), labels=labels)
        )
    )
    reason = "no position is published for <b>boredom</b>, and a mean of the other classes"
    assert page.charts == 3 and reason in page.text and FORMULA not in page.text


def test_the_table_has_share_first_and_longest() -> None:
    readings = face_readings((0, "happiness"), (1, "happiness"), (2, None), (3, "happiness"))
    page = Page(to_html(some_recording(), readings, limits=LIMITS))
    assert (
        "happiness 75 % 00:03.0 3 00:00 2.0 s at 00:00 unsure 25 % 00:01.0 1 00:02 1.0 s at 00:02"
    ) in page.text


@pytest.mark.parametrize("source", ["live", "pictures"])
def test_untrusted_text_is_escaped(source: str) -> None:
    readings = face_readings((0, "fear"), (1, "fear"), (2, None), flaws={2: HOSTILE})
    recording = some_recording(
        title=HOSTILE,
        source=source,
        markers=(Marker(1.0, HOSTILE),),
        settings={HOSTILE: HOSTILE},
        models={HOSTILE: {HOSTILE: HOSTILE}},
        version=HOSTILE,
        consent=HOSTILE,
        names={1: HOSTILE},
    )
    page = Page(to_html(recording, readings, limits=HOSTILE))
    assert not [tag for tag, _ in page.tags if tag in ("img", "iframe", "a", "link", "form")]
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert not [tag for tag, _ in page.tags if tag == "script"]
    assert "49" not in page.text
    assert page.text.count(HOSTILE) >= 7


@pytest.mark.parametrize("source", ["live", "pictures"])
def test_the_report_loads_no_other_files(source: str) -> None:
    page = Page(to_html(some_recording(source=source), some_readings(40), limits=LIMITS))
    loading = [name for _, attrs in page.tags for name in attrs if name in ("src", "href")]
    assert loading == []
    policy = next(a["content"] for tag, a in page.tags if tag == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert page.tags[0] == ("html", {"lang": "en"})


def test_few_faces_have_details_and_all_are_in_the_overview() -> None:
    short = some_readings(20, faces=MOST_FACES + 2)
    # Number 1 is seen least.
    readings = short.at(~((short.face == 1) & (short.at_s > 0.5)) & (short.face != 5))
    page = Page(to_html(some_recording(), readings, limits=LIMITS))
    assert "6 of 7 faces have details" in page.text
    assert [f for f in range(1, 9) if f"Face {f} " in page.overview] == [1, 2, 3, 4, 6, 7, 8]
    details = page.text.removeprefix(page.overview)
    assert [f for f in range(1, 9) if f"Face {f} " in details] == [2, 3, 4, 6, 7, 8]


def test_named_faces_are_called_by_name_and_number() -> None:
    recording = some_recording(names={2: "Zoë 李"})
    page = Page(to_html(recording, some_readings(40, faces=2), limits=LIMITS))
    assert "Face 1 " in page.text and "Zoë 李 (face 2) " in page.text
    pictures = some_recording(names={2: "Zoe"}, source="pictures")
    page = Page(to_html(pictures, some_readings(2, faces=2), limits=LIMITS))
    assert "picture 1, face 1" in page.text and "picture 1, Zoe (face 2)" in page.text


def test_only_chosen_faces_are_included() -> None:
    data = to_html(some_recording(), some_readings(20, faces=3), limits=LIMITS, faces=[2])
    page = Page(data)
    assert [f for f in (1, 2, 3) if f"Face {f} " in page.text] == [2]
    assert "20 readings of 1 face" in page.text


def test_pictures_have_bars_and_no_times() -> None:
    page = Page(to_html(some_recording(source="pictures"), pictures(6), limits=LIMITS))
    assert "Pictures, 1 March 2025, 12:30 (UTC+0000): 6 faces on 3 pictures." in page.text
    assert "happiness 4 67 % unsure 2 33 %" in page.text
    assert page.charts == 1, "a bar for each face"


def test_only_the_first_pictures_have_a_bar() -> None:
    page = Page(to_html(some_recording(source="pictures"), pictures(250), limits=LIMITS))
    assert "200 of 250 faces have a bar" in page.text


def test_only_the_first_markers_are_listed() -> None:
    markers = tuple(Marker(float(i), f"moment {i}") for i in range(150))
    page = Page(to_html(some_recording(markers=markers), some_readings(20), limits=LIMITS))
    assert "50 more are not shown" in page.text


def test_a_face_that_was_never_read_has_a_report() -> None:
    readings = face_readings((0, None), (1, None), flaws={0: "too dark", 1: "too dark"})
    page = Page(to_html(some_recording(), readings, limits=LIMITS))
    assert "2 readings of 1 face in 00:02.0." in page.text
    assert "Read for 00:00.0 of 00:02.0; seen but not readable for 00:02.0." in page.text


SAID = {
    "too dark for a while": (
        face_readings(
            *((n / 30, "fear") for n in range(120)), flaws=dict.fromkeys(range(30, 70), "dark")
        ),
        4.0,
        "120 readings of 1 face in 00:04.0.",
        "Read for 00:02.7 of 00:04.0; seen but not readable for 00:01.3.",
    ),
    "nobody at first and at the end": (
        face_readings(*((10 + n / 10, "fear") for n in range(20))),
        60.0,
        "20 readings of 1 face in 01:00, 00:58 of it without a face.",
        "Read for 00:02 of 01:00; not in the picture for 00:58.",
    ),
    "ten days": (
        face_readings(*((n * 600.0, "fear") for n in range(1440))),
        None,
        "1,440 readings of 1 face in 240:00:00.",
        "Read for 240:00:00 of 240:00:00.",
    ),
    "nobody at all": (face_readings(), 12.0, ": no face in 00:12.0.", "No face was seen"),
}


@pytest.mark.parametrize(("readings", "duration_s", "head", "part"), SAID.values(), ids=SAID)
def test_the_report_says_for_how_much_of_the_session_a_face_was_read(
    readings: Readings, duration_s: float | None, head: str, part: str
) -> None:
    page = Page(to_html(some_recording(source="video", duration_s=duration_s), readings))
    assert head in page.text and part in page.text


def test_two_faces_of_which_one_is_unreadable_are_not_mixed_up() -> None:
    bad = face_readings(
        *((float(n), None) for n in range(4)), face=2, flaws=dict.fromkeys(range(4), "dark")
    )
    both = Readings.join([face_readings(*((float(n), "fear") for n in range(4))), bad])
    page = Page(to_html(some_recording(), both.at(np.argsort(both.at_s, kind="stable"))))
    assert "Read for 00:04.0 of 00:04.0." in page.text
    assert "Read for 00:00.0 of 00:04.0; seen but not readable for 00:04.0." in page.text


PICTURES = {
    "the last ones without a face": (5.0, "3 faces on 5 pictures"),
    "one that doesn't say": (None, "3 faces on 4 pictures"),
}


@pytest.mark.parametrize(("count", "words"), PICTURES.values(), ids=PICTURES)
def test_pictures_without_a_face_count(count: float | None, words: str) -> None:
    readings = face_readings((0, "fear"), (1, "fear"), (3, "fear"))
    page = Page(to_html(some_recording(source="pictures", duration_s=count), readings))
    assert words in page.text


@pytest.mark.parametrize("days", [1.25, 10])
def test_hours_go_on_after_a_day(days: float) -> None:
    readings = face_readings(*((at_s, "fear") for at_s in np.linspace(0, days * 86400, 2000)))
    recording = some_recording(markers=(Marker(25 * 3600.0 + 1, "here"),))
    page = Page(to_html(recording, readings))
    assert "25:00:01 here" in page.text, "the table and the axis count alike"
    ticks = re.findall(r"\b(\d+):00:00\b", page.overview)
    assert max(map(int, ticks)) >= 24 * (days - 1), "no hour begins again after a day"


def test_a_minute_with_six_faces_stays_under_a_megabyte() -> None:
    recording = some_recording(markers=(Marker(3.0, "film", 30.0),) * 20)
    assert len(to_html(recording, some_readings(900, faces=6))) < 1_000_000


def test_an_hour_stays_small() -> None:
    readings = some_readings(900)
    long = Readings.join([replace_time(readings, 60.0 * minute) for minute in range(60)])
    data = to_html(some_recording(), long, limits=LIMITS)
    assert len(data) < 1_000_000
    assert re.search(rb"in 59:59|in 1:00:00", data)


def replace_time(readings: Readings, start_s: float) -> Readings:
    moved = readings.at(np.arange(len(readings)))
    moved.at_s[:] += start_s
    return moved
