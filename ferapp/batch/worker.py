"""The analysis of one file of a batch, in whichever process."""

import json

import numpy as np

from ferapp.batch.annex import pointer_text
from ferapp.batch.items import FileResult, Item, Request, stamp_of
from ferapp.errors import DataError, UserError
from ferapp.media.content_dates import picture_date
from ferapp.media.images import read_bytes, read_image
from ferapp.media.pictures.large_pictures import keep_turn
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.build import load_analyzer
from ferapp.pipeline.clip import ClipAnalysis, recording_of_clip
from ferapp.pipeline.record import VideoRecord, provenance_of, tracks_of
from ferapp.sessions.formats.limits import MOST_READINGS
from ferapp.system.text import one_line
from ferapp.vision.threads import cap_threads


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
            data = read_bytes(item.path)
            with keep_turn():
                analysis = analyzer.analyze(read_image(data), request.settings.stream.analysis)
            record, readings, recorded = analysis.to_record(), b"", picture_date(data)
        else:
            video, readings = _video(item, analyzer, request)
            record, recorded = video.to_json(), video.video.content_date
        if stamp_of(item.path) != item.stamp:
            raise DataError("The file was changed while it was being read; run the command again.")
        source = provenance_of(item.sha256, item.stamp[0], content_date=recorded).to_json()
        # Files of one content share a result; the tables name them.
        del source["name"]
        record["provenance"] = source | request.origin(item.kind)
        text = json.dumps(record, ensure_ascii=False, allow_nan=False)
    except UserError as exc:
        return FileResult(item.key, error=pointer_text(item.path) or str(exc))
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
    # With pandas and pyarrow: 36 MB that a worker needs for videos alone.
    from ferapp.sessions.formats.exchange import to_parquet

    clip = clip.of_file(item.sha256, item.stamp[0], one_line(item.name))
    recording = recording_of_clip(one_line(item.path.name), clip, analyzer, request.settings)
    return record, to_parquet(recording, readings)
