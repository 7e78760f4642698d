"""Everything that ferapp uses of other libraries beyond their documented interface.

A release may move any of it without notice. `libraries.private_names` lists what is used and the
version in which it was read; a test looks for each in the installed version, and
`requirements.txt` pins that version.
Why there is no other way: ``docs/decisions/0012-private-places-of-streamlit.md``.
"""

import json
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib import import_module
from typing import Any, Final

import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit.runtime import exists, get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state import SessionState
from streamlit.runtime.stats import ACTIVE_SESSIONS_FAMILY

from ferapp.serving.connections import MAX_MESSAGE_BYTES, ConnectionGuard


def end_expired_sessions() -> bool:
    """Drop the sessions whose time is over, with all that they hold.

    Streamlit drops them only when another visitor leaves (`MemorySessionStorage`), and its main
    loop holds the last one until somebody else comes (`Runtime._loop_coroutine`): pictures would
    stay in memory meanwhile. May go when that is fixed upstream.

    Returns:
        Whether there were any.
    """
    runtime: Any = get_instance()
    expired = runtime._session_mgr._session_storage._cache.expire()
    for _, info in expired:
        info.session.shutdown()
        # A new one: `clear` leaves what widgets offered, which holds the pictures.
        info.session._session_state = SessionState()
    return bool(expired)


def app_session(session: str | None = None) -> Any:
    """The object that stands for a visitor; None if there is none.

    Args:
        session: Its id; None for the visitor for whom this script runs.
    """
    if session is None:
        context = get_script_run_ctx()
        if context is None:
            return None
        session = context.session_id
    return get_instance().get_app_session(session)


def presence_check() -> Callable[[], bool]:
    """A function that says, on any thread, whether this visitor is connected now.

    Without a server, as in tests and scripts, the visitor always is.
    """
    context = get_script_run_ctx()
    if context is None or not exists():
        return lambda: True
    session, runtime = context.session_id, get_instance()
    return lambda: runtime.is_active_session(session)


def open_pages() -> float:
    """How many pages of the app are open."""
    if not exists():
        return 0
    stats = get_instance().stats_mgr.get_stats([ACTIVE_SESSIONS_FAMILY])
    return sum(stat.value for stat in stats[ACTIVE_SESSIONS_FAMILY])  # type: ignore[attr-defined]


_UPLOAD: Final = re.compile(r"/_stcore/upload_file/([^/]*)")


def upload_session(path: str) -> str | None:
    """The session to which a request for this path uploads a file; None for another request."""
    match = _UPLOAD.search(path)
    return match[1] if match else None


def upload_sizes() -> dict[str, list[int]]:
    """The sizes of the files that Streamlit keeps, bytes, by session."""
    if not exists():
        return {}
    storage: dict[str, dict[str, Any]] = getattr(
        get_instance().uploaded_file_mgr, "file_storage", {}
    )
    return {
        session: [len(file.data) for file in list(files.values())]
        for session, files in list(storage.items())
    }


def rename_media_files(rename: Callable[[str], str]) -> None:
    """Give the files at ``/media/`` other names than the hash of their content.

    Args:
        rename: Makes a name of the hash, on the thread that adds the file.
    """
    storage: Any = import_module("streamlit.runtime.memory_media_file_storage")
    by_content = storage._calculate_file_id

    def file_id(data: bytes, mimetype: str, filename: str | None = None) -> str:
        return rename(by_content(data, mimetype, filename))

    storage._calculate_file_id = file_id


def media_address(data: bytes, mime: str, place: str) -> str:
    """Serve a file to the browser of this visitor as `st.video` does, for a component of our own.

    Args:
        data: The file, which is not copied; kept until a run of the script does not ask for it.
        mime: Its media type.
        place: Where it is on the page: another file in the same place replaces it.

    Returns:
        Its address on this server.
    """
    base = st.get_option("server.baseUrlPath").strip("/")
    address = get_instance().media_file_mgr.add(data, mime, place)
    return f"/{base}{address}" if base else address


def keep_uploads_in_memory(max_bytes: int) -> None:
    """Keep uploads of up to so many bytes off the disk.

    Starlette moves those of more than a megabyte to a file without a name (`formparsers.py`).
    """
    MultiPartParser.spool_max_size = max_bytes


LOGIN_COOKIE: Final = "_streamlit_user"
"""What the names of Streamlit's login cookies begin with."""


def login_of(cookies: Mapping[str, str]) -> str | None:
    """What tells one login from all others, for 32 days: a hash of what its cookie holds.

    Not of the cookie itself: a signature can be written in several ways.

    Args:
        cookies: Of a request, by name.

    Returns:
        64 hexadecimal digits; None without a valid login.
    """
    if LOGIN_COOKIE not in cookies:
        return None
    websocket: Any = import_module("streamlit.web.server.starlette.starlette_websocket")
    try:
        content = websocket._get_signed_cookie_with_chunks(dict(cookies), LOGIN_COOKIE)
    except Exception:  # a cookie that a visitor made up
        return None
    return sha256(content).hexdigest() if content else None


def forget_rendered_run(context: Any) -> None:
    """Keep a stream running through quick reruns of its page.

    streamlit-webrtc since 0.72 mistakes two of them for a page that was left, and stops the stream
    (`component.py`, "was not rendered for"). May go when that is fixed upstream.

    Args:
        context: Of the stream; None before its first run.
    """
    if context is not None and hasattr(context, "_last_rendered_run_count"):
        context._last_rendered_run_count = None


