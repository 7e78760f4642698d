"""Requests to the app from a program that is not a browser."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.NewSession_pb2 import NewSession
from websockets.sync.client import connect

from tests.e2e.conftest import Server

UPLOAD_PATH = "/_stcore/upload_file"


def ask(
    server: Server, path: str, method: str = "GET", body: bytes = b"", **headers: str
) -> http.client.HTTPResponse:
    """Send one request; underscores in the names of headers become hyphens."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=20)
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body or None, fields)
    answer = connection.getresponse()
    if answer.status >= 400:
        # pytest shows it where a test fails.
        print(method, path, answer.status, answer.read()[:200])
    elif answer.status != 101:
        answer.read()
    connection.close()
    return answer


@contextmanager
def open_session(server: Server) -> Iterator[NewSession]:
    """Open a session as a browser does, and give the server's description of it."""
    address = f"{server.url.replace('http', 'ws')}/_stcore/stream"
    with connect(address, subprotocols=["streamlit"], max_size=None) as stream:
        begin = BackMsg()
        begin.rerun_script.query_string = ""
        stream.send(begin.SerializeToString())
        message = ForwardMsg()
        while message.WhichOneof("type") != "new_session":
            message.ParseFromString(stream.recv(timeout=20))
        # Whether the visitor is let in is decided by the end of the script.
        last = ForwardMsg()
        while last.WhichOneof("type") != "script_finished":
            last.ParseFromString(stream.recv(timeout=60))
        yield message.new_session


def xsrf_token(server: Server) -> str:
    """The token against forged requests, which the server gives to every browser."""
    cookie = ask(server, "/_stcore/health").headers["Set-Cookie"]
    return cookie.partition("_streamlit_xsrf=")[2].partition(";")[0]


def put_file(server: Server, session: str, xsrf: str | None) -> int:
    """Upload three bytes and give the status of the response."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\nabc\r\n--x--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    if xsrf:
        headers |= {"X-Xsrftoken": xsrf, "Cookie": f"_streamlit_xsrf={xsrf}"}
    return ask(server, f"{UPLOAD_PATH}/{session}/file", "PUT", body, **headers).status
