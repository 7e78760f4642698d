"""A page whose callback does nothing, to measure the round trip alone."""

import av
import streamlit as st
from streamlit_webrtc import WebRtcMode, webrtc_streamer

from ferapp.ui.live.webcam import FRAMES_PER_SECOND


def on_frame(frame: av.VideoFrame) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"), format="rgb24")


st.title("Live")
webrtc_streamer(
    key="empty",
    mode=WebRtcMode.SENDRECV,
    rtc_configuration={"iceServers": []},
    media_stream_constraints={
        "video": {"width": 640, "height": 480, "frameRate": FRAMES_PER_SECOND},
        "audio": False,
    },
    video_frame_callback=on_frame,
)
