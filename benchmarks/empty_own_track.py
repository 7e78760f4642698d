"""As ``empty_live.py``, but over the track of ferapp, to measure that round trip alone."""

import av
import streamlit as st
from streamlit_webrtc import WebRtcMode, webrtc_streamer

from ferapp.ui.live.connection.marker_buffer import MarkerBuffer
from ferapp.ui.live.connection.playout_delay import PlayoutDelayMap, offer_playout_delay
from ferapp.ui.live.connection.track import AnalysedTrack
from ferapp.ui.live.webcam import FRAMES_PER_SECOND
from ferapp.ui.server.private_parts import give_frames_at_their_end, write_headers


def on_frame(frame: av.VideoFrame) -> av.VideoFrame:
    out = av.VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"), format="rgb24")
    out.pts, out.time_base = frame.pts, frame.time_base
    return out


st.title("Live")
give_frames_at_their_end(MarkerBuffer)
write_headers(PlayoutDelayMap)
offer_playout_delay()
track = st.session_state.get("track")
if track is None or track.hasTrack():
    track = st.session_state["track"] = AnalysedTrack(on_frame)
webrtc_streamer(
    key="empty",
    mode=WebRtcMode.SENDRECV,
    rtc_configuration={"iceServers": []},
    media_stream_constraints={
        "video": {"width": 640, "height": 480, "frameRate": FRAMES_PER_SECOND},
        "audio": False,
    },
    sink_video_track=track,
    source_video_track=track,
)
