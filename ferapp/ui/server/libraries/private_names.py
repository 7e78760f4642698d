"""The names of libraries that `ferapp.ui.server.private_parts` uses and that are not documented."""

from dataclasses import dataclass
from typing import Final


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
    _of_streamlit("runtime.memory_media_file_storage", "_calculate_file_id", "rename_media_files"),
    _of_streamlit("runtime.runtime.Runtime", "media_file_mgr", "media_address"),
    _of_webrtc("component", "_reset_context", "end_stream"),
    _of_webrtc("component", "WebRtcWorker", "use_webrtc_worker"),
    _of_webrtc("webrtc.WebRtcWorker", "process_offer", "use_webrtc_worker"),
    _of_webrtc("webrtc.WebRtcWorker", "set_ice_candidates_from_offerer", "use_webrtc_worker"),
    *(
        Part(
            "uvicorn", "0.54.0", "uvicorn.protocols.http.auto.AutoHTTPProtocol", name, "guard_http"
        )
        for name in (
            *("connection_made", "data_received", "connection_lost", "cycle"),
            *("pause_writing", "resume_writing", "on_response_complete", "config"),
        )
    ),
    _of_webrtc("component.WebRtcStreamerContext", "_sdp_answer_json", "rewrite_answer"),
    _of_aiortc("rtcrtpreceiver", "JitterBuffer", "give_frames_at_their_end"),
    *(
        _of_aiortc("jitterbuffer.JitterBuffer", name, "give_frames_at_their_end")
        for name in ("_remove_frame", "remove", "_packets", "_origin", "_capacity", "_is_video")
    ),
    *(
        _of_aiortc("rtp.HeaderExtensionsMap", name, "write_headers")
        for name in ("configure", "set")
    ),
    *(
        _of_aiortc(owner, name, "write_headers")
        for owner, name in (
            ("rtcrtpsender.rtp", "HeaderExtensionsMap"),
            ("rtp", "pack_header_extensions"),
            ("rtp", "unpack_header_extensions"),
            ("codecs", "HEADER_EXTENSIONS"),
        )
    ),
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
