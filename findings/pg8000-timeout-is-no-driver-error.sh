#!/usr/bin/env bash
# pg8000 1.31.6: where a server that was asked does not answer within the timeout, execute() raises the
# system's TimeoutError, which is none of the errors that a driver of PEP 249 raises; a server that hangs
# up gives InterfaceError. SQLAlchemy 2.1.9 takes only errors of the driver for a lost
# connection: pool_pre_ping raises instead of replacing the connection, and one that timed out goes
# back to the pool, where its late answer would be that of the next statement.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pg8000==1.31.6 sqlalchemy==2.1.9
"$folder/venv/bin/python" - <<'PY'
import socket
import struct
import threading

import pg8000.dbapi
import sqlalchemy


def message(kind, body=b""):
    return kind + struct.pack("!i", len(body) + 4) + body


def serve(server, hangs_up):
    """Let in whoever comes, and then hang up or say nothing."""
    client, _ = server.accept()
    client.recv(8)  # asks for TLS
    client.sendall(b"N")
    client.recv(1000)
    client.sendall(message(b"R", struct.pack("!i", 0)) + message(b"Z", b"I"))
    client.recv(1000)
    if hangs_up:
        client.close()
    else:
        threading.Event().wait()


def error_of(hangs_up):
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server, hangs_up), daemon=True).start()
        connection = pg8000.dbapi.connect("user", port=server.getsockname()[1], timeout=0.5)
        try:
            connection.cursor().execute("SELECT 1")
        except Exception as exc:
            return exc


silent, gone = error_of(False), error_of(True)
print("pg8000", pg8000.__version__, "sqlalchemy", sqlalchemy.__version__)
print("no answer:", type(silent).__name__, "hung up:", type(gone).__name__)
assert isinstance(silent, TimeoutError) and not isinstance(silent, pg8000.dbapi.Error)
assert isinstance(gone, pg8000.dbapi.InterfaceError)
PY
