"""Browsers show an analysed frame as soon as it is there.

Left alone, Chromium holds each frame of a video back for some 60 ms, so that it can show all at an
even pace. For the picture of one's own camera that is only lag. The sender of a video can ask for
none of it in a header extension of its packets, which aiortc does not have.
"""

from typing import Final

from aiortc.codecs import HEADER_EXTENSIONS
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import (
    HeaderExtensions,
    HeaderExtensionsMap,
    pack_header_extensions,
    unpack_header_extensions,
)

URI: Final = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
"""Its specification is at that address."""

_NONE: Final = bytes(3)
"""Least and most delay, twelve bits each, in units of 10 ms."""


class PlayoutDelayMap(HeaderExtensionsMap):
    """aiortc's header extensions, and with each packet of a video the wish for no delay.

    A browser that does not offer the extension gets the packets as before.
    """

    def __init__(self) -> None:
        super().__init__()
        self._id: int | None = None

    def configure(self, parameters: RTCRtpParameters) -> None:
        """Take the numbers that both sides agreed on."""
        super().configure(parameters)
        self._id = next((e.id for e in parameters.headerExtensions if e.uri == URI), None)

    def set(self, values: HeaderExtensions) -> tuple[int, bytes]:
        """The profile and the bytes of a packet's extensions (RFC 8285)."""
        profile, packed = super().set(values)
        if self._id is None:
            return profile, packed
        extensions = unpack_header_extensions(profile, packed)
        return pack_header_extensions([*extensions, (self._id, _NONE)])


def offer_playout_delay() -> None:
    """Let the answers to browsers accept the extension; a second call changes nothing."""
    video = HEADER_EXTENSIONS["video"]
    if not any(extension.uri == URI for extension in video):
        # In answers the number is the browser's.
        number = 1 + max(extension.id for extension in video)
        video.append(RTCRtpHeaderExtensionParameters(id=number, uri=URI))
