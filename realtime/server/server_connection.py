"""One WebSocket connection of the server, without a task or a queue between the socket and the session.

``websockets`` does the handshake, the framing rules, control frames and closing. What is replaced is the way of
the data: a received message is handled inside ``data_received``, and a frame to send is bytes that may be
shared by all receivers of a broadcast.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import Any, Protocol, cast

from websockets.asyncio.server import Server
from websockets.asyncio.server import ServerConnection as WebSocketConnection
from websockets.exceptions import InvalidMessage
from websockets.frames import BINARY, CLOSE, CONT, TEXT, CloseCode, Frame
from websockets.protocol import OPEN, Event
from websockets.server import ServerProtocol

from realtime.server.http_responses import text_response
from realtime.utils.frame_splitter import FrameSplitter

_log = logging.getLogger("realtime.server")

_REASON_BYTES = 123  # RFC 6455 §5.5: a control frame carries 125 bytes, two of them are the close code
_UNSENT_BYTES = 128 * 1024
_UNLIMITED = 2**63


class FrameHandler(Protocol):
    """What stands above a connection."""

    def receive_text(self, payload: bytes) -> None:
        """A whole text message came; ``payload`` is valid UTF-8."""
        ...

    def receive_binary(self, payload: bytes) -> None:
        """A whole binary message came."""
        ...

    def lost(self, reason: str) -> None:
        """The connection has ended, whoever ended it. Called once; nothing is received or sent afterwards."""
        ...


class ServerConnection(WebSocketConnection):
    """A WebSocket connection that hands messages to its handler synchronously.

    The handshake's coroutine must call :meth:`listen` as soon as it is done, and then wait for :meth:`gone`.

    Args:
        live: holds the connection from its TCP connect to its end.
        max_backlog: bytes that may wait for a receiver that does not read; beyond, it is ended as too slow.
        close_timeout_s: a peer that does not answer a close is aborted after this.
    """

    def __init__(
        self,
        protocol: ServerProtocol,
        server: Server,
        *,
        live: dict[ServerConnection, None],
        max_backlog: int = 1024 * 1024,
        close_timeout_s: float = 2.0,
        **options: Any,
    ) -> None:
        super().__init__(protocol, server, **options)
        self.backlog = 0
        """Bytes that wait here because the transport takes no more."""
        self.too_slow = False
        """Whether it is ended because it did not keep up."""
        self._live = live
        self._max_backlog = max_backlog
        self._close_timeout_s = close_timeout_s
        self._handler: FrameHandler | None = None
        self._splitter = FrameSplitter(protocol.max_message_size or _UNLIMITED, masked=True)
        self._direct = False  # frames may go straight to the transport
        self._reading = False  # inside data_received: answers wait for its end, to go out in one write
        self._held: list[bytes] = []
        self._fragments: bytearray | None = None
        self._fragments_are_text = False
        self._ended = False
        self._was_told = False  # what is wrong with its request
        self._abort_timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        address = self.transport.get_extra_info("peername") if hasattr(self, "transport") else None
        where = ":".join(map(str, address[:2])) if isinstance(address, tuple) else "nowhere"
        return f"<ServerConnection {where} {self.protocol.state.name} backlog={self.backlog}>"

    def listen(self, handler: FrameHandler) -> None:
        """Hand every message from now on to ``handler``."""
        self._handler = handler
        self._direct = not self._reading and not self.paused

    @property
    def is_listening(self) -> bool:
        """Whether it is a WebSocket with a handler, and not at its end."""
        return self._handler is not None and not self._ended

    async def gone(self) -> None:
        """Wait until the TCP connection has ended."""
        await asyncio.shield(self.connection_lost_waiter)

    # Sending

    def write(self, frame: bytes) -> None:
        """Send a whole frame, or let it wait if the peer does not keep up. Ignored once the connection has ended."""
        if self._direct:
            self.transport.write(frame)
        elif not (self._ended or self.too_slow):
            self._held.append(frame)
            if self.paused:
                self.backlog += len(frame)
                if self.backlog > self._max_backlog:
                    self._give_up()

    def write_volatile(self, frame: bytes) -> bool:
        """Send a frame that is worth nothing later; returns False if it was dropped because the peer lags."""
        if self.paused or self._ended:
            return False
        self.write(frame)
        return True

    def _give_up(self) -> None:
        self.too_slow = True
        self._held, self.backlog = [], 0
        reason = f"too slow: over {self._max_backlog} bytes were waiting; reconnect and catch up"
        # Not at once: whoever writes is in the middle of a broadcast, and an end is broadcast too.
        self.loop.call_soon(self.end, CloseCode.TRY_AGAIN_LATER, reason)

    def end(self, code: int, reason: str) -> None:
        """Close with a code and a reason. The handler is told before this returns; calling it twice is harmless."""
        if self._ended:
            return
        if not self.paused:
            self._release()
        self._finish(reason)
        if self.protocol.state is OPEN:
            self.protocol.fail(code, reason.encode()[:_REASON_BYTES].decode(errors="ignore"))
            with contextlib.suppress(OSError, RuntimeError):  # the transport has failed; its end is on the way
                self.send_data()

    def _release(self) -> None:
        """Hand what was held to the transport."""
        held, self._held, self.backlog = self._held, [], 0
        if held:
            with contextlib.suppress(OSError, RuntimeError):
                self.transport.write(held[0] if len(held) == 1 else b"".join(held))
        self._direct = self._handler is not None and not (self.paused or self._reading or self._ended)

    def _finish(self, reason: str) -> None:
        """Tell the handler; the TCP connection ends when the peer answers the close, or after the close timeout."""
        if self._ended:
            return
        self._ended = True
        if self in self._live:
            self._abort_timer = self.loop.call_later(self._close_timeout_s, self.transport.abort)
        self._direct = False
        self._held, self.backlog, self._fragments = [], 0, None
        if self._handler is not None:
            self._handler.lost(reason)

    # Receiving

    def process_event(self, event: Event) -> None:
        """See the base class: here, data frames go to the handler instead of a queue."""
        if self.request is None:
            super().process_event(event)
        elif self._handler is not None and not self._ended:
            self._receive(cast(Frame, event))

    def _receive(self, frame: Frame) -> None:
        assert self._handler is not None
        opcode = frame.opcode
        if opcode is TEXT and frame.fin:
            self._receive_text(cast(bytes, frame.data))
        elif opcode is BINARY and frame.fin:
            self._handler.receive_binary(cast(bytes, frame.data))
        elif opcode is CONT or opcode is TEXT or opcode is BINARY:
            self._receive_fragment(frame)
        elif opcode is CLOSE:
            close = self.protocol.close_rcvd
            words = "" if close is None else f" ({close.code} {close.reason}".rstrip() + ")"
            self._finish(f"closed by the client{words}")

    def _receive_text(self, payload: bytes) -> None:
        assert self._handler is not None
        if not payload.isascii():
            try:
                payload.decode()
            except UnicodeDecodeError as error:
                self.end(CloseCode.INVALID_DATA, f"text frame is no UTF-8: {error.reason} at byte {error.start}")
                return
        self._handler.receive_text(payload)

    def _receive_fragment(self, frame: Frame) -> None:
        """Collect a fragmented message; ``websockets`` has checked its order and its total size."""
        if frame.opcode is not CONT:
            self._fragments = bytearray()
            self._fragments_are_text = frame.opcode is TEXT
        assert self._fragments is not None
        assert self._handler is not None
        self._fragments += frame.data
        if frame.fin:
            payload, self._fragments = bytes(self._fragments), None
            if self._fragments_are_text:
                self._receive_text(payload)
            else:
                self._handler.receive_binary(payload)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See the base class."""
        self._live[self] = None
        sock = transport.get_extra_info("socket")
        if sock is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            # What the kernel has not sent yet must stay small: there, nothing volatile can be dropped any more.
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """See the base class."""
        self._reading, self._direct = True, False
        try:
            if self._handler is None:
                self._receive_request(data)
            else:
                for part in self._splitter.split(data):
                    if type(part) is not bytes:
                        super().data_received(cast(bytes, part))
                    elif not self._ended:
                        self._receive_text(part)
        except Exception:
            _log.exception("%r: a received message failed", self)
            self.end(CloseCode.INTERNAL_ERROR, "internal error; see the server's log")
        self._reading = False
        if not self.paused:
            self._release()
        if not self._ended and self._handler is not None and self.protocol.state is not OPEN:
            broken = self.protocol.close_sent  # by websockets itself, over a frame that RFC 6455 forbids
            self._finish("closed" if broken is None else f"bad WebSocket frame ({broken.code} {broken.reason})")

    def _receive_request(self, data: bytes) -> None:
        is_early = self.request is not None
        super().data_received(data)
        if is_early or (self.request is not None and not data.endswith(b"\n")):
            self.transport.abort()  # a frame before the handshake was answered; where the next one begins, who knows

    def send_data(self) -> None:
        """See the base class: where it would only hang up over a request, words go first."""
        wrong = self.protocol.handshake_exc
        if isinstance(wrong, InvalidMessage) and not (self._was_told or isinstance(wrong.__cause__, EOFError)):
            self._was_told = True
            self.transport.write(text_response(400, _words(wrong.__cause__)).serialize())
        super().send_data()

    def pause_writing(self) -> None:
        """See the base class: from here on, frames are held."""
        super().pause_writing()
        self._direct = False
        self.backlog = sum(map(len, self._held))

    def resume_writing(self) -> None:
        """See the base class: what was held goes out."""
        super().resume_writing()
        self._release()

    def eof_received(self) -> None:
        """See the base class: the client will say nothing more, and the transport takes nothing from here on."""
        super().eof_received()
        self._finish("connection lost")

    def connection_lost(self, exc: Exception | None) -> None:
        """See the base class."""
        self._live.pop(self, None)
        if self._abort_timer is not None:
            self._abort_timer.cancel()
        super().connection_lost(exc)
        self._finish("connection lost" if exc is None else f"connection lost: {exc}")


def _words(wrong: BaseException | None) -> str:
    """What is wrong with a request that ``websockets`` does not take."""
    if isinstance(wrong, NotImplementedError) or str(wrong) == "unsupported request body":
        return "Requests with a body are not taken here; only GET and HEAD are answered.\n"
    return "This is no HTTP/1.1 request.\n"
