"""Plain HTTP on the server's port: health, and clear words for clients that speak something else."""

from __future__ import annotations

import http
import math
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

_NOTHING_HERE = """\
There is nothing at this address. This server has:
  /socket.io/   Socket.IO (protocol 5 over Engine.IO 4), WebSocket only
  /healthz      health, as JSON
"""


class HttpEndpoints:
    """Answers requests before the WebSocket handshake.

    Args:
        health: makes the JSON object of ``/healthz``.
    """

    def __init__(self, health: Callable[[], Mapping[str, Any]]) -> None:
        self._health = health

    def process_request(self, _: ServerConnection, request: Request) -> Response | None:
        """See ``websockets.asyncio.server.serve``."""
        return self.answer(request)

    def answer(self, request: Request) -> Response | None:
        """The response to a request; None for a WebSocket handshake, which then goes its way."""
        response = self._answer(request)
        if response is not None and request.method == "HEAD":
            response.body = b""  # RFC 9110, section 9.3.2: the header alone, with the length that GET would have
        return response

    def _answer(self, request: Request) -> Response | None:
        path, _, query = request.path.partition("?")
        if path in ("/socket.io/", "/socket.io"):
            return _engine_io(parse_qs(query, keep_blank_values=True), request.headers)
        if path != "/healthz":
            return _text(404, _NOTHING_HERE)
        if request.method not in ("GET", "HEAD"):
            return _text(405, "Only GET and HEAD are answered here.\n", Allow="GET, HEAD")
        return _json(200, self._health())


def come_again(wait_s: float) -> Response:
    """The answer to a handshake that comes too many at a time.

    Args:
        wait_s: after how long it shall be tried again; rounded up, because RFC 9110, section 10.2.3, has whole seconds.
    """
    return _text(503, "Too many handshakes at a time; try again later.\n", **{"Retry-After": str(math.ceil(wait_s))})


def _engine_io(query: dict[str, list[str]], headers: Headers) -> Response | None:
    """Refuse what is no Engine.IO 4 WebSocket handshake, with the reference server's error codes."""
    if query.get("EIO") != ["4"]:
        return _json(
            400, {"code": 5, "message": "Unsupported protocol version: this server speaks Engine.IO 4 (EIO=4)"}
        )
    if query.get("transport") != ["websocket"]:
        message = (
            "Transport unknown: this server is WebSocket only, without long-polling; "
            'set transports: ["websocket"] in the options of the client'
        )
        return _json(400, {"code": 0, "message": message})
    if "sid" in query:
        return _json(400, {"code": 1, "message": "Session ID unknown: nothing can be upgraded to WebSocket here"})
    if headers.get("Upgrade", "").lower() != "websocket":
        return _text(426, "This address answers WebSocket handshakes only.\n", Upgrade="websocket")
    return None


def _json(status: int, value: Mapping[str, Any]) -> Response:
    # Any page may read this: it holds no secrets, and an error that a browser hides helps nobody.
    headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"}
    return _response(status, "application/json", msgspec.json.encode(value), headers)


def _text(status: int, text: str, **headers: str) -> Response:
    return _response(status, "text/plain; charset=utf-8", text.encode(), headers)


def _response(status: int, content_type: str, body: bytes, headers: Mapping[str, str]) -> Response:
    length = str(len(body))
    fields = Headers({"Content-Type": content_type, "Content-Length": length, "Connection": "close"} | dict(headers))
    return Response(status, http.HTTPStatus(status).phrase, fields, body)
