"""The analysed video of one connection, each frame as soon as it is ready.

The track of streamlit-webrtc (`AsyncMediaProcessTrack`) gives back the result of the frame before,
so that each picture is shown one frame time later than it could be. This one waits for the result,
and the wait is asynchronous: other viewers are served meanwhile. Why it is ours:
``docs/decisions/0021-a-track-of-our-own.md``.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.video.reformatter import VideoReformatter

OnFrame = Callable[[Any], Any]

_logger = logging.getLogger(__name__)


class AnalysedTrack(MediaStreamTrack):
    """What a connection sends back: its own frames, analysed.

    streamlit-webrtc gets it twice, as the sink of what the browser sends and as the source of what
    is sent back; both are documented. `addTrack`, `start` and `recv` are called on aiortc's event
    loop, `stop` on any thread, and ``on_frame`` on a thread of this track, one frame at a time.

    Frames never queue: while one is analysed, a newer one replaces the one that waits. So does a
    newer result.

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
            self._has_result = asyncio.Event()
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
            self._has_result.clear()
            result, self._result = self._result, None
            if result is not None:
                return result
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

    def _analyse(self, frame: Any) -> Any:
        try:
            out = self._on_frame(frame)
        except Exception:
            _logger.exception("a frame could not be processed")
            out = frame
        # As the encoders take it. Otherwise they convert each frame with tables of its own.
        return self._to_yuv.reformat(out, format="yuv420p")
