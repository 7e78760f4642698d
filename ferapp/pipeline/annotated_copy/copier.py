"""Draws on the frames of a video and writes them, in a process of its own.

`ferapp.pipeline.annotated_copy.copy` starts it.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from ferapp.errors import VideoError
from ferapp.media.decoder import PROCESSOR_S, Decoder
from ferapp.media.encoder import Encoder, add_sound
from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.settings import VideoPart
from ferapp.system.child import run, send
from ferapp.vision.crops import scale_into, size_of
from ferapp.vision.sizes import fitted_size
from ferapp.vision.threads import cap_threads

_MEMORY_BYTES = 3 << 30
_REPORT_EVERY = 5

_Item = TypeVar("_Item")


def ahead(items: Iterator[_Item]) -> Iterator[_Item]:
    """The same items, each made on another thread while the one before is in use."""
    with ThreadPoolExecutor(1, "ahead") as pool:
        pending = pool.submit(next, items, None)
        while (item := pending.result()) is not None:
            pending = pool.submit(next, items, None)
            yield item


def send_copy(request: dict[str, Any]) -> None:
    """Copy the video on standard input as the request says, and report progress.

    Raises:
        VideoError: It can't be read, or the copy can't be written.
    """
    cap_threads(1)
    try:
        part = VideoPart(**request["part"])
        note = _copy(Path(request["overlay"]), Path(request["out"]), request["max_side_px"], part)
        send({"done": True, "note": note})
    except MemoryError as exc:
        raise VideoError("The copy needs more memory than it may have here.") from exc
    except BrokenPipeError:
        raise
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        raise VideoError(f"The copy could not be written: {reason}.") from exc


def _copy(overlay: Path, out: Path, max_side_px: int, part: VideoPart) -> str:
    """Write the copy; return what it lacks, in a sentence, or an empty string.

    It shows whole pictures, and no frame that was not analysed: faces in others are not hidden. All
    of it has the size of the largest frame; smaller ones are enlarged, and those of another shape
    have bars beside them.
    """
    plan = Overlay.load(overlay)
    picture = out.with_name(f"{out.name}.picture")
    with open(0, "rb", closefd=False) as source:
        copied_s = 0.0
        decoder = Decoder(
            source, part=replace(part, region=None), on_wait=lambda: send({"at_s": copied_s})
        )
        frames = decoder.frames(max_side_px=max_side_px)
        first = next(frames, None)
        if first is None:
            raise VideoError("The video has no frames.")
        canvas_wh = plan.canvas_wh or size_of(first.image)
        canvas_wh = fitted_size(canvas_wh, max_side_px)
        drawn = (
            # Scaled first, so that lines and letters have one size.
            (plan.draw(scale_into(each.image, canvas_wh), each.at_s), each.at_s)
            for each in chain([first], frames)
        )
        with Encoder(picture, canvas_wh) as encoder:
            for count, (image, at_s) in enumerate(ahead(drawn)):
                copied_s = at_s - part.from_s
                encoder.add(image, copied_s)
                if count % _REPORT_EVERY == 0:
                    send({"at_s": copied_s})
            encoder.end_s = decoder.end_s - part.from_s
        decoder.close()
        note = decoder.damage
        if not decoder.info.has_sound:
            picture.replace(out)
            return note
        send({"at_s": copied_s})
        source.seek(0)
        try:
            add_sound(picture, source, out, from_s=part.from_s, to_s=part.to_s)
            picture.unlink()
        except OSError:
            raise
        except Exception:
            # The frames are written; a failure of the sound must not cost them.
            picture.replace(out)
            note = f"{note} The sound of the video can't be read. The copy has none.".strip()
        return note


if __name__ == "__main__":
    # A private folder that holds the plan and the copy alone.
    run(
        send_copy,
        memory_bytes=_MEMORY_BYTES,
        processor_s=PROCESSOR_S,
        writes=lambda request: Path(request["out"]).parent,
    )
