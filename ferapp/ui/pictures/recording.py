"""Keeping the results of pictures as a session."""

from collections.abc import Sequence
from datetime import datetime

from ferapp.pipeline.record import new_recording, readings_of_pictures
from ferapp.ui.pictures.picture_results import PictureResult
from ferapp.ui.shared import resources, session_keys
from ferapp.ui.shared.consent import keep_button
from ferapp.ui.shared.controls import Choice
from ferapp.ui.shared.owner import owner


def picture_controls(results: Sequence[PictureResult], choice: Choice) -> None:
    """The button that keeps the results of pictures as a session."""
    analyses = [result.analysis for result in results if result.analysis is not None]
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
        )
        readings = readings_of_pictures(analyses)
        resources.store().enter(recording, readings, owner(), keep_days=keep_days)
        session_keys.SAVED_PICTURES.set(ids)

    keep_button(start, is_kept=session_keys.SAVED_PICTURES.get() == ids)
