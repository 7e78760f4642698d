"""Which video track of a container is read, and how long it says that it is."""

from typing import Any, Final

import av
from av.container import InputContainer

from ferapp.errors import SettingError, VideoError

MAX_PIXELS: Final = 50_000_000
"""Videos with larger frames are refused; 8K has 33 megapixels."""

MAX_FRAME_BYTES: Final = 160_000_000
"""Videos whose frames take more memory are refused; a decoder keeps several. 8K takes 50 MB with 8
bits and 4:2:0, 133 MB with 10 bits and 4:2:2, and 199 MB with 16 bits in full colour."""

# How much earlier than stated a track may end, where nothing but its length can tell: rounding, and
# a length that includes the sound.
_EARLY_END_S: Final = 1.0
_MOST_PACKETS: Final = 1_000
_EARLY_SHARE: Final = 0.05
# The same where the file is known to lack bytes.
_LACKS_S: Final = 0.02
# Formats without a header that says how long their tracks and frames are.
_WITHOUT_LENGTHS: Final = frozenset(("mpegts", "mpeg"))


def video_tracks(container: InputContainer) -> list[Any]:
    """The tracks that may be chosen, in the order of the file: not the covers of songs."""
    covers = av.stream.Disposition.attached_pic
    return [track for track in container.streams.video if not track.disposition & covers]


def choose_track(container: InputContainer, number: int | None = None) -> Any:
    """The track to read.

    If there are several, packets are read from the container to tell films from stills; open it
    again before its frames are read.

    Args:
        container: An open file.
        number: Which of its video tracks, from 1; None for the one that players show.

    Raises:
        SettingError: There is no track of that number.
        VideoError: There is none at all, or it may not be decoded here.
    """
    tracks = video_tracks(container)
    if not tracks:
        raise VideoError("The file has no video track.")
    if number is not None and not 1 <= number <= len(tracks):
        named = "; ".join(track_texts(container))
        raise SettingError(f"There is no video track {number}. The file has: {named}.")
    if number is not None:
        track = tracks[number - 1]
    else:
        track = _default(container, tracks) if len(tracks) > 1 else tracks[0]
    context = track.codec_context
    if context is None:
        raise VideoError("The video is in a format that can't be decoded here.")
    if context.width * context.height > MAX_PIXELS:
        raise VideoError(
            f"The video has frames of {context.width} × {context.height} pixels, more than "
            f"the limit of {MAX_PIXELS / 1e6:g} megapixels. Make it smaller and try again."
        )
    if (size_bytes := _frame_bytes(context.format)) > MAX_FRAME_BYTES:
        raise VideoError(
            f"The video has frames of {size_bytes / 1e6:.0f} MB, more than the limit of "
            f"{MAX_FRAME_BYTES / 1e6:g} MB. Make it smaller or convert it to 8 bits, and try again."
        )
    return track


