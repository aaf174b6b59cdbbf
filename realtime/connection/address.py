"""The address that a Socket.IO client dials."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


def websocket_url(url: str, *, path: str = "/socket.io/") -> str:
    """The WebSocket address of the Engine.IO endpoint behind ``url``.

    Args:
        url: ``http(s)://host[:port]`` or ``ws(s)://host[:port]``, with a query string if the server wants one.
        path: where the server mounts Socket.IO.

    Raises:
        ValueError: this is no such address; the message says what to write instead.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"the address {url!r} must begin with http, https, ws or wss, as in http://localhost:8765")
    if not parts.hostname:
        raise ValueError(f"the address {url!r} names no host")
    _ = parts.port  # raises ValueError on a port that is no number
    if parts.path not in ("", "/"):
        raise ValueError(
            f"the address {url!r} has a path: give a namespace as namespace={parts.path!r}, "
            f"or the place where the server mounts Socket.IO as path={parts.path!r}"
        )
    if parts.fragment:
        raise ValueError(f"the address {url!r} has a fragment, which is never sent to a server")
    mount = "/" + path.strip("/") + "/" if path.strip("/") else "/"
    query = f"{parts.query}&" if parts.query else ""
    return f"{_SCHEMES[parts.scheme]}://{parts.netloc}{mount}?{query}EIO=4&transport=websocket"


def shown_address(url: str) -> str:
    """The address as people, logs and tracebacks may see it: without a password, and without the query's values."""
    parts = urlsplit(url)
    user_info, at, host = parts.netloc.rpartition("@")
    user, colon, _ = user_info.partition(":")
    netloc = f"{user}:***@{host}" if colon else f"{user}{at}{host}"
    return urlunsplit((parts.scheme, netloc, parts.path, "…" if parts.query else "", ""))
