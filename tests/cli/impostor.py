"""Servers next to the venue: one that is not a venue, and one that forwards requests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import httpx


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    body: str
    status: int = 200
    kind: str = "application/json"


HTML = Answer("<!DOCTYPE html>\n<html>\n<body>502 Bad Gateway</body>\n</html>\n", kind="text/html")
NO_MARKETS = Answer('{"success": true, "markets": [], "pagination": {"limit": 500, "offset": 0, "total": 0}}')


Asked = tuple[str, str, bytes]
"""The method, the path with its query, and the body."""


class Server:
    """Answers every request in the same way, from a thread, while its context is open."""

    def __init__(self, answer_to: Callable[[Asked], Answer]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = answer_to((self.command, self.path, asked))
                body = answer.body.encode()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - the base class asks for this name

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Impostor(Server):
    """Gives the same answer to every request."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(lambda asked: answer)


class Relay(Server):
    """Forwards requests to a server under the Host header that it expects."""

    def __init__(self, upstream: str) -> None:
        def answer_to(asked: Asked) -> Answer:
            method, path, body = asked
            headers = {"Content-Type": "application/json"} if body else {}
            answer = httpx.request(method, upstream + path, content=body or None, headers=headers, timeout=20)
            return Answer(answer.text, answer.status_code)

        super().__init__(answer_to)
