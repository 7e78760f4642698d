"""Everything that ferapp uses of other libraries beyond their documented interface.

A release may move any of it without notice. `PARTS` lists what is used and the version in which it
was read; a test looks for each in the installed version, and `requirements.txt` pins that version.
Why there is no other way: ``docs/decisions/0012-private-places-of-streamlit.md``.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.formparsers import MultiPartParser
from streamlit.runtime import exists, get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state import SessionState
from streamlit.runtime.stats import ACTIVE_SESSIONS_FAMILY


@dataclass(frozen=True)
class Part:
    """One name that is not documented.

    Attributes:
        library: As in ``requirements.txt``.
        read_in: The version in which it was read.
        owner: The module or class that has it, with dots.
        name: The attribute.
        used_by: The function here that breaks without it.
    """

    library: str
    read_in: str
    owner: str
    name: str
    used_by: str


def _of_streamlit(owner: str, name: str, used_by: str) -> Part:
    return Part("streamlit", "1.67.0", f"streamlit.{owner}", name, used_by)


def _of_webrtc(owner: str, name: str, used_by: str) -> Part:
    return Part("streamlit-webrtc", "0.79.0", f"streamlit_webrtc.{owner}", name, used_by)


def _of_aiortc(owner: str, name: str, used_by: str) -> Part:
    return Part("aiortc", "1.16.0", f"aiortc.{owner}", name, used_by)


PARTS: Final = (
    _of_streamlit("runtime.runtime.Runtime", "_session_mgr", "end_expired_sessions"),
    _of_streamlit(
        "runtime.websocket_session_manager.WebsocketSessionManager",
        "_session_storage",
        "end_expired_sessions",
    ),
    _of_streamlit(
        "runtime.memory_session_storage.MemorySessionStorage", "_cache", "end_expired_sessions"
    ),
    _of_streamlit("runtime.caching.ttl_cache.TTLCache", "expire", "end_expired_sessions"),
    _of_streamlit("runtime.app_session.AppSession", "_session_state", "end_expired_sessions"),
    _of_streamlit("runtime.app_session.AppSession", "shutdown", "end_expired_sessions"),
    _of_streamlit("runtime.runtime.Runtime", "get_app_session", "app_session"),
    _of_streamlit("runtime.runtime.Runtime", "is_active_session", "presence_check"),
    _of_streamlit("runtime.runtime.Runtime", "stats_mgr", "open_pages"),
    _of_streamlit("runtime.runtime.Runtime", "uploaded_file_mgr", "upload_sizes"),
    _of_streamlit(
        "runtime.memory_uploaded_file_manager.MemoryUploadedFileManager",
        "file_storage",
        "upload_sizes",
    ),
    _of_streamlit(
        "web.server.starlette.starlette_routes", "BASE_ROUTE_UPLOAD_FILE", "upload_session"
    ),
    _of_webrtc("component.WebRtcStreamerContext", "_sdp_answer_json", "rewrite_answer"),
    _of_aiortc("rtcrtpreceiver", "JitterBuffer", "give_frames_at_their_end"),
    *(
        _of_aiortc("jitterbuffer.JitterBuffer", name, "give_frames_at_their_end")
        for name in ("_remove_frame", "remove", "_packets", "_origin", "_capacity", "_is_video")
    ),
    _of_webrtc(
        "component.WebRtcStreamerContext", "_last_rendered_run_count", "forget_rendered_run"
    ),
    Part(
        "starlette",
        "1.10.0",
        "starlette.formparsers.MultiPartParser",
        "spool_max_size",
        "keep_uploads_in_memory",
    ),
)


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


def keep_uploads_in_memory(max_bytes: int) -> None:
    """Keep uploads of up to so many bytes off the disk.

    Starlette moves those of more than a megabyte to a file without a name (`formparsers.py`).
    """
    MultiPartParser.spool_max_size = max_bytes


def forget_rendered_run(context: Any) -> None:
    """Keep a stream running through quick reruns of its page.

    streamlit-webrtc since 0.72 mistakes two of them for a page that was left, and stops the stream
    (`component.py`, "was not rendered for"). May go when that is fixed upstream.

    Args:
        context: Of the stream; None before its first run.
    """
    if context is not None and hasattr(context, "_last_rendered_run_count"):
        context._last_rendered_run_count = None


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
    from aiortc import rtcrtpreceiver  # the server starts before the live page needs it

    rtcrtpreceiver.JitterBuffer = buffer  # type: ignore[assignment, attr-defined]
