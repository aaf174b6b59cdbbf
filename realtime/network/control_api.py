"""The control API: JSON over HTTP on loopback, so that a test suite in any language can change a proxy's network.

Requests are served on threads of their own and carried out on the proxy's loop, one after another. Only this machine
may ask: foreign ``Host`` headers (DNS rebinding) and pages of other sites are refused.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import http.server
import ipaddress
import json
import logging
import re
import socket
import socketserver
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Self

import msgspec

from realtime.network.proxy import ChaosProxy
from realtime.network.proxy_actions import ACTIONS, Act, ActionError, action, offered_profiles, state_of
from realtime.protocol.errors import RealtimeError

MAX_BODY_BYTES = 65_536
_MOST_READ_BYTES = 1 << 20  # of a body that is too long
_MOST_DIGITS = 20  # of a length
_PATIENCE_S = 10.0  # for a client that says nothing, and for the proxy's loop
_LOG = logging.getLogger(__name__)

# Path -> method, and the action that it asks for; None only tells.
_METHODS = {"profile": "PUT", "trace": "PUT", "conditions": "PATCH"}
REQUESTS: dict[str, tuple[str, str | None]] = {
    "/": ("GET", None),
    "/profiles": ("GET", None),
    **{f"/{name}": (_METHODS.get(name, "POST"), name) for name in ACTIONS},
}


class ControlApiError(RealtimeError, ValueError):
    """The control API cannot be had there. The message says what to do."""


class ControlApi:
    """Serves one proxy's controls. Call it on the loop of the proxy.

    Args:
        proxy: to steer.
        host: a loopback address, or ``localhost``.
        port: 0 takes a free one.

    Raises:
        ControlApiError: the address is not a loopback address.
    """

    def __init__(self, proxy: ChaosProxy, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = "127.0.0.1" if host == "localhost" else host
        if not _is_loopback(self.host):
            raise ControlApiError(
                f"the control API takes a loopback address, such as 127.0.0.1, not {host}: "
                "whoever reaches it controls the network"
            )
        self.port = port
        self._proxy = proxy
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        self._server = _Server((self.host, self.port), self._proxy, asyncio.get_running_loop())
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="proxy control", daemon=True).start()

    async def stop(self) -> None:
        """Close the port. May be repeated."""
        server, self._server = self._server, None
        if server is not None:
            await asyncio.to_thread(server.shutdown)
            server.server_close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    def __repr__(self) -> str:
        return f"<ControlApi {self.url}{'' if self._server else ' stopped'}>"


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A thread per request; those still running at the end are left alone."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], proxy: ChaosProxy, loop: asyncio.AbstractEventLoop) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.proxy = proxy
        self.loop = loop
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no event; anything else goes to the log."""
        _LOG.debug("a request to the control API failed", exc_info=True)

    def on_loop(self, act: Act | None) -> dict[str, Any]:
        """Act on the proxy, on its loop; returns its state right after that."""
        done: concurrent.futures.Future[dict[str, Any]] = concurrent.futures.Future()

        def run() -> None:
            if done.set_running_or_notify_cancel():
                try:
                    if act is not None:
                        act(self.proxy)
                    done.set_result(state_of(self.proxy))
                except Exception as error:
                    done.set_exception(error)

        try:
            self.loop.call_soon_threadsafe(run)
            return done.result(_PATIENCE_S)
        except RuntimeError:
            if not self.loop.is_closed():
                raise
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "the proxy has stopped") from None
        except TimeoutError:
            raise _Refused(
                HTTPStatus.SERVICE_UNAVAILABLE, f"the proxy was busy for {_PATIENCE_S:g} s: ask again"
            ) from None
        finally:
            done.cancel()


