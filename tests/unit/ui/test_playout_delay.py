"""Browsers that can are asked to show frames at once."""

import asyncio
import re
from collections.abc import Iterator

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription, rtp
from aiortc.codecs import HEADER_EXTENSIONS
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensions, HeaderExtensionsMap, unpack_header_extensions

from ferapp.ui.live.connection.playout_delay import URI, PlayoutDelayMap, offer_playout_delay
from ferapp.ui.server.private_parts import write_headers

MID = RTCRtpHeaderExtensionParameters(id=4, uri="urn:ietf:params:rtp-hdrext:sdes:mid")
VALUES = HeaderExtensions(mid="0")


@pytest.fixture(autouse=True)
def unchanged_library() -> Iterator[None]:
    kind, video = rtp.HeaderExtensionsMap, list(HEADER_EXTENSIONS["video"])
    yield
    rtp.HeaderExtensionsMap = kind  # type: ignore[misc]
    HEADER_EXTENSIONS["video"][:] = video


def packed(extensions: HeaderExtensionsMap, *agreed: RTCRtpHeaderExtensionParameters) -> list:
    extensions.configure(RTCRtpParameters(headerExtensions=list(agreed)))
    return unpack_header_extensions(*extensions.set(VALUES))


def test_each_packet_asks_for_no_delay() -> None:
    wish = RTCRtpHeaderExtensionParameters(id=12, uri=URI)
    assert packed(PlayoutDelayMap(), MID, wish) == [(4, b"0"), (12, b"\0\0\0")]
    assert packed(PlayoutDelayMap(), wish) == [(12, b"\0\0\0")], "no other extension"


def test_a_browser_without_it_gets_the_packets_of_aiortc() -> None:
    assert packed(PlayoutDelayMap(), MID) == packed(HeaderExtensionsMap(), MID)


async def answer() -> tuple[str, object]:
    """The answer to a browser that calls it number 12, and what its packets' headers come from."""
    browser, server = RTCPeerConnection(), RTCPeerConnection()
    try:
        browser.addTransceiver("video")
        offer = re.sub(rf"extmap:\d+ {URI}", f"extmap:12 {URI}", (await browser.createOffer()).sdp)
        await server.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        transceiver = server.getTransceivers()[0]
        transceiver.direction = "sendrecv"
        sdp = (await server.createAnswer()).sdp
        return sdp, transceiver.sender._RTCRtpSender__rtp_header_extensions_map
    finally:
        await browser.close()
        await server.close()


def test_the_answer_takes_the_extension_with_the_number_of_the_browser() -> None:
    write_headers(PlayoutDelayMap)
    offer_playout_delay()
    offer_playout_delay()
    assert [extension.uri for extension in HEADER_EXTENSIONS["video"]].count(URI) == 1
    sdp, extensions = asyncio.run(answer())
    assert f"a=extmap:12 {URI}" in sdp
    assert isinstance(extensions, PlayoutDelayMap)