def _frame_bytes(format: av.VideoFormat | None) -> int:
    """How much memory a frame takes; 0 if nothing says so before it is decoded."""
    parts = format.components if format else ()
    return sum(part.width * part.height * ((part.bits + 7) // 8) for part in parts)


def _default(container: InputContainer, tracks: list[Any]) -> Any:
    """The track that players show: the default one, unless it is a still beside a film."""
    best = container.streams.best("video")
    first: Any = best if best in tracks else tracks[0]
    # A still may last as long as the film beside it, so its length says nothing.
    counts = {track.index: 0 for track in tracks}
    try:
        for number, packet in enumerate(container.demux(tracks)):
            counts[packet.stream.index] += bool(packet.size)
            if counts[first.index] > 1 or number >= _MOST_PACKETS:
                break
    except (av.FFmpegError, ValueError):  # damaged from there on
        pass
    return next((track for track in (first, *tracks) if counts[track.index] > 1), first)


def track_texts(container: InputContainer) -> list[str]:
    """Number, codec and stored frame size of each video track."""
    texts = []
    for number, track in enumerate(video_tracks(container), 1):
        context = track.codec_context
        what = f"{context.name}, {context.width} × {context.height}" if context else "unreadable"
        texts.append(f"{number} ({what})")
    return texts


def starts_s(track: Any) -> float:
    """The time stamp at which the track begins, s."""
    return float((track.start_time or 0) * (track.time_base or 0))


def file_starts_s(container: InputContainer) -> float:
    """The time stamp at which the file begins, s; times of frames count from there."""
    return (container.start_time or 0) / av.time_base


def states_lengths(container: InputContainer) -> bool:
    """Whether the file says how long its tracks and frames are; else FFmpeg guesses it."""
    return container.format.name not in _WITHOUT_LENGTHS


def track_length_s(container: InputContainer, track: Any, begins_s: float) -> float:
    """How long the track says that it is, in its header or in its tags; 0 if it does not.

    Args:
        container: An open file.
        track: One of its tracks.
        begins_s: The time stamp at which it begins, s.
    """
    if track.duration and track.time_base:
        return float(track.duration * track.time_base)
    # Matroska stores it as text.
    parts = track.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = (float(part) for part in parts)
    except ValueError:
        return 0.0
    stated_s = (hours * 60 + minutes) * 60 + seconds
    # The tags of mkvmerge state a length.
    is_end = "_STATISTICS_WRITING_APP" not in track.metadata and _states_ends(container)
    return _length_s(stated_s, begins_s if is_end else 0.0)


def track_end_s(container: InputContainer, track: Any, *, start_s: float, begins_s: float) -> float:
    """When the track ends by its own length, s from the start of the file; 0 if it states none.

    Args:
        container: An open file.
        track: One of its tracks.
        start_s: The time stamp at which the file begins, s.
        begins_s: The time stamp at which the track begins, s.
    """
    length_s = track_length_s(container, track, begins_s)
    return max(begins_s - start_s, 0.0) + length_s if length_s else 0.0


def claimed_end_s(
    container: InputContainer, track: Any, *, start_s: float, begins_s: float
) -> float:
    """As `track_end_s`, or else by the length of the whole file; 0 if unknown."""
    end_s = track_end_s(container, track, start_s=start_s, begins_s=begins_s)
    # In MPEG-PS the length of a track ends with its last stamp, which few frames have.
    if end_s and container.format.name != "mpeg":
        return end_s
    stated_s = container.duration / av.time_base if container.duration else 0.0
    return _length_s(stated_s, start_s if _states_ends(container) else 0.0)


def _states_ends(container: InputContainer) -> bool:
    """Whether the durations in a file are ends: time stamps that count from 0.

    FFmpeg writes these into Matroska and WebM, also where the first frame comes late, as in a part
    that was cut out. Other programs write lengths.
    """
    writer = next((v for k, v in container.metadata.items() if k.lower() == "encoder"), "")
    return "matroska" in container.format.name and writer.startswith("Lavf")


def _length_s(stated_s: float, start_s: float) -> float:
    """What is left of an end if the start is later than 0; it may still be a length."""
    return stated_s - start_s if stated_s > start_s else stated_s


def early_end_text(end_s: float, claimed_s: float, *, is_complete: bool | None) -> str:
    """A sentence if a track ends before its stated end; else empty.

    Args:
        end_s: When its last frame ends, s; every frame of it has been read.
        claimed_s: When it says that it ends, s; 0 if it does not.
        is_complete: Whether the file has all its bytes; None if nobody knows.
    """
    if is_complete or not (claimed_s or is_complete is False):
        return ""
    if not claimed_s:
        return f"The file is cut short: the video ends at {end_s:.1f} s."
    allowed_s = _LACKS_S if is_complete is False else _EARLY_SHARE * claimed_s + _EARLY_END_S
    if end_s >= claimed_s - allowed_s:
        return ""
    return f"The video ends at {end_s:.1f} s of {claimed_s:.1f} s: it is cut short."
