"""When a video frame is given out, and what happens to one that is damaged."""

import asyncio
from collections.abc import Collection, Iterable

import numpy as np
import pytest
from aiortc import jitterbuffer
from aiortc.rtp import RtpPacket

from ferapp.ui.live.connection.marker_buffer import MarkerBuffer

TICKS = 6000  # of a frame at fifteen a second
KEY, OTHER = b"\x10", b"\x11"  # first bytes of frames of VP8


def packets(
    frames: int,
    *,
    each: int = 3,
    first: int = 65_530,
    is_marked: bool = True,
    keys: Collection[int] = (0,),
) -> list[RtpPacket]:
    """The packets of some frames; sequence numbers and time stamps wrap around early."""
    out = []
    for i in range(frames):
        for k in range(each):
            packet = RtpPacket(
                marker=int(is_marked and k == each - 1),
                sequence_number=(first + len(out)) % 2**16,
                timestamp=(2**32 - 2 * TICKS + i * TICKS) % 2**32,
                payload=b"any",
            )
            packet._data = (KEY if i in keys else OTHER) + bytes([i, k])
            out.append(packet)
    return out


def play(
    sent: Iterable[RtpPacket], buffer: jitterbuffer.JitterBuffer | None = None
) -> tuple[list[tuple[int, int]], list[int]]:
    """Frame number and packet after which it was given out; after which packets a PLI goes out."""
    buffer = buffer or MarkerBuffer(capacity=512, is_video=True)
    given, asked = [], []
    for i, packet in enumerate(sent):
        asks, frame = buffer.add(packet)
        asked += [i] if asks else []
        if frame is not None:
            assert len(frame.data) % 3 == 0
            assert {frame.data[k] for k in range(1, len(frame.data), 3)} == {frame.data[1]}
            given.append((frame.data[1], i))
    return given, asked


def test_a_frame_is_given_out_with_its_last_packet() -> None:
    given, asked = play(packets(8))
    assert given == [(i, 3 * i + 2) for i in range(8)] and not asked


def test_the_frame_is_the_one_that_aiortc_gives_later() -> None:
    own, theirs = MarkerBuffer(512, is_video=True), jitterbuffer.JitterBuffer(512, is_video=True)
    sent = packets(6)
    ours = [f for _, f in map(own.add, sent) if f]
    later = [f for _, f in map(theirs.add, sent) if f]
    pairs = [[(f.data, f.timestamp) for f in frames] for frames in (ours, later)]
    assert pairs[0][:5] == pairs[1] and len(pairs[0]) == 6


def test_order_does_not_matter() -> None:
    sent = packets(6)
    order = [0, 2, 1, 5, 4, 3, 6, 9, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17]
    given, asked = play(sent[i] for i in order)
    assert [number for number, _ in given] == list(range(6)) and not asked


@pytest.mark.parametrize("lost", [0, 1, 2], ids=["first", "middle", "marked"])
def test_a_packet_that_is_repeated_later_damages_nothing(lost: int) -> None:
    sent = packets(8)
    late = sent.pop(6 + lost)
    sent.insert(6 + lost + 4, late)
    given, asked = play(sent)
    assert [number for number, _ in given] == list(range(8)) and not asked


def test_without_marks_the_next_frame_ends_one() -> None:
    given, _ = play(packets(8, is_marked=False))
    assert given == [(i, 3 * i + 3) for i in range(7)], "as aiortc does it"


def test_a_sender_with_wrong_marks_is_not_believed() -> None:
    sent = packets(8)
    for packet in sent:
        packet.marker = 1
    given, _ = play(sent)
    assert [number for number, _ in given][-6:] == list(range(1, 7))
    assert given[-1] == (6, 21), "whole frames, at the next one's first packet"


def test_padding_after_a_frame_is_no_wrong_mark() -> None:
    sent = packets(6)
    padding = RtpPacket(sequence_number=65_533, timestamp=sent[2].timestamp)
    padding._data = b""
    for packet in sent[3:]:
        packet.sequence_number = (packet.sequence_number + 1) % 2**16
    given, _ = play([*sent[:3], padding, *sent[3:]])
    shown = [(number, i) for number, i in given]
    assert [number for number, _ in shown] == list(range(6))
    assert shown[-1] == (5, 18), "with its last packet"


@pytest.mark.parametrize("lost", [0, 1, 2], ids=["first", "middle", "marked"])
def test_a_packet_lost_for_good_ends_in_a_picture_within_a_second(lost: int) -> None:
    """The sender's next keyframe is frame 18, the answer to the request."""
    sent = packets(30, keys={0, 18})
    del sent[9 + lost]
    given, asked = play(sent)
    numbers = [number for number, _ in given]
    assert numbers == [0, 1, 2, *range(18, 30)], "no frame that builds on what is missing"
    assert asked and 3 * 10 < asked[0] <= 3 * 12, "half a second after the loss"


def test_it_asks_again_when_no_keyframe_comes() -> None:
    sent = packets(45, keys={0, 40})
    del sent[10]
    given, asked = play(sent)
    assert [number for number, _ in given] == [0, 1, 2, 40, 41, 42, 43, 44]
    assert len(asked) >= 3 and np.diff(asked).min() >= 3 * 7


def test_frames_of_h264_are_left_to_their_decoder() -> None:
    sent = packets(30)
    for packet in sent:
        packet._data = b"\x00" + packet._data[1:]
    del sent[10]
    given, asked = play(sent)
    assert given[-1][0] == 29 and len(given) > 15 and asked


def test_a_slow_camera_is_no_loss() -> None:
    sent = packets(6)
    for i, packet in enumerate(sent):
        packet.timestamp = (i // 3) * 90_000
    given, asked = play(sent)
    assert given == [(i, 3 * i + 2) for i in range(6)] and not asked


def test_sound_is_left_alone() -> None:
    sent = packets(8)
    own = MarkerBuffer(capacity=16, prefetch=4)
    theirs = jitterbuffer.JitterBuffer(capacity=16, prefetch=4)
    assert play(sent, own) == play(sent, theirs)


def test_any_loss_ends_in_a_picture() -> None:
    """Two in a hundred packets never come; keyframes come a third of a second after a request."""
    random = np.random.default_rng(3)
    buffer = MarkerBuffer(capacity=512, is_video=True)
    key_at, last, longest = 0, 0, 0
    sequence = 0
    for i in range(3000):
        keys = {i} if i == key_at else set()
        for k in range(4):
            packet = packets(1, each=1)[0]
            packet.sequence_number, packet.timestamp = sequence % 2**16, (i * TICKS) % 2**32
            packet.marker = int(k == 3)
            packet._data = (KEY if keys else OTHER) + bytes([0, k])
            sequence += 1
            if random.random() < 0.005:
                continue
            asks, frame = buffer.add(packet)
            if asks:
                key_at = i + 5
            if frame is not None:
                longest, last = max(longest, i - last), i
    assert longest < 3 * 15, "frames without a picture"
    assert last > 2900


def test_aiortc_uses_it() -> None:
    from aiortc import rtcrtpreceiver

    from ferapp.ui.server.private_parts import give_frames_at_their_end

    before = rtcrtpreceiver.JitterBuffer
    try:
        give_frames_at_their_end(MarkerBuffer)

        class Transport:
            state = "new"

        async def make() -> object:
            return rtcrtpreceiver.RTCRtpReceiver("video", Transport())

        receiver = asyncio.run(make())
        assert isinstance(receiver._RTCRtpReceiver__jitter_buffer, MarkerBuffer)
    finally:
        rtcrtpreceiver.JitterBuffer = before
