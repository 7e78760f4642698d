"""A folder of results holds what its tables list, whatever was run there before."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ferapp.batch import old_results
from ferapp.batch.items import Request
from ferapp.batch.results import Results
from ferapp.batch.run import Batch, Tally
from ferapp.errors import StoreError
from ferapp.sessions.formats.exchange import read
from ferapp.settings import (
    AnalysisSettings,
    ClipSettings,
    DetectionSettings,
    StreamSettings,
    VideoPart,
)
from ferapp.system.files import move_file
from tests.support.batch_runs import REQUEST, FakeModels, read_table, write_grey_picture
from tests.support.batches import contents, inline_engine
from tests.support.videos import noisy_frames, write_video


def run(folder: Path, request: Request = REQUEST, **options: bool) -> Tally:
    """What the command does, with fake models."""
    results = Results(folder.parent / "out")
    with results.alone():
        results.claim(folder, request.fingerprint, **options)
        batch = Batch(folder, results, request)
        batch.analyse(inline_engine, FakeModels(request))
        return batch.write_tables()


def listed(folder: Path) -> set[str]:
    return set(read_table(folder, "files")["result"])


def stored(folder: Path, ending: str = "json") -> set[str]:
    return {path.stem for path in (folder.parent / "out" / "results").glob(f"*.{ending}")}


def set_aside(folder: Path) -> set[str]:
    found = (folder.parent / "out" / "results").glob("old-*/*.json")
    return {path.stem for path in found}


def titles(folder: Path) -> list[str]:
    """Of the sessions that the documented import makes."""
    files = sorted((folder.parent / "out" / "results").glob("*.parquet"))
    return sorted(read(path.name, path.read_bytes())[0].title for path in files)


@pytest.fixture
def clips(folder: Path) -> Path:
    write_video(folder / "anna.mp4", noisy_frames(12, grey=101))
    write_video(folder / "bert.mp4", noisy_frames(12, grey=102))
    write_grey_picture(folder / "c.png", 3)
    return folder


def with_stream(**changes: object) -> Request:
    return replace(REQUEST, settings=ClipSettings(StreamSettings(**changes)))


def with_part(**changes: object) -> Request:
    return replace(REQUEST, settings=ClipSettings(part=VideoPart(**changes)))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(REQUEST, settings=ClipSettings(per_second=2)), id="per second"),
        pytest.param(with_part(track=1), id="track"),
        pytest.param(with_part(region=(0, 0, 40, 40)), id="region"),
        pytest.param(with_part(from_s=0.5), id="part"),
        pytest.param(with_stream(detect_every=2), id="detect every"),
        pytest.param(with_stream(analysis=AnalysisSettings(DetectionSettings(0.7))), id="score"),
        pytest.param(
            with_stream(analysis=AnalysisSettings(classes=("fear", "anger"))), id="classes"
        ),
        pytest.param(replace(REQUEST, classifier="seresnet-48"), id="classifier"),
        pytest.param(replace(REQUEST, detector="haar"), id="detector"),
    ],
)
def test_other_settings_and_a_video_that_is_gone_leave_nothing_among_the_results(
    clips: Path, other: Request
) -> None:
    run(clips)
    first = listed(clips)
    assert stored(clips) == first and titles(clips) == ["anna.mp4", "bert.mp4"]
    (clips / "bert.mp4").unlink()
    tally = run(clips, other)
    assert stored(clips) == listed(clips) and titles(clips) == ["anna.mp4"]
    assert tally.set_aside == len(first - listed(clips)) and set_aside(clips) == first - listed(
        clips
    )


def test_earlier_settings_find_their_results_again(clips: Path) -> None:
    run(clips)
    before = contents(clips.parent / "out")
    other = replace(REQUEST, settings=ClipSettings(per_second=2))
    assert run(clips, other).done_before == 1, "a picture has no frames per second"
    assert run(clips).done_before == 3
    after = contents(clips.parent / "out")
    assert {name: after[name] for name in before} == before
    assert run(clips, other).done_before == 3
    assert stored(clips) == listed(clips)


def test_another_version_has_results_of_its_own(
    clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(clips)
    first = listed(clips)
    monkeypatch.setattr("ferapp.batch.items.__version__", "99.0")
    assert run(clips, replace(REQUEST, threads=1)).done_before == 0
    assert not listed(clips) & first and stored(clips) == listed(clips)


def test_results_of_a_version_without_a_note_are_set_aside(clips: Path) -> None:
    run(clips)
    place = clips.parent / "out" / "results"
    for path in place.glob("*.json"):
        path.rename(place / f"{path.stem[::-1]}.json")
    for path in place.glob("*.parquet"):
        path.rename(place / f"{path.stem[::-1]}.parquet")
    note = place / "folder.sha256"
    note.write_text(note.read_text().split()[0])
    before = stored(clips)
    assert run(clips).done_before == 0
    assert stored(clips) == listed(clips) and set_aside(clips) == before
    assert (place / "old-unknown" / "files.csv").exists()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda f: (f / "bert.mp4").unlink(), ["anna.mp4"], id="gone"),
        pytest.param(
            lambda f: (f / "bert.mp4").rename(f / "zoe.mp4"), ["anna.mp4", "zoe.mp4"], id="renamed"
        ),
        pytest.param(
            lambda f: write_video(f / "bert.mp4", noisy_frames(12, grey=109)),
            ["anna.mp4", "bert.mp4"],
            id="other content",
        ),
        pytest.param(
            lambda f: shutil.move(f / "bert.mp4", f / "anna.mp4"), ["anna.mp4"], id="replaced"
        ),
        pytest.param(lambda f: (f / "bert.mp4").write_bytes(b""), ["anna.mp4"], id="now broken"),
        pytest.param(
            lambda f: write_video(f / "new.mp4", noisy_frames(12, grey=107)),
            ["anna.mp4", "bert.mp4", "new.mp4"],
            id="added",
        ),
        pytest.param(
            lambda f: os.utime(f / "bert.mp4", (0, 0)), ["anna.mp4", "bert.mp4"], id="touched"
        ),
    ],
)
def test_the_import_has_what_the_tables_list_after_a_change(
    clips: Path, change: Callable[[Path], object], expected: list[str]
) -> None:
    run(clips)
    change(clips)
    run(clips)
    files = read_table(clips, "files")
    assert files.loc[files["kind"] == "video", "path"].tolist() == expected == titles(clips)
    assert stored(clips) == listed(clips)
    again = contents(clips.parent / "out")
    assert run(clips).set_aside == 0 and contents(clips.parent / "out") == again


def test_two_files_of_one_content_share_a_result(clips: Path) -> None:
    (clips / "a").mkdir()
    shutil.copy(clips / "bert.mp4", clips / "a" / "copy.mp4")
    run(clips)
    files = read_table(clips, "files").set_index("path")
    assert files.loc["a/copy.mp4", "result"] == files.loc["bert.mp4", "result"]
    assert titles(clips) == ["anna.mp4", "copy.mp4"], "the first of the two"
    (clips / "a" / "copy.mp4").unlink()
    run(clips)
    assert titles(clips) == ["anna.mp4", "bert.mp4"] and stored(clips) == listed(clips)


def test_another_folder_leaves_nothing_of_the_first(clips: Path) -> None:
    run(clips)
    other = clips.parent / "other"
    other.mkdir()
    write_video(other / "carl.mp4", noisy_frames(12, grey=104))
    run(other, overwrites=True)
    assert titles(other) == ["carl.mp4"] and stored(other) == listed(other)
    assert run(clips, overwrites=True).done_before == 3
    assert titles(clips) == ["anna.mp4", "bert.mp4"]


def test_a_run_that_is_interrupted_leaves_no_results_of_two_settings(clips: Path) -> None:
    run(clips)
    first = listed(clips)
    other = replace(REQUEST, settings=ClipSettings(per_second=2))

    class Interrupted(FakeModels):
        def analyse(self, item: object) -> object:
            if self.given_names:
                raise KeyboardInterrupt
            return super().analyse(item)

    results = Results(clips.parent / "out")
    results.claim(clips, other.fingerprint)
    with pytest.raises(KeyboardInterrupt):
        Batch(clips, results, other).analyse(inline_engine, Interrupted(other))
    assert len(stored(clips)) == 1 and not stored(clips) & first
    left = [path.name for path in (clips.parent / "out").glob("*.csv")]
    assert left == [], "they are about results of other settings"
    tally = run(clips, other)
    assert tally.done_before == 2 and stored(clips) == listed(clips)


def test_results_that_git_annex_keeps_are_set_aside_and_found_again(clips: Path) -> None:
    """`datalad save` turns each file into a relative link."""
    run(clips)
    first, out = listed(clips), clips.parent / "out"
    for path in [path for path in out.rglob("*") if path.is_file()]:
        kept = out.parent / ".git" / "annex" / "objects" / path.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        path.rename(kept)
        path.symlink_to(os.path.relpath(kept, path.parent))
    run(clips, replace(REQUEST, settings=ClipSettings(per_second=2)))
    assert set_aside(clips) == first - listed(clips) and stored(clips) == listed(clips)
    assert run(clips).done_before == 3 and listed(clips) == first


def test_a_crash_while_results_are_set_aside_is_made_up_for(
    clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(clips)
    before = contents(clips.parent / "out")
    other = replace(REQUEST, settings=ClipSettings(per_second=2))
    count = 0

    def dying(*args: Any, **options: Any) -> None:
        nonlocal count
        count += 1
        if count > 2:
            raise KeyboardInterrupt
        move_file(*args, **options)

    monkeypatch.setattr(old_results, "move_file", dying)
    with pytest.raises(KeyboardInterrupt):
        run(clips, other)
    monkeypatch.undo()
    assert run(clips).done_before == 3
    after = contents(clips.parent / "out")
    assert {name: after[name] for name in before} == before and stored(clips) == listed(clips)


OTHER = replace(REQUEST, settings=ClipSettings(per_second=2))


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """A folder of somebody else, with a file."""
    folder = tmp_path / "others"
    folder.mkdir()
    (folder / "secret").write_text("secret")
    return folder


@pytest.mark.parametrize("name", ["results", "old-"], ids=["results", "results that are set aside"])
def test_a_link_in_place_of_a_folder_is_refused(clips: Path, others: Path, name: str) -> None:
    out = clips.parent / "out"
    if name == "results":
        out.mkdir()
        (out / "results").symlink_to(others)
    else:
        run(clips)
        (out / "results" / f"old-{REQUEST.fingerprint[:8]}").symlink_to(others)
    with pytest.raises(StoreError, match=r"(results|old-\w+) is a link"):
        run(clips, OTHER)
    assert os.listdir(others) == ["secret"]


def test_results_behind_a_link_do_not_come_back(clips: Path, others: Path) -> None:
    run(clips)
    run(clips, OTHER)
    (place,) = (clips.parent / "out" / "results").glob("old-*")
    place.rename(others / "theirs")
    place.symlink_to(others / "theirs")
    before = contents(others)
    # Videos are analysed again; results of pictures are the same for both settings.
    assert run(clips).done_before == 1 and contents(others) == before


@pytest.mark.parametrize("ending", ["json", "parquet"])
def test_links_in_place_of_results_are_neither_followed_nor_copied(
    clips: Path, others: Path, ending: str
) -> None:
    """Their content would be readable for whoever may read the results."""
    run(clips)
    results = clips.parent / "out" / "results"
    # A video: results of pictures are the same for both settings.
    first = sorted(results.glob("*.parquet"))[0].with_suffix(f".{ending}")
    first.unlink()
    first.symlink_to(others / "secret")
    run(clips, OTHER)
    (moved,) = results.glob(f"old-*/{first.name}")
    assert moved.is_symlink() and (others / "secret").read_text() == "secret"
    assert not [
        p
        for p in results.rglob("*")
        if p.is_file() and not p.is_symlink() and b"secret" == p.read_bytes()
    ]


def test_the_folder_that_was_named_may_be_a_link(clips: Path, others: Path) -> None:
    (clips.parent / "out").symlink_to(others)
    run(clips)
    assert (others / "results").is_dir() and run(clips, OTHER).set_aside == 2
