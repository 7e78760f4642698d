"""The track that sends analysed frames back."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import av
import pytest
from aiortc import MediaStreamTrack
from aiortc.contrib.media import MediaRelay
from aiortc.mediastreams import MediaStreamError

from ferapp.ui.live.connection.track import AnalysedTrack
from tests.support.frames import frame

PATIENCE_S = 10


class Camera(MediaStreamTrack):
    """Gives the frames that a test shows it."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.frames: asyncio.Queue[Any] = asyncio.Queue()

    def show(self, *indexes: int) -> None:
        for i in indexes:
            self.frames.put_nowait(frame(i))

    async def recv(self) -> Any:
        shown = await self.frames.get()
        if shown is None:
            raise MediaStreamError
        return shown


def play(script: Callable[[Camera], Awaitable[None]]) -> None:
    """Run the script of a test on an event loop, with a camera."""

    async def run() -> None:
        await asyncio.wait_for(script(Camera()), PATIENCE_S)

    asyncio.run(run())


def passes_on(shown: Any) -> Any:
    return shown


async def ends(track: MediaStreamTrack) -> bool:
    with pytest.raises(MediaStreamError):
        while True:
            await asyncio.wait_for(track.recv(), PATIENCE_S)
    return track.readyState == "ended"


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.005)


def test_each_frame_comes_back_before_the_next_one_is_there() -> None:
    async def script(camera: Camera) -> None:
        track = AnalysedTrack(passes_on)
        track.addTrack(camera)
        for i in range(3):
            camera.show(i)
            assert (await track.recv()).pts == i * 6000
        track.stop()

    play(script)


def test_frames_come_back_in_the_format_of_encoders() -> None:
    async def script(camera: Camera) -> None:
        track = AnalysedTrack(passes_on, source=camera)
        for width in (640, 480, 640):
            camera.frames.put_nowait(frame(width=width))
            out = await track.recv()
            expected = frame(width=width).reformat(format="yuv420p")
            assert (out.format.name, out.width, out.time_base) == (
                "yuv420p",
                width,
                expected.time_base,
            )
            assert (out.to_ndarray() == expected.to_ndarray()).all(), "a camera may change its size"
        track.stop()

    play(script)


def test_a_newer_frame_replaces_the_one_that_waits_and_nobody_else_waits() -> None:
    async def script(camera: Camera) -> None:
        may_go, dropped, analysed = threading.Event(), [], []

        def analyse(shown: Any) -> Any:
            may_go.wait(PATIENCE_S)
            analysed.append(shown.pts)
            return shown

        slow = AnalysedTrack(analyse, lambda: dropped.append(1), camera)
        other_camera = Camera()
        quick = AnalysedTrack(passes_on, source=other_camera)
        camera.show(0)
        first = asyncio.ensure_future(slow.recv())
        await asyncio.sleep(0.05)
        camera.show(1, 2, 3)
        for i in range(5):
            other_camera.show(i)
            assert (await quick.recv()).pts == i * 6000, "another viewer is served meanwhile"
        assert not first.done() and len(dropped) == 2
        may_go.set()
        assert (await first).pts == 0 and (await slow.recv()).pts == 3 * 6000
        assert analysed == [0, 3 * 6000]
        slow.stop()
        quick.stop()

    play(script)


def test_a_frame_that_fails_goes_back_as_it_came(caplog: pytest.LogCaptureFixture) -> None:
    def fail(shown: Any) -> Any:
        raise ZeroDivisionError("secret")

    async def script(camera: Camera) -> None:
        track = AnalysedTrack(fail, source=camera)
        camera.show(4)
        out = await track.recv()
        assert out.pts == 4 * 6000 and out.format.name == "yuv420p"
        track.stop()

    with caplog.at_level(logging.CRITICAL):
        play(script)


def test_it_ends_with_its_camera() -> None:
    async def script(camera: Camera) -> None:
        track = AnalysedTrack(passes_on, source=camera)
        camera.show(0)
        await track.recv()
        camera.frames.put_nowait(None)
        assert await ends(track) and camera.readyState == "ended"

    play(script)


@pytest.mark.parametrize("is_busy", [False, True])
def test_stop_from_another_thread_ends_all(is_busy: bool) -> None:
    """The page's thread stops it, perhaps while a frame is analysed."""
    may_go = threading.Event()

    def analyse(shown: av.VideoFrame) -> av.VideoFrame:
        may_go.wait(PATIENCE_S)
        return shown

    async def script(camera: Camera) -> None:
        before = threading.active_count()
        track = AnalysedTrack(analyse, source=camera)
        if is_busy:
            camera.show(0)
        waiting = asyncio.ensure_future(ends(track))
        await asyncio.sleep(0.05)
        stopping = threading.Thread(target=lambda: (track.stop(), track.stop()))
        stopping.start()
        may_go.set()
        assert await waiting
        await until(lambda: threading.active_count() <= before)
        await until(lambda: camera.readyState == "ended")

    play(script)


def test_one_that_was_never_used_can_be_stopped() -> None:
    track = AnalysedTrack(passes_on)
    track.stop()
    assert track.readyState == "ended" and not track.hasTrack()


def test_it_is_sink_and_source_of_a_connection_as_streamlit_webrtc_uses_it() -> None:
    async def script(camera: Camera) -> None:
        relay = MediaRelay()
        track = AnalysedTrack(passes_on)
        track.addTrack(relay.subscribe(camera))
        sent = relay.subscribe(relay.subscribe(track))
        track.start()
        for i in range(3):
            camera.show(i)
            assert (await sent.recv()).pts == i * 6000
        track.stop()
        assert await ends(sent)

    play(script)


def test_frames_do_not_queue_for_a_slow_sender() -> None:
    """What is sent goes into a queue without a limit; on a busy machine it grew by seconds."""

    async def script(camera: Camera) -> None:
        analysed: list[int] = []

        def analyse(shown: Any) -> Any:
            analysed.append(shown.pts // 6000)
            return shown

        relay = MediaRelay()
        track = AnalysedTrack(analyse, source=camera)
        sent = relay.subscribe(relay.subscribe(track))
        camera.show(0)
        numbers = [(await sent.recv()).pts // 6000]
        for i in range(1, 12):
            camera.show(i)
            await until(lambda i=i: i in analysed)
        for _ in range(4):
            shown = await asyncio.wait_for(sent.recv(), PATIENCE_S)
            numbers.append(shown.pts // 6000)
            del shown
            if numbers[-1] == 11:
                break
        assert numbers[-1] == 11 and numbers == sorted(numbers), "at most two older ones wait"
        track.stop()

    play(script)


def test_one_that_keeps_all_frames_slows_the_video_down_but_does_not_stop_it() -> None:
    async def script(camera: Camera) -> None:
        track = AnalysedTrack(passes_on, source=camera)
        kept = []
        for i in range(5):
            camera.show(i)
            kept.append(await track.recv())
        assert [shown.pts for shown in kept] == [i * 6000 for i in range(5)]
        track.stop()

    play(script)


def test_a_picture_with_an_odd_width_comes_back() -> None:
    async def script(camera: Camera) -> None:
        track = AnalysedTrack(passes_on, source=camera)
        camera.frames.put_nowait(frame(2, width=481))
        out = await track.recv()
        assert (out.width, out.height, out.pts) == (481, 480, 2 * 6000)
        track.stop()

    play(script)
