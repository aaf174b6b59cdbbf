"""Plain HTTP on the server's port: health, and clear words for clients that speak something else."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qs

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from realtime.server.http_responses import json_response, text_response

_NOTHING_HERE = """\
There is nothing at this address. This server has:
  /socket.io/   Socket.IO (protocol 5 over Engine.IO 4), WebSocket only
  /healthz      health, as JSON
  /metrics      figures, for Prometheus
  /api/rooms/<room>/messages?after=&before=&limit=   a room's messages, as JSON
"""


class HttpEndpoints:
    """Answers requests before the WebSocket handshake.

    Args:
        health: makes the JSON object of ``/healthz``.
        metrics: answers ``/metrics``.
        rooms: answers everything below ``/api/``.
    """

    def __init__(
        self,
        *,
        health: Callable[[], Mapping[str, Any]],
        metrics: Callable[[], Response],
        rooms: Callable[[Request], Awaitable[Response]],
    ) -> None:
        self._health = health
        self._metrics = metrics
        self._rooms = rooms

    def answer(self, request: Request) -> Response | Awaitable[Response] | None:
        """The response to a request; None for a WebSocket handshake, which then goes its way."""
        path, _, query = request.path.partition("?")
        if path.startswith("/api/"):
            return self._later(request)
        return _for_method(request, self._answer(request, path, query))

    async def _later(self, request: Request) -> Response:
        return _for_method(request, await self._rooms(request))

    def _answer(self, request: Request, path: str, query: str) -> Response | None:
        if path in ("/socket.io/", "/socket.io"):
            return _engine_io(parse_qs(query, keep_blank_values=True), request.headers)
        if path not in ("/healthz", "/metrics"):
            return text_response(404, _NOTHING_HERE)
        if request.method not in ("GET", "HEAD"):
            return text_response(405, "Only GET and HEAD are answered here.\n", Allow="GET, HEAD")
        return self._metrics() if path == "/metrics" else _for_any_page(200, self._health())


_Answer = TypeVar("_Answer", Response, Response | None)


def _for_method(request: Request, response: _Answer) -> _Answer:
    if response is not None and request.method == "HEAD":
        response.body = b""  # RFC 9110, section 9.3.2: the header alone, with the length that GET would have
    return response


def come_again(wait_s: float) -> Response:
    """The answer to a handshake that comes too many at a time.

    Args:
        wait_s: after how long it shall be tried again; rounded up, because RFC 9110, section 10.2.3, has whole seconds.
    """
    return text_response(503, "Too many handshakes at a time; try again later.\n", Retry_After=str(math.ceil(wait_s)))


def _engine_io(query: dict[str, list[str]], headers: Headers) -> Response | None:
    """Refuse what is no Engine.IO 4 WebSocket handshake, with the reference server's error codes."""
    if query.get("EIO") != ["4"]:
        return _for_any_page(
            400, {"code": 5, "message": "Unsupported protocol version: this server speaks Engine.IO 4 (EIO=4)"}
        )
    if query.get("transport") != ["websocket"]:
        message = (
            "Transport unknown: this server is WebSocket only, without long-polling; "
            'set transports: ["websocket"] in the options of the client'
        )
        return _for_any_page(400, {"code": 0, "message": message})
    if "sid" in query:
        return _for_any_page(
            400, {"code": 1, "message": "Session ID unknown: nothing can be upgraded to WebSocket here"}
        )
    if headers.get("Upgrade", "").lower() != "websocket":
        return text_response(426, "This address answers WebSocket handshakes only.\n", Upgrade="websocket")
    return None


def _for_any_page(status: int, value: Mapping[str, Any]) -> Response:
    # Any page may read this: it holds no secrets, and an error that a browser hides helps nobody.
    return json_response(status, value, Access_Control_Allow_Origin="*")
