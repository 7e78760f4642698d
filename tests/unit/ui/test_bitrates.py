"""Bitrates in the answer to a browser."""

import asyncio
import re

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import AudioStreamTrack
from aiortc.sdp import SessionDescription

from ferapp.ui.live.connection.bitrates import Bitrate, bitrate_of_width, with_bitrate

RATE = Bitrate(2000, 2500)
ADDED = "x-google-start-bitrate=2000;x-google-max-bitrate=2500"


def answer_of_aiortc(*, has_audio: bool) -> str:
    """What aiortc answers to an offer of its own."""

    async def negotiate() -> str:
        offering, answering = RTCPeerConnection(), RTCPeerConnection()
        if has_audio:
            offering.addTrack(AudioStreamTrack())
        offering.addTrack(VideoStreamTrack())
        await offering.setLocalDescription(await offering.createOffer())
        await answering.setRemoteDescription(offering.localDescription)
        sdp = (await answering.createAnswer()).sdp
        await offering.close()
        await answering.close()
        return sdp

    return asyncio.run(negotiate())


@pytest.mark.parametrize("has_audio", [False, True])
def test_every_video_codec_that_aiortc_answers_gets_the_bitrate(has_audio: bool) -> None:
    before = answer_of_aiortc(has_audio=has_audio)
    after = with_bitrate(before, RATE)
    for media in SessionDescription.parse(after).media:
        for codec in media.rtp.codecs:
            has_bitrate = codec.parameters.get("x-google-start-bitrate") == "2000"
            assert has_bitrate == (media.kind == "video" and codec.name != "rtx"), codec
            if codec.name == "H264":
                assert codec.parameters["packetization-mode"] == "1", "what was there stays"
    assert len(re.findall(ADDED, after)) == 3, "VP8 and two profiles of H.264"
    assert after.replace(f";{ADDED}", "").count("\r\n") == before.count("\r\n") + 1
    assert with_bitrate(after, RATE) == after, "each run of the page sends the same answer"
    RTCSessionDescription(after, "answer")


def test_all_else_stays_as_it_is() -> None:
    sdp = "v=0\r\nm=audio 9 X 111\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10\r\n"
    assert with_bitrate(sdp, RATE) == sdp


def test_a_number_that_begins_like_another_is_another() -> None:
    sdp = "m=video 9 X 9 96\r\na=rtpmap:9 VP8/90000\r\na=rtpmap:96 VP9/90000\r\na=fmtp:96 a=1\r\n"
    assert with_bitrate(sdp, RATE) == (
        f"m=video 9 X 9 96\r\na=rtpmap:9 VP8/90000\r\na=fmtp:9 {ADDED}\r\n"
        f"a=rtpmap:96 VP9/90000\r\na=fmtp:96 a=1;{ADDED}\r\n"
    )


def test_larger_pictures_get_more() -> None:
    rates = [bitrate_of_width(w) for w in (160, 320, 640, 1280, 1920, 3840)]
    starts = [rate.start_kbit for rate in rates]
    assert starts == sorted(starts) and len(set(starts)) == 4
    assert all(rate.start_kbit < rate.most_kbit for rate in rates)
