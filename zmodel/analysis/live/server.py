"""Serves a report over HTTP: on this machine freely, to others only with a token.

The files of the study's folder are read, never listed or written. What changes the study (notes,
stop, continue) is a POST with a header that no foreign page can send.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import threading
from http.cookies import SimpleCookie
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from zmodel.analysis.live.control import Control
from zmodel.study.notes import notes_of

COOKIE = "zmodel"
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
MOST_BYTES = 20_000
"""Of the body of a request."""


class ReportServer(ThreadingHTTPServer):
    """Serves `root`, whose report is at `index`. `token` is None on loopback."""

    daemon_threads = True

    def __init__(self, host: str, port: int, root: Path, index: str, control: Control) -> None:
        self.root, self.index, self.control = root.resolve(), index, control
        self.token = None if host in LOOPBACK else secrets.token_urlsafe(24)
        super().__init__((host, port), Handler)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        host, port = self.server_address[:2]
        if self.token is None:
            return f"http://127.0.0.1:{port}/"
        name = socket.gethostname() if host in ("0.0.0.0", "") else str(host)
        return f"http://{name}:{port}/?token={self.token}"

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()


class Handler(SimpleHTTPRequestHandler):
    server: ReportServer

    def __init__(self, request: Any, address: Any, server: ReportServer) -> None:
        super().__init__(request, address, server, directory=str(server.root))

    def log_message(self, format: str, *args: Any) -> None:
        """The terminal shows the study, not the requests."""

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Frame-Options", "DENY")
        self.send_header("Referrer-Policy", "no-referrer")
        super().end_headers()

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        given = parse_qs(parts.query).get("token", [""])[0]
        if given and self._is_token(given):
            self._move(parts.path, f"{COOKIE}={given}; HttpOnly; SameSite=Strict; Path=/")
        elif not self._allowed():
            self._refuse()
        elif parts.path == "/":
            self._move(f"/{self.server.index}")
        elif parts.path == "/api/state":
            self._answer(200, {"notes": notes_of(self.server.control.study())})
        else:
            super().do_GET()

    def do_HEAD(self) -> None:
        if self._allowed():
            super().do_HEAD()
        else:
            self._refuse()

    def do_POST(self) -> None:
        if not self._allowed() or self.headers.get("X-Zmodel") is None:
            self._refuse()
            return
        control = self.server.control
        try:
            body = self._body()
            acts = {
                "/api/note": lambda: control.note(body.get("key"), body.get("text")),
                "/api/stop": control.stop,
                "/api/continue": control.resume,
            }
            if self.path not in acts:
                self._answer(404, {"error": "there is nothing of this name"})
                return
            self._answer(200, {"told": acts[self.path]()})
        except (ValueError, OSError) as error:
            self._answer(400, {"error": str(error)})

    def _body(self) -> dict[str, Any]:
        size = int(self.headers.get("Content-Length") or 0)
        if size > MOST_BYTES:
            raise ValueError(f"a request must have at most {MOST_BYTES:,} bytes, received {size:,}")
        body = json.loads(self.rfile.read(size) or b"{}")
        if not isinstance(body, dict):
            raise ValueError("a request must be a JSON object")
        return body

    def send_head(self) -> Any:
        """Files inside the root only, wherever links lead."""
        path = Path(self.translate_path(self.path)).resolve()
        if not path.is_relative_to(self.server.root):
            self.send_error(404)
            return None
        return super().send_head()

    def list_directory(self, path: Any) -> Any:
        """The names in a run's folder, none above the runs."""
        if Path(path).resolve() == self.server.root:
            self.send_error(404)
            return None
        return super().list_directory(path)

    def _allowed(self) -> bool:
        if self.server.token is None:
            # a page of another name that resolves to this machine must not read the study
            name = (self.headers.get("Host") or "").rsplit(":", 1)[0]
            return name in LOOPBACK
        cookie = SimpleCookie(self.headers.get("Cookie") or "").get(COOKIE)
        return cookie is not None and self._is_token(cookie.value)

    def _is_token(self, given: str) -> bool:
        token = self.server.token
        return token is not None and hmac.compare_digest(given.encode(), token.encode())

    def _move(self, path: str, cookie: str | None = None) -> None:
        self.send_response(303)
        # one slash: two would name another host
        self.send_header("Location", "/" + path.lstrip("/\\"))
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()

    def _refuse(self) -> None:
        self._answer(403, {"error": "open the address that analyze.py printed, with its token"})

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def host_and_port(serve: Any) -> tuple[str, int]:
    """`8765` is on this machine only; `0.0.0.0:8765` is for other hosts too."""
    host, _, port = str(serve).rpartition(":")
    if isinstance(serve, bool) or not port.isdigit() or not 0 <= int(port) < 65536:
        raise ValueError(
            f"serve must be a port or HOST:PORT, received {serve!r}; for example serve=8765, or "
            "serve=0.0.0.0:8765 for other machines"
        )
    return host or "127.0.0.1", int(port)
