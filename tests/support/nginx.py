"""nginx with the shipped configuration, in front of apps on this machine."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.processes import free_port
from tests.support.places import ROOT

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
MAIN = """
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    include /etc/nginx/mime.types;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/ferapp.conf;
}}
"""
CERTIFICATE = "certificate.pem"


@contextmanager
def shipped_nginx(folder: Path, ports: Sequence[int]) -> Iterator[str]:
    """Run nginx and give its address; the shipped file is changed in names, ports and paths alone.

    Args:
        folder: For its files; the certificate will be there.
        ports: Of the two replicas.
    """
    # If root starts nginx, its workers run as another user.
    folder.parent.chmod(0o755)
    folder.chmod(0o755)
    key, certificate = folder / "key.pem", folder / CERTIFICATE
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    new += ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*new, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    port = free_port()
    conf = (ROOT / "deploy" / "nginx.conf").read_text()
    for shipped, local in [
        ("faces.example.org;", "localhost;"),
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("    listen [::]:80;\n", ""),
        ("    listen [::]:443 ssl default_server;\n", ""),
        ("    listen [::]:443 ssl http2;\n", ""),
        ("/etc/letsencrypt/live/faces.example.org/fullchain.pem", str(certificate)),
        ("/etc/letsencrypt/live/faces.example.org/privkey.pem", str(key)),
        ("127.0.0.1:8501", f"127.0.0.1:{ports[0]}"),
        ("127.0.0.1:8502", f"127.0.0.1:{ports[1]}"),
    ]:
        assert shipped in conf
        conf = conf.replace(shipped, local)
    (folder / "ferapp.conf").write_text(conf)
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder))
    arguments = [NGINX, "-c", folder / "nginx.conf", "-e", folder / "error.log"]
    subprocess.run([*arguments, "-t"], check=True, capture_output=True)
    process = subprocess.Popen(arguments)
    try:
        while not _is_listening(port):
            assert process.poll() is None, (folder / "error.log").read_text()
            time.sleep(0.05)
        for name in ("body", "proxy"):
            # So that nginx cannot write what it forwards to the disk.
            shutil.chown(folder / name, os.getuid())
            (folder / name).chmod(0o500)
        yield f"https://localhost:{port}"
    finally:
        process.terminate()
        process.wait(15)


def _is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
