"""What an offer makes the server send, with the real WebRTC library on loopback."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiortc import RTCPeerConnection
from aiortc.contrib.media import MediaRelay
from streamlit_webrtc import WebRtcMode, WebRtcWorker

from ferapp.errors import UserError
from ferapp.serving.ice import MAX_CANDIDATES, Peer
from ferapp.ui.live.connection import signalling
from ferapp.ui.live.connection.signalling import GuardedWorker
from ferapp.ui.shared.owner import visitor_peer
from tests.support.waiting import wait_until

LISTEN_S = 0.5  # unguarded, the first packet comes after a few milliseconds


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def victim() -> Iterator[socket.socket]:
    """A service of this machine that no visitor may reach."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as service:
        service.bind(("127.0.0.1", 0))
        yield service


def gets_a_packet(service: socket.socket) -> bool:
    service.settimeout(LISTEN_S)
    try:
        return bool(service.recv(2000))
    except TimeoutError:
        return False


async def make_offer() -> tuple[RTCPeerConnection, str]:
    browser = RTCPeerConnection()
    browser.addTransceiver("video", direction="recvonly")
    await browser.setLocalDescription(await browser.createOffer())
    return browser, browser.localDescription.sdp


def run(loop: asyncio.AbstractEventLoop, work: Any) -> Any:
    return asyncio.run_coroutine_threadsafe(work, loop).result(10)


def named(service: socket.socket) -> str:
    host, port = service.getsockname()
    return f"candidate:1 1 udp 2130706431 {host} {port} typ host"


@pytest.fixture
def worker(loop: asyncio.AbstractEventLoop) -> Iterator[Callable[[type], WebRtcWorker]]:
    made: list[WebRtcWorker] = []

    def make(kind: type = GuardedWorker) -> WebRtcWorker:
        names = (
            "source_video_track source_audio_track sink_video_track sink_audio_track player_factory"
            " in_recorder_factory out_recorder_factory video_frame_callback audio_frame_callback"
            " queued_video_frames_callback queued_audio_frames_callback on_video_ended"
            " on_audio_ended video_processor_factory audio_processor_factory"
        )
        made.append(
            kind(
                mode=WebRtcMode.SENDRECV,
                rtc_configuration=None,
                async_processing=True,
                video_receiver_size=4,
                audio_receiver_size=4,
                sendback_video=True,
                sendback_audio=True,
                loop=loop,
                relay=MediaRelay(),
                **dict.fromkeys(names.split()),
            )
        )
        return made[-1]

    yield make
    for each in made:
        each.stop(timeout=1)
        run(loop, each.pc.close())


@pytest.fixture(autouse=True)
def no_stun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiortc.RTCIceGatherer.getDefaultIceServers", list)


@pytest.mark.parametrize("is_trickled", [False, True], ids=["in the offer", "trickled"])
@pytest.mark.parametrize(
    ("kind", "peer", "reaches"),
    [
        (WebRtcWorker, Peer("8.8.4.4"), True),
        (GuardedWorker, Peer("8.8.4.4"), False),
        (GuardedWorker, Peer("10.1.2.3"), False),
        (GuardedWorker, Peer(is_here=True), True),
    ],
    ids=["unguarded", "elsewhere", "lan", "here"],
)
def test_an_address_of_this_machine_gets_packets_for_its_person_alone(
    loop: asyncio.AbstractEventLoop,
    victim: socket.socket,
    worker: Callable[[type], WebRtcWorker],
    monkeypatch: pytest.MonkeyPatch,
    kind: type,
    peer: Peer,
    is_trickled: bool,
    reaches: bool,
) -> None:
    monkeypatch.setattr(signalling, "visitor_peer", lambda _: peer)
    browser, sdp = run(loop, make_offer())
    sdp = "".join(f"{line}\r\n" for line in sdp.splitlines() if "candidate" not in line)
    server = worker(kind)
    if is_trickled:
        server.process_offer(sdp, "offer", timeout=5)
        candidate = {"candidate": named(victim), "sdpMid": "0", "sdpMLineIndex": 0}
        server.set_ice_candidates_from_offerer({"1": candidate})
    else:
        server.process_offer(f"{sdp}a={named(victim)}\r\n", "offer", timeout=5)
    assert gets_a_packet(victim) == reaches
    run(loop, browser.close())


def test_a_visitor_from_elsewhere_connects_without_a_candidate(
    loop: asyncio.AbstractEventLoop,
    worker: Callable[[type], WebRtcWorker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signalling, "visitor_peer", lambda _: Peer("8.8.4.4"))
    browser, sdp = run(loop, make_offer())
    server = worker(GuardedWorker)
    answer = server.process_offer(sdp, "offer", timeout=5)
    run(loop, browser.setRemoteDescription(answer))
    wait_until(lambda: server.pc.connectionState == "connected", 10)
    run(loop, browser.close())


def test_an_offer_can_cause_a_bounded_number_of_packets(
    loop: asyncio.AbstractEventLoop,
    victim: socket.socket,
    worker: Callable[[type], WebRtcWorker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signalling, "visitor_peer", lambda _: Peer(is_here=True))
    browser, sdp = run(loop, make_offer())
    port = victim.getsockname()[1]
    many = "".join(
        f"a=candidate:1 1 udp 2130706431 127.0.0.{n} {port} typ host\r\n" for n in range(2, 250)
    )
    server = worker(GuardedWorker)
    server.process_offer(sdp + many, "offer", timeout=5)
    transport = server.pc.getTransceivers()[0].receiver.transport.transport
    assert len(transport.getRemoteCandidates()) <= MAX_CANDIDATES
    run(loop, browser.close())


def test_a_refused_offer_leaves_nothing_open(
    worker: Callable[[type], WebRtcWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signalling, "visitor_peer", lambda _: Peer(is_here=True))
    threads = threading.active_count()
    server = worker(GuardedWorker)
    with pytest.raises(UserError):
        server.process_offer("m=video\r\n" * 100, "offer")
    wait_until(lambda: threading.active_count() <= threads)


@pytest.mark.parametrize(
    ("headers", "address", "peer"),
    [
        ({"Host": "localhost:8501"}, None, Peer(None, is_here=True)),
        ({"Host": "192.168.1.5:8501"}, "192.168.1.7", Peer("192.168.1.7")),
        ({"Host": "localhost:8501"}, "192.168.1.7", Peer("192.168.1.7")),
        ({"Host": "faces.example.org", "X-Forwarded-For": "8.8.4.4"}, "8.8.4.4", Peer("8.8.4.4")),
        ({"Host": "localhost", "X-Forwarded-For": "127.0.0.1"}, None, Peer(None)),
        ({"Host": "localhost", "Via": "1.1 a"}, None, Peer(None)),
        ({"Host": "faces.example.org"}, None, Peer(None)),
    ],
)
def test_only_a_page_from_this_machine_through_no_proxy_is_here(
    headers: dict[str, str], address: str | None, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = SimpleNamespace(headers=headers, ip_address=address)
    monkeypatch.setattr("ferapp.ui.shared.owner.st", SimpleNamespace(context=context))
    assert visitor_peer() == peer


def test_every_stream_of_the_app_is_guarded() -> None:
    import streamlit_webrtc.component as component

    from ferapp.ui.live import webcam

    assert component.WebRtcWorker is GuardedWorker and webcam.streamer
