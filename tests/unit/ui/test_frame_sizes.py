"""Frames of any size give a picture or nothing, and take a bounded amount of memory."""

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
import pytest
from aiortc import rtcrtpreceiver
from aiortc.codecs import PCMU_CODEC
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder, VpxPayloadDescriptor
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from ferapp.ui.live.connection.frame_sizes import MAX_PIXELS, fit_frame
from ferapp.ui.live.connection.signalling import guard_streams
from tests.support.frames import viewer

VP8 = RTCRtpCodecParameters(mimeType="video/VP8", clockRate=90_000, payloadType=96)
H264 = RTCRtpCodecParameters(mimeType="video/H264", clockRate=90_000, payloadType=97)
SIZES = [(1, 1), (2, 2), (1, 3000), (3000, 1), (641, 481), (1920, 1080), (1081, 1921), (4096, 2304)]


@pytest.fixture(autouse=True)
def _guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(rtcrtpreceiver, "get_decoder", rtcrtpreceiver.get_decoder)
    guard_streams()
    yield


def frame_of(width: int, height: int, pts: int = 0) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([128]) * plane.buffer_size)
    frame.pts, frame.time_base = pts, Fraction(1, 90_000)
    return frame


def sent(frame: av.VideoFrame, codec: RTCRtpCodecParameters = VP8) -> JitterFrame:
    """A frame as it arrives from a browser."""
    if codec is VP8:
        packets, _ = Vp8Encoder().encode(frame)
        data = b"".join(VpxPayloadDescriptor.parse(packet)[1] for packet in packets)
    else:
        encoder = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuv420p"
        encoder.time_base, encoder.options = frame.time_base, {"preset": "ultrafast"}
        data = b"".join(bytes(p) for p in [*encoder.encode(frame), *encoder.encode(None)])
    return JitterFrame(data=data, timestamp=0)


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_of_any_size_is_fit_for_every_encoder(size: tuple[int, int]) -> None:
    fitted = fit_frame(frame_of(*size, pts=7))
    assert (fitted.pts, fitted.time_base) == (7, Fraction(1, 90_000))
    assert fitted.width % 2 == fitted.height % 2 == 0 and fitted.width * fitted.height <= MAX_PIXELS
    for encoder in (Vp8Encoder(), H264Encoder()):
        packets, _ = encoder.encode(fitted)
        assert packets


def test_the_shape_stays_and_what_fits_is_not_touched() -> None:
    fitted = fit_frame(frame_of(4096, 2304))
    assert fitted.width / fitted.height == pytest.approx(16 / 9, rel=0.01)
    frame = frame_of(1280, 720)
    assert fit_frame(frame) is frame


@pytest.mark.parametrize("codec", [VP8, H264], ids=["VP8", "H.264"])
def test_a_huge_frame_is_dropped_by_the_decoder_and_the_next_one_is_shown(
    codec: RTCRtpCodecParameters,
) -> None:
    decoder = rtcrtpreceiver.get_decoder(codec)
    with pytest.raises(av.FFmpegError):
        decoder.decode(sent(frame_of(8192, 1160), codec))
    decoder = rtcrtpreceiver.get_decoder(codec)
    shown = [f for _ in range(2) for f in decoder.decode(sent(frame_of(640, 480), codec))]
    assert {(f.width, f.height) for f in shown} <= {(640, 480)}
    assert shown or codec is H264, "H.264 waits for what may come before"


def test_a_stream_that_changes_its_size_with_each_frame_goes_on() -> None:
    decoder, me = rtcrtpreceiver.get_decoder(VP8), viewer()
    for number, size in enumerate(SIZES[:-1]):
        (decoded,) = decoder.decode(sent(frame_of(*size)))
        decoded.pts = 6000 * (number + 1)
        out = me.on_frame(decoded)
        assert (out.width, out.height) == (decoded.width, decoded.height)
        assert me.latest.snapshot().message is None
        assert np.asarray(out.to_ndarray(format="rgb24")).any()


def test_sound_is_decoded_as_before() -> None:
    decoder = rtcrtpreceiver.get_decoder(PCMU_CODEC)
    assert decoder.decode(JitterFrame(data=bytes(160), timestamp=0))
