"""Frames from the browser and back: the only home of streamlit-webrtc.

Two threads are at work. The page's thread runs the script; it makes a `Viewer`, changes its
`settings` and reads its `latest`. The thread of an `AnalysedTrack` calls `Viewer.on_frame` with the
newest frame, one at a time; frames that arrive meanwhile are dropped there.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import av
import numpy as np
from aiortc.exceptions import OperationError
from av.video.reformatter import VideoReformatter
from streamlit_webrtc import (
    VideoSourceTrack,
    WebRtcMode,
    WebRtcStreamerContext,
    component,
    webrtc_streamer,
)

from ferapp.errors import CameraError, UserError
from ferapp.pipeline.absence import Absence, AbsenceWatch
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.record import readings_of_frame
from ferapp.pipeline.stream import Stream, StreamFrame
from ferapp.serving.latest import Latest
from ferapp.serving.live_pictures import LivePictures
from ferapp.sessions.recorder import Recorder
from ferapp.sessions.session import Readings
from ferapp.settings import StreamSettings
from ferapp.ui.live.camera import show_camera
from ferapp.ui.live.connection.bitrates import bitrate_of_width, with_bitrate
from ferapp.ui.live.connection.marker_buffer import MarkerBuffer
from ferapp.ui.live.connection.playout_delay import PlayoutDelayMap, offer_playout_delay
from ferapp.ui.live.connection.signalling import guard_streams
from ferapp.ui.live.connection.track import AnalysedTrack
from ferapp.ui.server import metrics
from ferapp.ui.server.private_parts import (
    end_stream,
    forget_rendered_run,
    give_frames_at_their_end,
    replace_frontend,
    rewrite_answer,
    write_headers,
)
from ferapp.ui.shared.demo_clip import demo_frame
from ferapp.ui.shared.face_labels import draw_labels
from ferapp.ui.shared.session_keys import SessionKey
from ferapp.vision.annotate import note
from ferapp.vision.crops import Image, mirror

guard_streams()

WIDTHS: Final = {"320 pixels wide": 320, "640 pixels wide": 640, "1280 pixels wide": 1280}
FRAMES_PER_SECOND: Final = 15
"""What the camera is asked for: enough for expressions, at half the cost of thirty."""

MAX_SILENCE_S: Final = 5.0
"""After how long without a frame the page says so."""

DEMO_KEY: Final = "live-demo"
"""Key of the stream of the demo clip."""

NO_COMMON_CODEC: Final = (
    "Your browser offers no video that this server can read: it needs VP8 or H.264. Press STOP and "
    "use a current Chrome, Edge, Firefox or Safari without settings for video codecs, or use "
    "pictures."
)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LiveSettings:
    """How a viewer's frames are processed; replaced as a whole, never changed.

    Attributes:
        stream: For the analysis.
        is_mirrored: Whether the picture is mirrored before anything else.
        is_paused: Whether frames are returned unchanged.
        with_fps: Whether the frame rate is written on the picture.
    """

    stream: StreamSettings = StreamSettings()
    is_mirrored: bool = True
    is_paused: bool = False
    with_fps: bool = False


class Viewer:
    """One visitor's live stream.

    Args:
        analyzer: Shared with others.
        clock: Returns seconds.
        keep_seat: Called for each frame: a busy page asks for its slot too rarely, and a viewer who
            is streaming must not lose it.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        clock: Callable[[], float] = time.monotonic,
        keep_seat: Callable[[], object] = lambda: None,
    ) -> None:
        self.settings = LiveSettings()
        self._keep_seat = keep_seat
        self.latest = Latest(clock)
        self.stream = Stream(analyzer, clock)
        self._analyzer = analyzer
        self._clock = clock
        self.recorder: Recorder | None = None
        self.pictures = LivePictures()
        self.absence: Absence | None = None
        self._absence_watch = AbsenceWatch()
        self._recorded_labels: tuple[str, ...] = ()
        self._recorded_settings = self.settings.stream
        self._corrected: set[int] = set()
        self._offset_s = 0.0
        self._last_s: float | None = None
        # One for all frames: one for each would prepare its tables again and again.
        self._to_rgb = VideoReformatter()
        self._track: AnalysedTrack | None = None
        # When the last frame came, and since when the page shows a stream.
        self._came_s = clock()
        self._playing_s: float | None = None

    def is_silent(self, *, is_playing: bool) -> bool:
        """Whether a stream is shown and no frame has come for a while.

        Args:
            is_playing: Whether a stream is shown now.
        """
        if not is_playing:
            self._playing_s = None
            return False
        now_s = self._clock()
        self._playing_s = now_s if self._playing_s is None else self._playing_s
        return now_s - max(self._came_s, self._playing_s) > MAX_SILENCE_S

    def unused_track(self) -> AnalysedTrack:
        """A track for the next connection; each can be used for one."""
        if self._track is None or self._track.hasTrack() or self._track.readyState != "live":
            self._track = AnalysedTrack(self.on_frame, self.latest.add_drop)
        return self._track

    def use(self, analyzer: Analyzer) -> None:
        """Switch to other models; faces get new numbers."""
        if analyzer is not self._analyzer:
            self._analyzer = analyzer
            self.stream = Stream(analyzer, self._clock)
            self.latest.clear()
            if self.recorder:
                self.recorder.end("The recording ended because other models were chosen.")

    def record(self, recorder: Recorder, labels: tuple[str, ...]) -> None:
        """Record readings from now on, as long as expressions and settings stay the same."""
        self._recorded_labels, self._recorded_settings = labels, self.settings.stream
        self.recorder = recorder

    def mark(self, name: str) -> bool:
        """Mark the moment of the last frame in the recording; False if there is none."""
        if self.recorder is None or not self.recorder.is_running or self._last_s is None:
            return False
        self.recorder.mark(name, self._last_s + self._offset_s)
        return True

    def on_frame(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Analyse one frame and draw on it; a picture is returned even if that fails."""
        self._keep_seat()
        self._came_s = self._clock()
        settings = self.settings
        rgb = self._to_rgb.reformat(frame, format="rgb24", threads=1)
        image = np.asarray(rgb.to_ndarray(), np.uint8)
        if settings.is_mirrored:
            image = mirror(image)
        at_s = self._time_of(frame)
        if settings.is_paused:
            self.absence = None
            self._note(Readings.empty(len(self._recorded_labels)), at_s)
        else:
            image = self._analyse(image, at_s, settings)
        if settings.with_fps:
            image = note(image, f"{self.latest.frames_per_second():.0f} fps")
        self.pictures.add(image, at_s)
        out = av.VideoFrame.from_ndarray(image, format="rgb24")
        out.pts, out.time_base = frame.pts, frame.time_base
        return out

    def _analyse(self, image: Image, at_s: float, settings: LiveSettings) -> Image:
        try:
            self.latest.add_arrival(at_s)
            result = self.stream.process(image, at_s, settings.stream)
            picture = draw_labels(image, result)
            self.latest.add_frame(result)
            self.absence = self._absence_watch.update(
                image, result, self._analyzer, settings.stream.analysis
            )
            metrics.LIVE_FRAMES.labels("analysed").inc()
            if self.recorder and result.labels != self._recorded_labels:
                self.recorder.end("The recording ended because other expressions were chosen.")
            if self.recorder and settings.stream != self._recorded_settings:
                self.recorder.end("The recording ended because other settings were chosen.")
            self._note(readings_of_frame(result), at_s, is_read=result.is_read)
            self._mark_baselines(result)
        except UserError as exc:
            self.latest.set_message(str(exc))
            self._note(Readings.empty(len(self._recorded_labels)), at_s)
        except Exception:
            # An exception that leaves the callback freezes the picture until the stream ends.
            _logger.exception("a frame could not be analysed")
            self.latest.set_message(
                "The last frames could not be analysed; the video goes on without labels."
            )
            self._note(Readings.empty(len(self._recorded_labels)), at_s)
        else:
            return picture
        metrics.LIVE_FRAMES.labels("failed").inc()
        return image

    def _note(self, readings: Readings, at_s: float, *, is_read: bool = True) -> None:
        if self.recorder is not None:
            self.recorder.add(readings, at_s, is_read=is_read)

    def _mark_baselines(self, frame: StreamFrame) -> None:
        """Mark in the recording from when a neutral baseline counts, and until when."""
        before, self._corrected = self._corrected, {f.id for f in frame.faces if f.is_corrected}
        if self.recorder is None:
            return
        taken = frame.baseline
        if taken and taken.phase == "taken" and taken.since_s == frame.at_s:
            self.recorder.mark(f"Neutral baseline of face {taken.face} from here", frame.at_s)
        for face in frame.faces:
            if face.id in before and not face.is_corrected:
                self.recorder.mark(f"Neutral baseline of face {face.id} removed", frame.at_s)

    def _time_of(self, frame: av.VideoFrame) -> float:
        """The source's time, s; it continues when a new connection starts from zero."""
        if frame.time is None:
            return self._clock()
        at_s = float(frame.time)
        if self._last_s is None or at_s <= self._last_s:
            self._offset_s = self._clock() - at_s
        self._last_s = at_s
        return at_s + self._offset_s


def camera_key(size: str) -> str:
    """Key of the stream of the camera; another picture size needs another one."""
    return f"live-{size}"


def streamer(
    key: str,
    viewer: Viewer,
    *,
    width: int,
    ice_servers: list[dict[str, Any]],
) -> WebRtcStreamerContext[Any, Any]:
    """The video with its START and STOP buttons; it shows the analysed frames.

    Args:
        key: Of the widget; another picture size needs another key.
        viewer: Gets the frames.
        width: What the camera is asked for, px; it may send less. Its height follows from its own
            shape: with a height as well, a browser cuts the sides of a wide camera off.
        ice_servers: STUN and TURN servers of the operator; none by default, on both sides.

    Raises:
        CameraError: The browser offers no video that the server can read.
    """
    give_frames_at_their_end(MarkerBuffer)
    write_headers(PlayoutDelayMap)
    offer_playout_delay()
    replace_frontend(component, show_camera)
    context = SessionKey[Any](key).get()
    forget_rendered_run(context)
    rate = bitrate_of_width(width)
    rewrite_answer(context, lambda sdp: with_bitrate(sdp, rate))
    track = viewer.unused_track()
    try:
        return webrtc_streamer(
            key=key,
            mode=WebRtcMode.SENDRECV,
            rtc_configuration={"iceServers": ice_servers},
            media_stream_constraints={
                "video": {
                    "width": {"ideal": width},
                    "frameRate": {"ideal": FRAMES_PER_SECOND},
                },
                "audio": False,
            },
            sink_video_track=track,
            source_video_track=track,
        )
    except OperationError as exc:
        raise CameraError(NO_COMMON_CODEC) from exc


@dataclass(frozen=True)
class _DemoPlayer:
    """The demo clip as streamlit-webrtc takes a video of the server; it ends with the stream."""

    video: AnalysedTrack
    audio: None = None


def demo(key: str, viewer: Viewer) -> WebRtcStreamerContext[Any, Any]:
    """The same with the demo clip of the sample portraits, for visitors without a camera."""
    replace_frontend(component, show_camera)

    def play() -> Any:
        source = VideoSourceTrack(_demo_frame, FRAMES_PER_SECOND)
        return _DemoPlayer(AnalysedTrack(viewer.on_frame, viewer.latest.add_drop, source))

    return webrtc_streamer(
        key=key,
        mode=WebRtcMode.RECVONLY,
        rtc_configuration={"iceServers": []},
        media_stream_constraints={"video": True, "audio": False},
        player_factory=play,
    )


def _demo_frame(pts: int, time_base: Fraction) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(demo_frame(float(pts * time_base)), format="rgb24")


def end_streams() -> None:
    """End this visitor's streams, which are not shown any more."""
    for key in (*(camera_key(size) for size in WIDTHS), DEMO_KEY):
        end_stream(SessionKey[Any](key).get())