class _Refused(Exception):
    """A request is answered with an error."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class _Handler(http.server.BaseHTTPRequestHandler):
    """One request, one answer, end of the connection."""

    server: _Server
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # answers to nonsense have a status line as well
    timeout = _PATIENCE_S

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):  # http.server asks for a method of each name that HTTP has
            return self._answer
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: standard error is for people."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server refuses by itself, in the form of our errors."""
        self._send(HTTPStatus(code), _error(message or HTTPStatus(code).phrase), {})

    def _answer(self) -> None:
        headers: dict[str, str] = {}
        try:
            body = self._read_body()  # first, and to its end: a socket closed with something unread resets
            headers |= self._check_sender()
            method, name = self._route()
            headers["Access-Control-Allow-Methods"] = headers["Allow"] = method
            self._send(*self._carry_out(method, name, body), headers)
        except _Refused as refused:
            self._send(refused.status, _error(refused.message), headers)

    def _read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or "Transfer-Encoding" in self.headers:
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "send the body in one piece, with its Content-Length")
        is_absurd = len(length) > _MOST_DIGITS
        body = b"" if is_absurd else self.rfile.read(min(int(length), _MOST_READ_BYTES))
        if is_absurd or len(body) > MAX_BODY_BYTES:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {MAX_BODY_BYTES} bytes")
        return body

    def _check_sender(self) -> dict[str, str]:
        """Refuse all but this machine; returns the headers that a page of this machine needs."""
        host = self.headers.get("Host", "")
        if not _is_loopback(_host_of(host)):
            raise _Refused(
                HTTPStatus.FORBIDDEN, f"Host {host!r} is not this machine: ask http://127.0.0.1 or http://localhost"
            )
        origin = self.headers.get("Origin")
        if origin is None:
            if self.headers.get("Sec-Fetch-Site") == "cross-site":
                raise _Refused(HTTPStatus.FORBIDDEN, "pages of other sites may not ask here")
            return {}
        scheme, _, address = origin.partition("://")
        if scheme not in ("http", "https") or not _is_loopback(_host_of(address)):
            raise _Refused(
                HTTPStatus.FORBIDDEN, f"Origin {origin!r} is not this machine: pages of other sites may not ask here"
            )
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Headers": "Content-Type",
            "Vary": "Origin",
        }

    def _route(self) -> tuple[str, str | None]:
        path = self.path.partition("?")[0]
        if path not in REQUESTS:
            known = ", ".join(f"{method} {path}" for path, (method, _) in REQUESTS.items())
            raise _Refused(HTTPStatus.NOT_FOUND, f"there is no {path}; there are {known}")
        return REQUESTS[path]

    def _carry_out(self, method: str, name: str | None, body: bytes) -> tuple[HTTPStatus, dict[str, Any] | None]:
        if self.command == "OPTIONS":
            return HTTPStatus.NO_CONTENT, None
        path = self.path.partition("?")[0]
        if self.command != method:
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} takes {method}, not {self.command}")
        if path == "/profiles":
            return HTTPStatus.OK, {"profiles": offered_profiles()}
        try:
            act = None if name is None else action(name, _decoded(body))
            return HTTPStatus.OK, self.server.on_loop(act)
        except _Refused:
            raise
        except ActionError as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, str(error)) from error
        except Exception as error:
            _LOG.exception("%s %s failed", self.command, path)
            raise _Refused(HTTPStatus.INTERNAL_SERVER_ERROR, f"{path} failed: {error!r}") from error

    def _send(self, status: HTTPStatus, body: dict[str, Any] | None, headers: dict[str, str]) -> None:
        payload = b"" if body is None else json.dumps(body, indent=2).encode() + b"\n"
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if body is not None:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(payload)


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message}}


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ActionError(f"the body is not JSON: {error}") from error


def _host_of(address: str) -> str:
    """The host of ``HOST``, ``HOST:PORT`` or ``[IPV6]:PORT``; empty if it is none of these."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))(?::\d*)?", address)
    return "" if found is None else found[1] or found[2]


def _is_loopback(host: str) -> bool:
    if host.lower().removesuffix(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
