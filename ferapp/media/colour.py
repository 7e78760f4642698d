"""From the colours of a stored frame to RGB, with a note where they had to be converted."""

from typing import Any, Final

import av
import numpy as np
from av.video.reformatter import Colorspace, ColorTrc, Interpolation, VideoReformatter
from numpy.typing import NDArray

from ferapp.media.pictures.coded_colour import Coding, coded_to_srgb, coding_of_numbers
from ferapp.media.tone_mapping import Curve, ToneMapper

_CURVES: Final[dict[int, Curve]] = {ColorTrc.ARIB_STD_B67: "HLG", ColorTrc.SMPTE2084: "PQ"}
# From here on, players take BT.709 for a video that does not name its matrix.
_HD_LINES: Final = 720
_UNNAMED: Final = 2
# Primaries as in sRGB, or those of old television, which are within a level of them.
_OF_SRGB: Final = frozenset((1, _UNNAMED, 5, 6, 7))
_OTHER_CURVES: Final = frozenset((ColorTrc.GAMMA28, ColorTrc.LINEAR))
# VP8 can't name its matrix, and FFmpeg says BT.601 for all of them.
_NEVER_NAMED: Final = frozenset(("vp8",))
# Without these, eight bits come out one to two levels too dark. With them, sixteen bits get other
# colours (findings/swscale-full-chroma-of-sixteen-bits.sh).
_EXACT: Final = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


class Colours:
    """Converts the frames of one video; all methods are called from one thread.

    Args:
        codec: FFmpeg's name of its codec.

    Attributes:
        notes: What was converted, in sentences.
    """

    def __init__(self, codec: str = "") -> None:
        self.notes: list[str] = []
        self._names_matrix = codec not in _NEVER_NAMED
        self._reformatter = VideoReformatter()
        self._mappers: dict[Curve, ToneMapper] = {}

    def to_rgb(self, frame: Any, size_wh: tuple[int, int]) -> NDArray[Any]:
        """Scale a frame and convert its pixels.

        Args:
            frame: A decoded frame.
            size_wh: The size to give it, px.

        Returns:
            (h, w, 3) RGB; uint8, or uint16 where `to_sdr` has to follow.
        """
        matrix = self._matrix(frame)
        kind = "rgb48le" if frame.color_trc in _CURVES else "rgb24"
        try:
            out = self._reformat(frame, size_wh, kind, matrix)
        except av.FFmpegError:  # FFmpeg does not know the number of the colour matrix
            out = self._reformat(frame, size_wh, kind, Colorspace.ITU601)
        pixels: NDArray[Any] = out.to_ndarray()
        return pixels

    def to_sdr(self, frame: Any, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """Map what `to_rgb` gave for a frame, or a part of it, to sRGB of standard range."""
        if pixels.dtype == np.uint8:
            coding = self._coding(frame)
            return pixels if coding is None else coded_to_srgb(np.array(pixels), coding)
        curve = _CURVES[frame.color_trc]
        if curve not in self._mappers:
            self._mappers[curve] = ToneMapper(curve)
            self._note(
                f"The video has a high dynamic range ({curve}); its colours were converted to the "
                "standard range."
            )
        return self._mappers[curve].map(pixels)

    def _coding(self, frame: Any) -> Coding | None:
        """The primaries and the curve of a frame, if they need a conversion."""
        is_usual = frame.color_primaries in _OF_SRGB and frame.color_trc not in _OTHER_CURVES
        if frame.colorspace == _UNNAMED or is_usual:
            return None
        coding = coding_of_numbers(frame.color_primaries, frame.color_trc, is_video=True)
        if coding is not None:
            self._note("The video has other colours than sRGB; they were converted.")
        return coding

    def _reformat(
        self, frame: Any, size_wh: tuple[int, int], kind: str, matrix: Colorspace | None
    ) -> Any:
        known = {} if matrix is None else {"src_colorspace": matrix}
        how = Interpolation.BILINEAR | _EXACT if kind == "rgb24" else Interpolation.BILINEAR
        return self._reformatter.reformat(frame, *size_wh, kind, interpolation=how, **known)

    def _matrix(self, frame: Any) -> Colorspace | None:
        """The matrix of a frame that does not name it; None leaves it to FFmpeg."""
        is_yuv = not frame.format.is_rgb and len(frame.format.components) >= 3
        if not is_yuv or (self._names_matrix and frame.colorspace != _UNNAMED):
            return None
        if frame.color_trc in _CURVES:
            return Colorspace.BT2020
        if frame.height < _HD_LINES:
            return None
        self._note(
            "The video does not name its colour matrix; BT.709 was assumed, as for other HD videos."
        )
        return Colorspace.ITU709

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
