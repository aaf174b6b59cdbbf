"""One end of a simulated TCP connection, as an asyncio transport."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from websockets.asyncio.connection import Connection as WebSocket

from realtime.network.tcp import WINDOW_BYTES, Ended, Received, TcpDirection
from realtime.sim.journal import Kind
from realtime.sim.loop import SimLoop

Address = tuple[str, int]

KERNEL_BUFFER_BYTES = WINDOW_BYTES  # what the kernel takes over before the transport's own buffer fills


class Connection(Protocol):
    """What a transport needs of the connection that it is one end of."""

    @property
    def loop(self) -> SimLoop:
        """The virtual time."""

    def touch(self) -> None:
        """Something was sent: look at the timers again."""

    def record(self, kind: Kind, sender: SimTransport, data: bytes = b"") -> None:
        """Write to the journal."""


class SimTransport(asyncio.Transport):
    """Between a protocol and the two directions of its connection.

    Args:
        connection: what both ends share.
        outgoing: the direction in which this end sends.
        incoming: the direction in which it receives.
        sockname: the own address.
        peername: the peer's.
        context: every call into the protocol runs in it.
    """

    def __init__(
        self,
        connection: Connection,
        outgoing: TcpDirection,
        incoming: TcpDirection,
        *,
        sockname: Address,
        peername: Address,
        context: contextvars.Context,
    ) -> None:
        super().__init__({"sockname": sockname, "peername": peername})
        self._connection = connection
        self._loop = connection.loop
        self._outgoing = outgoing
        self._incoming = incoming
        self._context = context
        self._protocol: Any = None
        self._is_closing = self._is_lost = self._end_written = False
        self._is_writing_paused = self._is_reading_paused = False
        self.set_write_buffer_limits()

    # -- the connection's side

    @property
    def is_lost(self) -> bool:
        """Whether the protocol has been told, or is about to be, that the connection is over."""
        return self._is_lost

    def open(self, factory: Callable[[], asyncio.BaseProtocol]) -> asyncio.BaseProtocol:
        """Make the protocol and connect it."""
        self._protocol = self._context.run(factory)
        _hash_by_number(self._protocol, self._loop.next_number())
        self._call(self._protocol.connection_made, self)
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def deliver(self, event: Received | Ended) -> None:
        """Pass on what arrived."""
        if self._is_closing:
            return
        if isinstance(event, Received):
            self._call(self._protocol.data_received, event.data)
        elif not self._call(self._protocol.eof_received):
            self.close()

    def lose(self, error: Exception | None) -> None:
        """The connection is over: no more packets from this end, and the protocol is told why."""
        if self._is_lost:
            return
        self._is_closing = self._is_lost = True
        self._outgoing.forget()
        self._finish(error)

    def abandon(self) -> None:
        """The run is over; the protocol is not told."""
        self._is_closing = self._is_lost = True

    def progress(self) -> None:
        """Bytes may have been acknowledged: resume the writer, finish a close."""
        if self._is_lost or not (self._is_writing_paused or self._is_closing):
            return
        size = self.get_write_buffer_size()
        if self._is_writing_paused and size <= self._low:
            self._is_writing_paused = False
            self._call(self._protocol.resume_writing)
        if self._is_closing and not size:
            self._hang_up()

    # -- the protocol's side

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """As in asyncio."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """As in asyncio."""
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def is_closing(self) -> bool:
        """As in asyncio."""
        return self._is_closing

    def close(self) -> None:
        """As in asyncio: what is buffered still goes out."""
        if not self._is_closing:
            self._is_closing = True
            if not self.get_write_buffer_size():
                self._hang_up()

    def abort(self) -> None:
        """As in asyncio: what is buffered is lost, and the peer gets a reset."""
        if not self._is_lost:
            self._connection.record(Kind.RESET, self)
            self._outgoing.abort(self._loop.now_ns)
            self.lose(None)
            self._connection.touch()

    def is_reading(self) -> bool:
        """As in asyncio."""
        return not self._is_reading_paused and not self._is_closing

    def pause_reading(self) -> None:
        """As in asyncio."""
        self._is_reading_paused = True
        self._incoming.pause_reading()

    def resume_reading(self) -> None:
        """As in asyncio."""
        if self._is_reading_paused:
            self._is_reading_paused = False
            self._loop.call_soon(self._read_held, context=self._loop.neutral)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """As in asyncio."""
        if self._end_written:
            raise RuntimeError("Cannot call write() after write_eof()")
        if self._is_closing or not data:
            return
        data = bytes(data)
        self._connection.record(Kind.SENT, self, data)
        self._outgoing.write(self._loop.now_ns, data)
        self._connection.touch()
        if not self._is_writing_paused and self.get_write_buffer_size() > self._high:
            self._is_writing_paused = True
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """As in asyncio."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """As in asyncio."""
        return True

    def write_eof(self) -> None:
        """As in asyncio."""
        if not self._is_closing and not self._end_written:
            self._end_written = True
            self._outgoing.write_eof(self._loop.now_ns)
            self._connection.touch()

    def get_write_buffer_size(self) -> int:
        """Bytes that the simulated kernel has not taken over."""
        return max(0, self._outgoing.buffered_bytes - KERNEL_BUFFER_BYTES)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """As in asyncio."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As in asyncio."""
        if high is None:
            high = 64 * 1024 if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high}) must be >= low ({low}) must be >= 0")
        self._high, self._low = high, low

    def __repr__(self) -> str:
        state = "lost" if self._is_lost else "closing" if self._is_closing else "open"
        return f"<SimTransport {self.get_extra_info('sockname')} → {self.get_extra_info('peername')} {state}>"

    # -- inside

    def _read_held(self) -> None:
        if self._is_reading_paused or self._is_closing:
            return
        for event in self._incoming.resume_reading(self._loop.now_ns):
            if isinstance(event, Received | Ended):
                self.deliver(event)
        self._connection.touch()

    def _hang_up(self) -> None:
        """Everything is with the kernel: it sends the rest and the end by itself."""
        self._is_lost = True
        self._outgoing.write_eof(self._loop.now_ns)
        self._finish(None)
        self._connection.touch()

    def _finish(self, error: Exception | None) -> None:
        self._incoming.close_receiver()
        if self._protocol is not None:
            self._loop.call_soon(self._protocol.connection_lost, error, context=self._context)

    def _call(self, callback: Callable[..., Any], *args: Any) -> Any:
        """Call into the protocol; if it fails, its connection dies as with asyncio's own transports."""
        try:
            return self._context.run(callback, *args)
        except Exception as error:
            message = f"{callback!r} failed"
            self._loop.call_exception_handler({"message": message, "exception": error, "transport": self})
            self.abort()
            return None


def _hash_by_number(protocol: Any, number: int) -> None:
    """Make a `websockets` connection hash by a number: its server keeps them in a set, and iterates it."""
    if isinstance(protocol, WebSocket):
        kind: Any = type(protocol)
        protocol.__class__ = _numbered(kind)
        vars(protocol)["_creation_number"] = number


@functools.lru_cache(maxsize=64)
def _numbered(kind: type) -> type:
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    return type(kind.__name__, (kind,), {**names, "__hash__": lambda self: self._creation_number})
