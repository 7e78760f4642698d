"""A visitor without a browser, who speaks Streamlit's protocol over a real WebSocket.

Fifty browsers would take more of the machine than the app under test.
"""

import base64
import json
import ssl
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

PATIENCE_S = 120.0


class Visitor:
    """One session of the app; a context manager that closes it.

    Args:
        url: Of the app, such as ``http://127.0.0.1:8501``.
        certificate: Of the server, if it is its own authority.

    Attributes:
        elements: What the page shows after the last run, in order of arrival.
        cookies: Of this visitor, as in a request.
        session: Its id.
        token: Against forged requests.
    """

    def __init__(self, url: str, *, certificate: Path | None = None) -> None:
        self._url = url
        self._stack = ExitStack()
        self._http = self._stack.enter_context(requests.Session())
        if certificate:
            self._http.trust_env, self._http.verify = False, str(certificate)
        self._http.get(f"{url}/_stcore/host-config", timeout=PATIENCE_S).raise_for_status()
        self._http.get(f"{url}/_stcore/health", timeout=PATIENCE_S).raise_for_status()
        self.token = self._http.cookies.get("_streamlit_xsrf") or ""
        self.cookies = "; ".join(f"{c.name}={c.value}" for c in self._http.cookies)
        socket = connect(
            f"{url.replace('http', 'ws', 1)}/_stcore/stream",
            subprotocols=[Subprotocol("streamlit"), Subprotocol(self.token)],
            additional_headers={"Cookie": self.cookies},
            ssl=certificate and ssl.create_default_context(cafile=certificate),
            origin=Origin(url),
            max_size=None,
            open_timeout=PATIENCE_S,
        )
        self._socket = self._stack.enter_context(socket)
        self.session = ""
        self._known: dict[str, ForwardMsg] = {}
        self._states: dict[str, Any] = {}
        self._page = ""
        self.elements: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def open(self, page: str = "") -> float:
        """Go to a page by its path; return the seconds until it is complete."""
        self._page, self._states = page, {}
        return self._run()

    def upload(self, files: dict[str, bytes]) -> float:
        """Upload files on the page; return the seconds until the result is there.

        Raises:
            requests.HTTPError: The server refuses one.
        """
        start_s = time.perf_counter()
        uploader = next(e.file_uploader for e in self.elements if e.HasField("file_uploader"))
        ask = BackMsg()
        ask.file_urls_request.request_id = uuid.uuid4().hex
        ask.file_urls_request.session_id = self.session
        ask.file_urls_request.file_names.extend(files)
        self._socket.send(ask.SerializeToString())
        reply = next(m for m in self._messages() if m.HasField("file_urls_response"))
        state = BackMsg().rerun_script.widget_states.widgets.add()
        state.id = uploader.id
        for (name, data), urls in zip(
            files.items(), reply.file_urls_response.file_urls, strict=True
        ):
            self.put(urls.upload_url, name, data).raise_for_status()
            info = state.file_uploader_state_value.uploaded_file_info.add()
            info.file_id, info.name, info.size = urls.file_id, name, len(data)
            info.file_urls.CopyFrom(urls)
        self._states[uploader.id] = state
        self._run()
        return time.perf_counter() - start_s

    def press(self, label: str) -> float:
        """Press a button of the page; return the seconds until the page is complete."""
        buttons = (e.button for e in self.elements if e.HasField("button"))
        button = next(each for each in buttons if each.label == label)
        state = BackMsg().rerun_script.widget_states.widgets.add()
        state.id, state.trigger_value = button.id, True
        self._states[button.id] = state
        try:
            return self._run()
        finally:
            del self._states[button.id]

    def look(self) -> float:
        """Let the page run again; return the seconds until it is complete."""
        return self._run()

    def put(self, url: str, name: str, data: bytes) -> requests.Response:
        """Send one file as a browser does."""
        return self._http.put(
            f"{self._url}{url}",
            files={"file": (name, data, "image/jpeg")},
            headers={"X-Xsrftoken": self.token},
            timeout=PATIENCE_S,
        )

    def put_body(self, url: str, body: bytes, headers: dict[str, str]) -> requests.Response:
        """Send a request to upload with any body."""
        return self._http.put(
            f"{self._url}{url}",
            data=body,
            headers=headers | {"X-Xsrftoken": self.token},
            timeout=PATIENCE_S,
        )

    @property
    def words(self) -> str:
        """All text of the page."""
        kinds = ("markdown", "text", "heading", "alert")
        return "\n".join(
            getattr(element, kind).body
            for element in self.elements
            for kind in kinds
            if element.HasField(kind)
        ) + "\n".join(str(data.get("alt", "")) for data in self._components())

    def picture_urls(self) -> list[str]:
        """The addresses of the pictures that the page shows, without the host."""
        return [i.url for e in self.elements if e.HasField("imgs") for i in e.imgs.imgs]

    def pictures(self) -> list[bytes]:
        """The pictures that the page shows, as files."""
        urls = [f"{self._url}{url}" for url in self.picture_urls()]
        fetched = [self._http.get(url, timeout=PATIENCE_S).content for url in urls]
        sent = [data["image"].partition(",")[2] for data in self._components() if "image" in data]
        return fetched + [base64.b64decode(image) for image in sent]

    def _components(self) -> list[dict[str, Any]]:
        """The data of ferapp's own components."""
        return [
            json.loads(element.bidi_component.json)
            for element in self.elements
            if element.HasField("bidi_component")
        ]

    def _run(self) -> float:
        start_s = time.perf_counter()
        ask = BackMsg()
        ask.rerun_script.query_string = ""
        ask.rerun_script.page_name = self._page
        ask.rerun_script.widget_states.widgets.extend(self._states.values())
        self._socket.send(ask.SerializeToString())
        shown: dict[tuple[int, ...], Any] = {}
        for message in self._messages():
            if message.HasField("new_session"):
                self.session = message.new_session.initialize.session_id or self.session
                shown = {}
            elif message.HasField("delta"):
                path = tuple(message.metadata.delta_path)
                if message.delta.HasField("new_element"):
                    shown[path] = message.delta.new_element
                else:  # a container replaces what was in its place
                    shown = {at: e for at, e in shown.items() if at[: len(path)] != path}
            elif message.HasField("script_finished"):
                # A run interrupted by the next one ends early.
                if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                    break
        self.elements = list(shown.values())
        return time.perf_counter() - start_s

    def _messages(self) -> Iterator[ForwardMsg]:
        while True:
            data = self._socket.recv(timeout=PATIENCE_S)
            message = ForwardMsg()
            message.ParseFromString(data if isinstance(data, bytes) else data.encode())
            if message.HasField("ref_hash"):
                message = self._known[message.ref_hash]
            elif message.metadata.cacheable:
                self._known[message.hash] = message
            yield message
