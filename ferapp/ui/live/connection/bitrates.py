"""Bitrates in the answer to a browser, so that a stream is sharp from its first frame.

Without them Chromium starts at 300 kbit/s, and the feedback that aiortc sends (REMB) raises that by
about 8 % a second: a camera of 1280 x 720 arrives as 640 x 360 for 24 s. On a thin link the same
feedback lowers the rate again within seconds.
"""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Bitrate:
    """What the browser is told about the video that it sends.

    Attributes:
        start_kbit: At which rate it starts, kbit/s.
        most_kbit: Which rate it never exceeds, kbit/s.
    """

    start_kbit: int
    most_kbit: int


# Read in Chromium 156 (libwebrtc `media/base/media_constants.h`): the parameters are Google's and
# undocumented, Safari has the same code, and Firefox ignores them. Chromium shrinks pictures of
# which it expects less than about 500 kbit/s at 640 x 480 and 2,500 at 1920 x 1080. Left alone, it
# ends at 600, 1,700 and 2,500 kbit/s for these widths: now it starts there. Much more would cost
# the server time, because aiortc handles each packet in Python.
_START: Final = "x-google-start-bitrate"
_MOST: Final = "x-google-max-bitrate"

_BY_WIDTH: Final = {
    320: Bitrate(600, 800),
    640: Bitrate(1700, 2000),
    1280: Bitrate(2500, 3500),
}
_LARGEST: Final = Bitrate(4000, 6000)

# These repair or repeat what another codec has sent.
_NO_CODECS: Final = frozenset({"rtx", "red", "ulpfec", "flexfec-03"})


def bitrate_of_width(width: int) -> Bitrate:
    """The bitrate for a camera that is asked for pictures of this width, px."""
    return next((rate for most, rate in _BY_WIDTH.items() if width <= most), _LARGEST)


def with_bitrate(sdp: str, rate: Bitrate) -> str:
    """A session description whose video codecs have this bitrate.

    Args:
        sdp: An answer (RFC 8866); it may have the bitrate already.
        rate: For each codec of each video section.

    Returns:
        The same description, with parameters in the ``a=fmtp`` line of each video codec.
    """
    if f"{_START}=" in sdp:
        return sdp
    added = f"{_START}={rate.start_kbit};{_MOST}={rate.most_kbit}"
    head, *sections = re.split(r"(?m)^(?=m=)", sdp)
    return head + "".join(
        _with_parameters(s, added) if s.startswith("m=video") else s for s in sections
    )


def _with_parameters(section: str, added: str) -> str:
    codecs = re.findall(r"(?m)^a=rtpmap:(\d+) ([^/\s]+)/.*$", section)
    for number, name in codecs:
        if name.lower() in _NO_CODECS:
            continue
        line = rf"(?m)^(a=fmtp:{number} [^\r\n]*)"
        if re.search(line, section):
            section = re.sub(line, rf"\g<1>;{added}", section)
        else:
            mapped = rf"(?m)^(a=rtpmap:{number} [^\r\n]*)(\r?\n)"
            section = re.sub(mapped, rf"\g<1>\g<2>a=fmtp:{number} {added}\g<2>", section)
    return section