def use_webrtc_worker(worker: type) -> None:
    """Make streamlit-webrtc use this class, derived from its own, for every stream.

    It gives an offer to `process_offer` and later candidates to `set_ice_candidates_from_offerer`,
    as they came from the browser; there is no setting to look at them before.
    """
    import_module("streamlit_webrtc.component").WebRtcWorker = worker  # type: ignore[attr-defined]


def limit_live_frames(max_pixels: int, fit: Callable[[Any], Any]) -> None:
    """Let aiortc decode no frame that is too large, and pass on each as `fit` returns it.

    Every connection has a decoder and a thread for it, on which `fit` is called. May be called
    again.

    Args:
        max_pixels: Larger frames are dropped before they take memory.
        fit: Gets a frame of video.
    """
    receiver: Any = import_module("aiortc.rtcrtpreceiver")
    codecs: Any = import_module("aiortc.codecs")

    def get_decoder(codec: Any) -> Any:
        decoder = codecs.get_decoder(codec)
        if codec.mimeType.lower().startswith("video/"):
            decode = decoder.decode
            decoder.codec.options = {"max_pixels": str(max_pixels)}
            decoder.decode = lambda encoded: [fit(frame) for frame in decode(encoded)]
        return decoder

    receiver.get_decoder = get_decoder


def end_stream(context: Any) -> None:
    """End a stream whose widget is not on the page.

    streamlit-webrtc leaves that to the browser, which a visitor may change.

    Args:
        context: Of the stream; None before its first run.
    """
    if context is not None:
        import_module("streamlit_webrtc.component")._reset_context(context)


def guard_http(guard: ConnectionGuard | None = None) -> None:
    """Let a guard watch every connection of the HTTP server.

    Streamlit starts uvicorn and passes on none of its limits, and uvicorn has none for the time in
    which a request comes or an answer is read. Its protocol is chosen before the app is loaded, so
    it is changed in place. A page may send 200 MB in one message, as much as it may be sent
    (`server.maxMessageSize`), and before a login; here it may send `MAX_MESSAGE_BYTES`.
    """
    guard = guard or ConnectionGuard()
    server: Any = import_module("uvicorn.protocols.http.auto").AutoHTTPProtocol
    made, received, lost = server.connection_made, server.data_received, server.connection_lost
    paused, resumed = server.pause_writing, server.resume_writing
    completed = server.on_response_complete

    def watch(http: Any) -> None:
        transport = http.transport

        def is_reading() -> bool:
            # After an upgrade, the WebSocket has a protocol of its own.
            is_http = transport.get_protocol() is http
            return is_http and (http.cycle is None or http.cycle.response_complete)

        guard.watch_request(http, transport, is_reading)

    def connection_made(http: Any, transport: Any) -> None:
        if not guard.admit(transport):
            transport.abort()
            return
        made(http, transport)
        http.config.ws_max_size = MAX_MESSAGE_BYTES
        watch(http)

    def data_received(http: Any, data: bytes) -> None:
        if http.transport is not None:
            received(http, data)
            watch(http)

    def connection_lost(http: Any, exc: Exception | None) -> None:
        guard.forget(http)
        if http.transport is not None:
            lost(http, exc)

    def pause_writing(http: Any) -> None:
        paused(http)
        guard.watch_answer(http, http.transport)

    def resume_writing(http: Any) -> None:
        resumed(http)
        guard.forget_answer(http)

    def on_response_complete(http: Any) -> None:
        completed(http)
        guard.watch_answer(http, http.transport)

    server.connection_made, server.data_received = connection_made, data_received
    server.connection_lost = connection_lost
    server.pause_writing, server.resume_writing = pause_writing, resume_writing
    server.on_response_complete = on_response_complete


def replace_frontend(component: Any, show: Callable[..., Any]) -> None:
    """Let streamlit-webrtc show another element than its own and talk to that one.

    Its own is a frame whose video has no name for screen readers, whose buttons look like another
    application's, and which says what went wrong in the words of the browser
    (``docs/decisions/0022-the-camera-in-the-page.md``).

    Args:
        component: The module ``streamlit_webrtc.component``.
        show: Called in each run with the same arguments, as keywords.
    """
    component._component_func = show


def rewrite_answer(context: Any, rewrite: Callable[[str], str]) -> None:
    """Change the answer of a connection before its browser gets it.

    streamlit-webrtc keeps the answer in one run of the page and sends it in the next one
    (`component.py`, `_handle_worker_lifecycle`); there is no hook in between. May go when there is.

    Args:
        context: Of the stream; None before its first run.
        rewrite: Gives the session description to send for the one that was made.
    """
    answer = getattr(context, "_sdp_answer_json", None)
    if answer:
        fields = json.loads(answer)
        context._sdp_answer_json = json.dumps({**fields, "sdp": rewrite(fields["sdp"])})


def give_frames_at_their_end(buffer: type) -> None:
    """Let aiortc collect the packets of each later connection in such a buffer.

    aiortc has no hook for it: `RTCRtpReceiver` makes one itself (`rtcrtpreceiver.py`).

    Args:
        buffer: A kind of `JitterBuffer`, of which it uses attributes that are not documented.
    """
    receiver: Any = import_module("aiortc.rtcrtpreceiver")  # only the live page needs it
    receiver.JitterBuffer = buffer


def write_headers(extensions: type) -> None:
    """Let aiortc write the header extensions of each later connection with such an object.

    aiortc knows a fixed set of them, and has no hook for others (`rtcrtpsender.py`).

    Args:
        extensions: A kind of `HeaderExtensionsMap`.
    """
    sender: Any = import_module("aiortc.rtcrtpsender")  # only the live page needs it
    sender.rtp.HeaderExtensionsMap = extensions
