"""A WebSocket that also tells about every byte that arrives, and about room to write."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import DATA_OPCODES, CloseCode, Frame, Opcode
from websockets.protocol import Event, State

from realtime.utils.frame_splitter import FrameSplitter

USER_AGENT = "realtime-lab"
WRITE_BUFFER_BYTES = 32_768
"""Above this much unsent data a connection takes no more: the rest waits in the outbox, where it can be taken back."""

_ANSWER_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Route:
    """How to reach the server.

    Attributes:
        url: the WebSocket address.
        address: the server, as error messages shall name it.
        headers: HTTP headers to add to the opening handshake.
        compression: ``deflate`` or None.
        max_size: the largest frame to accept, in bytes.
        ssl: for ``wss``, what to trust instead of the system's certificates.
        close_timeout_s: how long a goodbye may take before the transport is just dropped.
    """

    url: str
    address: str
    headers: Mapping[str, str] | None = None
    compression: str | None = None
    max_size: int = 4 * 2**20
    ssl: ssl.SSLContext | None = None
    close_timeout_s: float = 3.0


class Owner(Protocol):
    """Who is told what a WebSocket notices."""

    def tcp_open(self) -> None:
        """The TCP connection, and TLS if any, stands."""

    def data_arrived(self) -> None:
        """Bytes of whatever kind arrived."""

    def message_arrived(self, data: bytes, *, is_text: bool) -> None:
        """A whole message arrived; text is valid UTF-8."""

    def room_again(self) -> None:
        """The write buffer has drained."""


class WebSocket(ClientConnection):
    """The client's end of a WebSocket; make it with :func:`open_web_socket`.

    Messages go to the owner in the turn of the loop in which they arrive, not through a queue and a task. You must
    call :meth:`start_reading`; those that came earlier wait until then.

    Args:
        route: how it was reached.
        owner: is told what it notices.
        args: what ``websockets`` passes to a connection.
        options: likewise.
    """

    def __init__(self, route: Route, owner: Owner, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._owner = owner
        self._close_timeout_s = route.close_timeout_s
        self._closing: asyncio.TimerHandle | None = None
        self._splitter = FrameSplitter(route.max_size, masked=False)
        self._has_answer = False  # what comes now is frames
        self._is_ending = False  # what comes now is not read
        self._answer_end = b""  # the last bytes of the answer to the upgrade, so far
        self._early: list[tuple[bytes, bool]] | None = []
        self._fragments = bytearray()
        self._is_text = self._is_fragmented = False

    @property
    def has_room(self) -> bool:
        """Whether it is open and its write buffer is below the limit."""
        return self.state is State.OPEN and not self.paused and not self.transport.is_closing()

    def write(self, data: bytes, *, text: bool) -> bool:
        """Write a frame now, as ``websockets``' own broadcast does; False if the connection is closing."""
        if self.state is not State.OPEN or self.transport.is_closing():
            return False
        if text:
            self.protocol.send_text(data)
        else:
            self.protocol.send_binary(data)
        self.send_data()
        return True

    def start_reading(self) -> None:
        """Hand over the messages that have arrived, and from now on each as it arrives."""
        early, self._early = self._early or [], None
        for data, is_text in early:
            self._owner.message_arrived(data, is_text=is_text)

    async def closed(self) -> None:
        """Wait for the end; raises ``ConnectionClosed``, which tells how it came."""
        await self.recv()  # no message goes there

    def process_event(self, event: Event) -> None:
        """See :class:`websockets.asyncio.connection.Connection`."""
        if not isinstance(event, Frame) or event.opcode not in DATA_OPCODES:
            super().process_event(event)
            return
        if event.opcode is not Opcode.CONT:
            self._is_text = event.opcode is Opcode.TEXT
        data = bytes(event.data)
        if not event.fin or self._is_fragmented:
            self._fragments += data  # `websockets` sees to it that they do not outgrow max_size
            self._is_fragmented = not event.fin
            if self._is_fragmented:
                return
            data = bytes(self._fragments)
            self._fragments.clear()
        self._receive(data, self._is_text)

    def _receive(self, data: bytes, is_text: bool) -> None:
        """A whole message."""
        if is_text and not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError as error:
                self.protocol.fail(CloseCode.INVALID_DATA, f"{error.reason} at position {error.start}")
                self.send_data()
                self._look_for_the_end()
                return
        if self._early is None:
            self._owner.message_arrived(data, is_text=is_text)
        else:
            self._early.append((data, is_text))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.Protocol`; so for the methods below."""
        super().connection_made(transport)
        self._owner.tcp_open()

    def data_received(self, data: bytes) -> None:
        """Whatever arrives is a sign of life."""
        self._owner.data_arrived()
        if not self._has_answer:
            data = self._read_answer(data)
        for part in self._splitter.split(data):
            if type(part) is not bytes:
                super().data_received(part)  # type: ignore[arg-type]
                self._look_for_the_end()
            elif not self._is_ending:
                self._receive(part, True)

    def _read_answer(self, data: bytes) -> bytes:
        """Pass on what belongs to the answer to the upgrade; returns the beginning of the frames after it."""
        seen = self._answer_end + data
        end = seen.find(_ANSWER_END)
        if end < 0:
            self._answer_end = seen[1 - len(_ANSWER_END) :]
            super().data_received(data)
            return b""
        end += len(_ANSWER_END) - len(self._answer_end)
        super().data_received(data[:end])
        if self.protocol.state is State.CONNECTING:  # it is no upgrade: a body follows
            self._answer_end = b""
            super().data_received(data[end:])
            return b""
        self._has_answer = True
        return data[end:]

    def _look_for_the_end(self) -> None:
        self._is_ending = self.protocol.state is not State.OPEN
        if self.protocol.state is State.CLOSING and self._closing is None:
            # The server said that it closes; nobody else would mind if the end of the stream never came.
            self._closing = self.loop.call_later(self._close_timeout_s, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection ended."""
        if self._closing is not None:
            self._closing.cancel()
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        """The write buffer has drained."""
        super().resume_writing()
        self._owner.room_again()


async def open_web_socket(route: Route, owner: Owner) -> WebSocket:
    """Open a WebSocket. Bound the time yourself; cancelling drops the connection.

    Raises:
        OSError: there is no way to the server.
        WebSocketException: the server did not agree to a WebSocket.
    """

    def make(*args: Any, **options: Any) -> WebSocket:
        return WebSocket(route, owner, *args, **options)

    options: dict[str, Any] = {} if route.ssl is None else {"ssl": route.ssl}
    web_socket = await connect(
        route.url,
        create_connection=make,  # type: ignore[arg-type]
        additional_headers=route.headers,
        user_agent_header=USER_AGENT,
        compression=route.compression,
        max_size=route.max_size,
        write_limit=WRITE_BUFFER_BYTES,
        proxy=None,
        open_timeout=None,
        ping_interval=None,  # the heartbeat is Engine.IO's
        close_timeout=None,
        **options,
    )
    assert isinstance(web_socket, WebSocket)
    return web_socket
