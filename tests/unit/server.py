"""A web server on loopback that misbehaves as told."""

import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Reply:
    """One answer. ``sent``: bytes of the body after which ``then`` happens: close, reset, or stall (no more bytes).

    Weak or without an ETag, its version is its Last-Modified.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: str = '"one"'
    ranges: bool = True  # knows Range and If-Range
    if_range: bool = True  # ... and the latter
    chunked: bool = False
    sent: int | None = None
    then: str = "close"
    drip: float = 0  # seconds after each tenth of the body

    @property
    def version(self) -> str | None:
        return self.etag if self.etag.startswith('"') else self.headers.get("Last-Modified")


class Server(ThreadingHTTPServer):
    """Answers with the replies scripted for a path, one after the other, the last one again and again."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: dict[str, list[Reply]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.bytes_sent = 0
        self.over = threading.Event()
        self.turn = threading.Lock()

    def url(self, path: str, *replies: Reply) -> str:
        """Script ``replies`` for ``/path``; its URL."""
        self.script[f"/{path}"] = list(replies)
        return f"http://127.0.0.1:{self.server_port}/{path}"

    def next(self, path: str, headers: dict[str, str]) -> Reply:
        with self.turn:
            self.requests.append((path, headers))
            replies = self.script.get(path, [Reply(status=404)])
            return replies.pop(0) if len(replies) > 1 else replies[0]

    @property
    def ranges(self) -> list[str | None]:
        """The Range header of each request so far."""
        return [headers.get("Range") for _, headers in self.requests]

    def handle_error(self, request, client_address):
        """A client that hangs up is part of the plan."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        """Keeps the test's output clean."""

    def do_GET(self):
        reply = self.server.next(self.path, dict(self.headers))
        wanted = self.headers.get("Range") if reply.ranges and reply.status == 200 else None
        same = self.headers.get("If-Range") == reply.version or not reply.if_range
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and same else None
        body, status, headers = reply.body[start or 0 :], reply.status, {"ETag": reply.etag, **reply.headers}
        if start is not None:
            status = 206 if body else 416
            span = f"{start}-{len(reply.body) - 1}" if body else "*"
            headers["Content-Range"] = f"bytes {span}/{len(reply.body)}"
        if reply.chunked:
            headers["Transfer-Encoding"] = "chunked"
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        else:
            headers.setdefault("Content-Length", str(len(body)))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.send(body[: reply.sent], reply.drip)
        if reply.sent is not None and reply.sent < len(body):
            self.end(reply.then)

    def send(self, body: bytes, drip: float) -> None:
        piece = max(len(body) // 10, 1) if drip else max(len(body), 1)
        for start in range(0, len(body), piece):
            self.wfile.write(body[start : start + piece])
            self.server.bytes_sent += len(body[start : start + piece])
            time.sleep(drip)

    def end(self, then: str) -> None:
        if then == "stall":
            self.server.over.wait(30)
        if then == "reset":
            time.sleep(0.1)  # a reset overtakes what is not delivered yet
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        self.close_connection = True
