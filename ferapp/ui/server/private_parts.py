"""Everything that ferapp uses of other libraries beyond their documented interface.

A release may move any of it without notice. `PARTS` lists what is used and the version in which it
was read; a test looks for each in the installed version, and `requirements.txt` pins that version.
Why there is no other way: ``docs/decisions/0012-private-places-of-streamlit.md``.
"""

import re
import threading
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
    _of_webrtc("process.AsyncMediaProcessTrack", "_out_deque", "drop_unfetched_frames"),
    _of_webrtc("process.AsyncMediaProcessTrack", "_out_lock", "drop_unfetched_frames"),
    _of_webrtc(
        "component.WebRtcStreamerContext", "_last_rendered_run_count", "forget_rendered_run"
    ),
    _of_webrtc("component", "_component_func", "replace_frontend"),
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


def drop_unfetched_frames() -> None:
    """Drop frames that nobody has fetched yet; for a callback that is about to return a newer one.

    After a callback that took longer than a frame, streamlit-webrtc has two results, shows the
    older one first and stays one frame behind from then on (`process.py`). The callback runs on the
    thread of the track that holds them. May go when that is fixed upstream.
    """
    track: Any = getattr(getattr(threading.current_thread(), "_target", None), "__self__", None)
    if hasattr(track, "_out_deque") and hasattr(track, "_out_lock"):
        with track._out_lock:
            track._out_deque.clear()


def forget_rendered_run(context: Any) -> None:
    """Keep a stream running through quick reruns of its page.

    streamlit-webrtc since 0.72 mistakes two of them for a page that was left, and stops the stream
    (`component.py`, "was not rendered for"). May go when that is fixed upstream.

    Args:
        context: Of the stream; None before its first run.
    """
    if context is not None and hasattr(context, "_last_rendered_run_count"):
        context._last_rendered_run_count = None


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
