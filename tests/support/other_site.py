"""A page on another port of this machine that tries to reach the app, and raw handshakes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Each one gives "reached" if anything of the app can be used from another site.
ATTEMPTS = {
    "WebSocket": """(app) => new Promise((done) => {
        const socket = new WebSocket(app.replace('http', 'ws') + '/_stcore/stream', 'streamlit');
        socket.onopen = () => done('reached');
        socket.onerror = () => done('refused');
    })""",
    "fetch": """(app) => fetch(app + '/_stcore/health').then(() => 'reached', () => 'refused')""",
    "picture": """(app) => new Promise((done) => {
        const picture = new Image();
        picture.onload = () => done('reached');
        picture.onerror = () => done('refused');
        picture.src = app + '/favicon.png';
    })""",
    "script": """(app) => new Promise((done) => {
        const script = document.createElement('script');
        script.onload = () => done('reached');
        script.onerror = () => done('refused');
        script.src = app + '/assets/plotly.min.js';
        document.body.append(script);
    })""",
}

FOREIGN_ORIGINS = (
    "http://elsewhere.example",
    "http://localhost:9999",
    "http://127.0.0.1:1",
    "http://0.0.0.0",
    "https://localhost",
    "http://192.0.2.7:8501",
    "null",
)

HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Version": "13",
}


@contextmanager
def another_site(html: str = "<title>Elsewhere</title><body>") -> Iterator[tuple[str, list[str]]]:
    """Serve one page on another port; gives its address and the paths that were requested."""
    requested: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requested.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            pass

    site = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{site.server_port}", requested
    finally:
        site.shutdown()
        site.server_close()
