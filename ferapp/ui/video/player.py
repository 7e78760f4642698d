"""A video with the curve of one face and the labels of all below it, under one cursor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ferapp.labels import face_phrase, face_title, label_colours
from ferapp.media.images import jpeg_bytes, read_image
from ferapp.pipeline.clip import Clip
from ferapp.pipeline.record import Track
from ferapp.serving.video_jobs import Portrait
from ferapp.sessions.session import Readings
from ferapp.sessions.store import Overview
from ferapp.ui.shared.components.own import data_url, own_component, sent_by
from ferapp.ui.shared.session_keys import chosen_face
from ferapp.ui.video.player_data import boxes_of, curve_of, shares_text, steps_of, strip_of
from ferapp.vision.annotate import hide_faces
from ferapp.wording import clock, seconds_text

MOST_ROWS: Final = 200
_HTML: Final = "<div class='player' role='group'></div>"
_WORDS: Final = {
    "player": "Video with the expressions of its faces over time",
    "video": "The video",
    "shown": "The video at this time",
    "play": "Play",
    "pause": "Pause",
    "boxes": "Boxes",
    "fullscreen": "Full screen",
    "sound_on": "Sound on",
    "sound_off": "Sound off",
    "plot": "Click or drag to go to a time; arrow keys go to the next reading, space plays",
    "scene": "Scene",
    "faces": "Faces, those seen longest first",
    "unread": "no reading",
    "unplayable": "Your browser can't play this kind of video, so you see the boxes on an empty "
    "frame. It can play the annotated copy, which you can make above.",
}


@dataclass(frozen=True)
class Playing:
    """What the player plays.

    Attributes:
        address: Of the file on this server.
        from_s: The time in the video at which it begins, s.
        has_sound: Whether it has sound.
        has_boxes: Whether boxes are part of its picture.
    """

    address: str
    from_s: float
    has_sound: bool
    has_boxes: bool


@dataclass(frozen=True)
class Faces:
    """The faces beside the player.

    Attributes:
        tracks: Those of the video, the one seen longest first.
        portraits: By number; faces without one may be missing.
        hidden: Numbers of those whose portraits are blurred.
    """

    tracks: Sequence[Track]
    portraits: Mapping[int, Portrait]
    hidden: frozenset[int]


def show_player(
    session: Overview,
    clip: Clip,
    readings: Readings,
    faces: Faces,
    playing: Playing | None,
    note: str = "",
) -> int:
    """Show the player.

    Args:
        session: The video as a session, with the changes of its faces.
        clip: What was read.
        readings: The same with these changes; at least one.
        faces: The faces that can be chosen.
        playing: What is played; None for boxes on an empty frame.
        note: Why nothing is played.

    Returns:
        The number of the face whose curve is shown.
    """
    recording = session.recording
    numbers = [track.face for track in faces.tracks[:MOST_ROWS]]
    key, choice = f"player-{recording.id}", chosen_face(recording.id)
    face = choice.get()
    if face is None or face not in numbers:  # at first, or it was merged with another one
        face = numbers[0]

    colours = label_colours(clip.labels)

    def note_face() -> None:
        number = sent_by(key, "face")
        if number in numbers:
            choice.set(int(number))

    own_component(__file__, _HTML)(
        data={
            "id": recording.id,
            "video": None if playing is None else vars(playing),
            "note": note,
            "size": max(clip.sizes_wh, default=clip.info.size_wh),
            "from_s": recording.begins_s,
            "to_s": max(round(session.end_s, 3), recording.begins_s + 0.1),
            "cuts": [round(at_s, 3) for at_s in clip.cuts_s],
            "markers": [[marker.at_s, marker.name] for marker in recording.markers],
            "labels": [[name, colours[name]] for name in clip.labels],
            "curve": _curve(face, readings.of(face), faces, recording.names),
            "steps": steps_of(readings.of(face)),
            "faces": _rows(session, readings, faces),
            "boxes": boxes_of(clip, session.edits),
            "words": {**_WORDS, "all_faces": f"Show all {len(numbers)} faces"},
        },
        key=key,
        on_face_change=note_face,
    )
    return face


def _curve(face: int, readings: Readings, faces: Faces, names: Mapping[int, str]) -> dict[str, Any]:
    """The curve of a face, with what it shows in words."""
    track = next(track for track in faces.tracks if track.face == face)
    shares = shares_text(track.seconds, len(track.seconds))
    alt = f"Expressions of {face_phrase(face, names)} over time. Share of time read: {shares}"
    return {"face": face, "alt": alt} | curve_of(readings)


def _rows(session: Overview, readings: Readings, faces: Faces) -> list[dict[str, Any]]:
    """The faces as the component wants them."""
    recording = session.recording
    rows = []
    for track in faces.tracks[:MOST_ROWS]:
        seen_s = sum(track.seconds.values()) + track.unreadable_s
        rows.append(
            {
                "face": track.face,
                "title": face_title(track.face, recording.names),
                "lines": [
                    shares_text(track.seconds, 2),
                    f"{seconds_text(seen_s)}, from {clock(track.first_s)} to {clock(track.last_s)}",
                ],
                "image": _picture(faces, track.face),
                "strip": strip_of(readings.of(track.face), recording.labels, session.duration_s),
            }
        )
    return rows


def _picture(faces: Faces, face: int) -> str:
    """The portrait of a face for the browser; empty if there is none."""
    portrait = faces.portraits.get(face)
    if portrait is None:
        return ""
    jpeg = portrait.jpeg
    if face in faces.hidden:
        image = read_image(jpeg)
        height, width = image.shape[:2]
        jpeg = jpeg_bytes(hide_faces(image, np.array([[0, 0, width, height]], np.float32)))
    return data_url(jpeg)
