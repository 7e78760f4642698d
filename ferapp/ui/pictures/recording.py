"""Keeping the results of pictures as a session."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from ferapp.media.content_dates import picture_date
from ferapp.pipeline.record import new_recording, provenance_of, readings_of_pictures
from ferapp.sessions.session import Provenance
from ferapp.ui.pictures.picture_results import PictureResult
from ferapp.ui.shared import resources, session_keys
from ferapp.ui.shared.consent import keep_button
from ferapp.ui.shared.controls import Choice
from ferapp.ui.shared.owner import owner
from ferapp.ui.shared.sources import Source


def picture_controls(results: Sequence[PictureResult], choice: Choice) -> None:
    """The button that keeps the results of pictures as a session."""
    read = [result for result in results if result.analysis is not None]
    analyses = [result.analysis for result in read if result.analysis is not None]
    if not any(len(analysis) for analysis in analyses):
        return
    ids = {result.id for result in results}

    def start(consent: str, keep_days: int | None) -> None:
        first = analyses[0]
        recording = new_recording(
            f"Pictures, {datetime.now():%d %B %Y %H:%M}",
            "pictures",
            labels=first.labels,
            unsure_below=first.unsure_below,
            settings=choice.settings,
            detector=first.detector,
            classifier=first.classifier,
            consent=consent,
            # Pictures at the end without a face count as well.
            duration_s=float(len(analyses)),
            provenance=_provenance(read[0].picture) if len(read) == 1 else None,
        )
        readings = readings_of_pictures(analyses)
        resources.store().enter(recording, readings, owner(), keep_days=keep_days)
        session_keys.SAVED_PICTURES.set(ids)

    keep_button(start, is_kept=session_keys.SAVED_PICTURES.get() == ids)


def _provenance(picture: Source) -> Provenance:
    """The file of a picture, without its name, which may be that of a person."""
    data = picture.read()
    digest = hashlib.sha256(data).hexdigest()
    return provenance_of(digest, len(data), content_date=picture_date(data))
