"""The analysed video of one connection, each frame as soon as it is ready.

The track of streamlit-webrtc (`AsyncMediaProcessTrack`) gives back the result of the frame before,
so that each picture is shown one frame time later than it could be. This one waits for the result,
and the wait is asynchronous: other viewers are served meanwhile. Why it is ours:
``docs/decisions/0021-a-track-of-our-own.md``.
"""

import asyncio
import contextlib
import logging
import threading
import weakref
from collections.abc import Callable
from typing import Any, Final

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.video.reformatter import VideoReformatter

OnFrame = Callable[[Any], Any]

_logger = logging.getLogger(__name__)

# One that is encoded, one that waits, and the last one, which aiortc keeps until the next.
_MOST_UNSENT: Final = 3
_PATIENCE_S: Final = 0.5
"""How long to wait for a sender at most."""


class AnalysedTrack(MediaStreamTrack):
    """What a connection sends back: its own frames, analysed.

    streamlit-webrtc gets it twice, as the sink of what the browser sends and as the source of what
    is sent back; both are documented. `addTrack`, `start` and `recv` are called on aiortc's event
    loop, `stop` on any thread, and ``on_frame`` on a thread of this track, one frame at a time.

    Frames never queue: while one is analysed, a newer one replaces the one that waits. So does a
    newer result while the sender, whose own queue has no limit, encodes those before.

    Args:
        on_frame: Gets a frame and returns the one to send. If it fails, the frame goes back as it
            came: the video never stands still because of an analysis.
        on_drop: Called on the event loop for each frame that a newer one has replaced.
        source: Where frames come from; None until `addTrack` is called.
    """

    kind = "video"

    def __init__(
        self,
        on_frame: OnFrame,
        on_drop: Callable[[], object] = lambda: None,
        source: MediaStreamTrack | None = None,
    ) -> None:
        super().__init__()
        self._on_frame, self._on_drop, self._source = on_frame, on_drop, source
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reading: asyncio.Task[None] | None = None
        # Between the event loop and the thread of this track.
        self._changed = threading.Condition()
        self._newest: Any = None
        self._is_over = False
        # Of the event loop alone.
        self._result: Any = None
        self._has_result: asyncio.Event | None = None
        self._is_sent: asyncio.Event | None = None
        self._unsent = 0
        self._to_yuv = VideoReformatter()

    def addTrack(self, track: MediaStreamTrack) -> None:
        """Take frames from this track."""
        self._source = track

    def hasTrack(self) -> bool:
        """Whether it is clear where frames come from: such a track is in use."""
        return self._source is not None

    def start(self) -> None:
        """Begin to read; a second call changes nothing."""
        if self._reading is None and self.readyState == "live":
            self._loop = asyncio.get_running_loop()
            self._has_result, self._is_sent = asyncio.Event(), asyncio.Event()
            threading.Thread(target=self._work, name="live-analysis", daemon=True).start()
            self._reading = self._loop.create_task(self._read())

    async def recv(self) -> Any:
        """The next analysed frame.

        Raises:
            MediaStreamError: The connection has ended.
        """
        self.start()
        while self.readyState == "live" and self._has_result is not None:
            await self._has_result.wait()
            await self._wait_for_sender()
            self._has_result.clear()
            result, self._result = self._result, None
            if result is not None:
                return self._watched(result)
        raise MediaStreamError

    def stop(self) -> None:
        """End the track and its thread; may be called twice."""
        super().stop()
        with self._changed:
            self._is_over, self._newest = True, None
            self._changed.notify()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        """Let `recv` and the reading task see that the track has ended."""
        if self._reading is not None and self._has_result is not None:
            self._reading.cancel()
            self._has_result.set()
            self._after_sending()
        if self._source is not None:
            self._source.stop()

    async def _read(self) -> None:
        assert self._source is not None
        try:
            while True:
                frame = await self._source.recv()
                with self._changed:
                    is_late = self._newest is not None
                    self._newest = frame
                    self._changed.notify()
                if is_late:
                    self._on_drop()
        except MediaStreamError:
            pass
        finally:
            self.stop()

    def _work(self) -> None:
        """Analyse the newest frame, again and again; it never waits for the event loop."""
        assert self._loop is not None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_over or self._newest is not None)
                if self._is_over:
                    return
                frame, self._newest = self._newest, None
            out = self._analyse(frame)
            try:
                self._loop.call_soon_threadsafe(self._give, out)
            except RuntimeError:  # the server has stopped
                return

    def _give(self, out: Any) -> None:
        assert self._has_result is not None
        self._result = out
        self._has_result.set()

    async def _wait_for_sender(self) -> None:
        assert self._loop is not None and self._is_sent is not None
        until_s = self._loop.time() + _PATIENCE_S
        while self._unsent >= _MOST_UNSENT and self.readyState == "live":
            self._is_sent.clear()
            try:
                await asyncio.wait_for(self._is_sent.wait(), until_s - self._loop.time())
            except TimeoutError:
                return

    def _watched(self, frame: Any) -> Any:
        """The same frame, which tells when nobody needs it any more."""
        if frame.width % 2 or frame.height % 2:
            return frame  # PyAV has no array for it
        pixels = frame.to_ndarray()
        out = av.VideoFrame.from_numpy_buffer(pixels, format="yuv420p")
        out.pts, out.time_base = frame.pts, frame.time_base
        self._unsent += 1
        # A frame of PyAV can't be watched, but the array under it can, and ends with it.
        weakref.finalize(pixels, self._note_sent).atexit = False
        return out

    def _note_sent(self) -> None:
        """On any thread: the last one that had a frame has let go of it."""
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the server has stopped
            self._loop.call_soon_threadsafe(self._after_sending, 1)

    def _after_sending(self, frames: int = 0) -> None:
        assert self._is_sent is not None
        self._unsent -= frames
        self._is_sent.set()

    def _analyse(self, frame: Any) -> Any:
        try:
            out = self._on_frame(frame)
        except Exception:
            _logger.exception("a frame could not be processed")
            out = frame
        # As the encoders take it. Otherwise they convert each frame with tables of its own.
        # On this thread: a converter's own threads would stay as long as the visitor's session.
        return self._to_yuv.reformat(out, format="yuv420p", threads=1)
