"""The analysis of one file of a batch, in whichever process."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import numpy as np

from ferapp.batch.items import FileResult, Item, Request, stamp_of
from ferapp.errors import DataError, UserError
from ferapp.media.images import read_image
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.build import load_analyzer
from ferapp.pipeline.clip import ClipAnalysis, recording_of_clip
from ferapp.pipeline.record import VideoRecord, tracks_of
from ferapp.sessions.formats.columns import MOST_READINGS
from ferapp.sessions.formats.exchange import to_parquet
from ferapp.system.text import one_line
from ferapp.vision.threads import cap_threads

# A result must not depend on when it was made. The time of the file would not do: a copy has
# another one, and files with the same bytes share a result.
_STARTED: Final = datetime.fromtimestamp(0, UTC)


class FileWorker:
    """Analyses files one by one with models that it loads once.

    It is made in one process and sent to others before it loads anything.

    Args:
        request: How every file is analysed.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._analyzer: Analyzer | None = None

    def load(self) -> None:
        """Load the models on the first call.

        Raises:
            UserError: As for `load_analyzer`; no file can be analysed then.
        """
        if self._analyzer is None:
            request = self._request
            cap_threads(request.threads)
            self._analyzer = load_analyzer(
                request.detector,
                request.classifier,
                threads=request.threads,
                with_smile=request.settings.stream.analysis.with_smile,
            )

    def analyse(self, item: Item) -> FileResult:
        """Analyse one file; see `analyse_file`."""
        self.load()
        assert self._analyzer is not None
        return analyse_file(item, self._analyzer, self._request)


def analyse_file(item: Item, analyzer: Analyzer, request: Request) -> FileResult:
    """Analyse one file; whatever is wrong with it is an error in the result."""
    try:
        if item.kind == "picture":
            analysis = analyzer.analyze(read_image(item.path), request.settings.stream.analysis)
            record, readings = analysis.to_record(), b""
        else:
            video, readings = _video(item, analyzer, request)
            record = video.to_json()
        if stamp_of(item.path) != item.stamp:
            raise DataError("The file was changed while it was being read; run the command again.")
        text = json.dumps(record, ensure_ascii=False, allow_nan=False)
    except UserError as exc:
        return FileResult(item.key, error=str(exc))
    except MemoryError:
        return FileResult(item.key, error="There is not enough memory for this file.")
    except Exception as exc:  # an unforeseen failure of one file must not stop thousands
        reason = one_line(f"{type(exc).__name__}: {exc}")
        return FileResult(item.key, error=f"The file can't be analysed ({reason}).")
    return FileResult(item.key, f"{text}\n".encode(), readings)


def _video(item: Item, analyzer: Analyzer, request: Request) -> tuple[VideoRecord, bytes]:
    """The record of a video and its readings as a Parquet file, empty without a face."""
    limit = ""
    with ClipAnalysis(item.path, analyzer, request.settings) as analysis:
        count = 0
        for _, frame in analysis:
            count += len(frame.faces)
            if count > MOST_READINGS:
                limit = f"Only the first {MOST_READINGS:,} readings of a video are kept."
                break
        clip = analysis.result()
    readings = clip.readings
    if len(readings) > MOST_READINGS:
        readings = readings.at(np.arange(MOST_READINGS))
    record = VideoRecord(
        frames=clip.frames,
        duration_s=clip.duration_s,
        is_whole=clip.is_whole,
        damage=clip.damage or limit,
        video=clip.info,
        tracks=tuple(tracks_of(readings)),
        notes=clip.notes,
    )
    if not len(readings):
        return record, b""
    recording = replace(
        recording_of_clip(one_line(item.path.name), clip, analyzer, request.settings),
        id=item.key[:32],
        started=_STARTED,
    )
    return record, to_parquet(recording, readings)
