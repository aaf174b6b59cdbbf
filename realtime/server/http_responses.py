"""Whole HTTP responses, each on a connection of its own."""

from __future__ import annotations

import http
from typing import Any

import msgspec
from websockets.datastructures import Headers
from websockets.http11 import Response


def json_response(status: int, value: Any, **headers: str) -> Response:
    """A response with JSON.

    Args:
        value: what is encoded; bytes are JSON already.
        headers: further ones; an underscore in a name stands for a hyphen.
    """
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return _response(status, "application/json", body, {"Cache-Control": "no-store", **headers})


def text_response(status: int, text: str, **headers: str) -> Response:
    """A response with words for people."""
    return _response(status, "text/plain; charset=utf-8", text.encode(), headers)


def bytes_response(status: int, content_type: str, body: bytes) -> Response:
    """A response with a content of any type."""
    return _response(status, content_type, body, {"Cache-Control": "no-store"})


def _response(status: int, content_type: str, body: bytes, headers: dict[str, str]) -> Response:
    fields = Headers({"Content-Type": content_type, "Content-Length": str(len(body)), "Connection": "close"})
    for name, value in headers.items():
        fields[name.replace("_", "-")] = value
    return Response(status, http.HTTPStatus(status).phrase, fields, body)
