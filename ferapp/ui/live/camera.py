"""The camera in the page, which takes the place of the frontend of streamlit-webrtc.

It speaks the protocol of that frontend. What it says, also about errors, is written here; how it
connects is in ``camera.js``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ferapp.ui.shared import session_keys
from ferapp.ui.shared.components.own import own_component, sent_by

_HTML: Final = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")

ERRORS: Final = {
    "InsecureContext": "Browsers allow the camera only on pages from this machine or over HTTPS. "
    "Open the page as http://localhost:8501 on the machine that runs ferapp, or put it behind "
    "HTTPS. Until then, use the demo clip or upload pictures.",
    "NotAllowedError": "Access to the camera was denied. Click the camera or lock beside the "
    "address, allow it for this page, and press START again; your system may have a switch for it "
    "as well.",
    "NotFoundError": "No camera was found. Plug one in, or use the demo clip or pictures.",
    "NotReadableError": "The camera is in use or does not respond. Close other programs that use "
    "it (a call, another tab), and press START again.",
    "OverconstrainedError": "The camera does not support this picture size. Choose a smaller one "
    "and try again.",
    "AbortError": "The camera stopped unexpectedly. Unplug it, plug it in again and press START.",
    "CameraEnded": "The camera was unplugged or switched off, or another program took it. Connect "
    "it and press START again.",
    "ConnectionLost": "The connection to the machine that runs ferapp was lost several times. "
    "Check the network and press START again.",
}
"""What to do about each error, by the name that the browser gives it."""

CONNECTION_FAILED: Final = (
    "The camera works, but no connection to the machine that runs ferapp could be established "
    "within 15 seconds. From another network you need a TURN server, which the operator can set "
    "up (docs/deployment.md). Until then, use pictures."
)

_WORDS: Final = {
    "video": "Your camera picture with a box and a label for each face",
    "hint": "Press START. The picture goes to the machine that runs ferapp and nowhere else.",
    "interrupted": "The connection is interrupted; waiting for it to come back.",
    "reconnecting": "The connection was lost, as after sleep. Connecting again.",
    "hidden": "This page was in the background for {time}. The camera, the readings and the "
    "recording went on.",
    "paused": "This page was in the background for {time}. The analysis paused meanwhile.",
    "no_recording": "Marks belong to a recording: press Record first.",
    "marked": "Marked.",
    "unknown": "The browser could not open the camera ({name}).",
}
_DEMO_WORDS: Final = {
    "video": "The demo clip with a box and a label for each face",
    "hint": "Press START to play the demo clip: three sample portraits, no camera.",
}


@dataclass(frozen=True)
class CameraOptions:
    """What the page asks of the camera.

    Attributes:
        on_mark: Called when the visitor marks this moment.
        can_mark: Whether there is a recording that a mark could belong to.
        pauses_hidden: Whether the analysis pauses while the page is in the background.
    """

    on_mark: Callable[[], object]
    can_mark: bool = False
    pauses_hidden: bool = False


def show_camera(
    *,
    key: str,
    mode: str,
    sdp_answer_json: str | None,
    rtc_configuration: Any,
    media_stream_constraints: Any,
    on_change: Callable[[], None],
    **_: Any,
) -> dict[str, Any] | None:
    """Show the camera; streamlit-webrtc calls this in place of its own frontend.

    Args:
        key: Of the widget.
        mode: "SENDRECV", or "RECVONLY" where no camera is needed.
        sdp_answer_json: The server's answer to the offer; None until there is one.
        rtc_configuration: For the browser.
        media_stream_constraints: What is asked of the camera.
        on_change: Called when the state of the stream changes.

    Returns:
        ``playing``, ``sdpOffer`` and ``iceCandidates``, as far as there are any.
    """
    options: CameraOptions = session_keys.CAMERA_OPTIONS.get() or CameraOptions(lambda: None)

    def note_hidden() -> None:
        session_keys.PAGE_IS_HIDDEN.set(bool(sent_by(key, "is_hidden")))

    result = own_component(__file__, _HTML)(
        data={
            "mode": mode,
            "sdp_answer_json": sdp_answer_json,
            "rtc_configuration": rtc_configuration,
            "media_stream_constraints": media_stream_constraints,
            "can_mark": options.can_mark,
            "pauses_hidden": options.pauses_hidden,
            "errors": ERRORS,
            "words": _WORDS if mode == "SENDRECV" else _WORDS | _DEMO_WORDS,
        },
        key=key,
        on_sdpOffer_change=on_change,
        on_iceCandidates_change=on_change,
        on_playing_change=on_change,
        on_is_hidden_change=note_hidden,
        on_mark_change=options.on_mark,
    )
    return dict(result) if result.get("sdpOffer") is not None else None
