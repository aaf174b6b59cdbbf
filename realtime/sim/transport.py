"""One end of a simulated TCP connection, as an asyncio transport."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from websockets.asyncio.connection import Connection as WebSocket

from realtime.network.tcp import WINDOW_BYTES, Ended, Received, TcpEndpoint
from realtime.sim.journal import Journal, Kind, event_code
from realtime.sim.loop import SimLoop
from realtime.sim.process import Process, current_process

Address = tuple[str, int]

KERNEL_BUFFER_BYTES = WINDOW_BYTES  # what the kernel takes over before the transport's own buffer fills


class Connection(Protocol):
    """What a transport needs of the connection that it is one end of."""

    waits: bool
    """To be set once a transport has something to do when bytes are acknowledged."""

    @property
    def loop(self) -> SimLoop:
        """The virtual time."""

    @property
    def journal(self) -> Journal:
        """Where events are written down."""

    @property
    def number(self) -> int:
        """Identifies the connection."""

    def touch(self) -> None:
        """Something was done to the model: look at its timers again."""

    def record(self, kind: Kind, end: TcpEndpoint) -> None:
        """Write to the journal."""


class SimTransport(asyncio.Transport):
    """Between a protocol and the kernel's end of its connection.

    Args:
        connection: what both ends share.
        end: the kernel's socket.
        sockname: the own address.
        peername: the peer's.
        context: every call into the protocol runs in it.

    Attributes:
        is_lost: whether the protocol has been told, or is about to be, that the connection is over.
    """

    __slots__ = (
        "_backlog",
        "_backlog_bytes",
        "_connection",
        "_context",
        "_end",
        "_end_waits",
        "_end_written",
        "_high",
        "_is_closing",
        "_is_reading_paused",
        "_is_writing_paused",
        "_journal",
        "_loop",
        "_low",
        "_protocol",
        "_received",
        "_sent",
        "is_lost",
    )

    def __init__(
        self,
        connection: Connection,
        end: TcpEndpoint,
        *,
        sockname: Address,
        peername: Address,
        context: contextvars.Context,
    ) -> None:
        super().__init__({"sockname": sockname, "peername": peername})
        self.is_lost = False
        self._connection = connection
        self._loop = connection.loop
        self._journal = connection.journal
        self._sent, self._received = (
            event_code(kind, connection.number, end.is_client) for kind in (Kind.SENT, Kind.RECEIVED)
        )
        self._end = end
        self._context = context
        self._protocol: Any = None
        self._backlog: deque[memoryview] = deque()  # what the kernel has not taken over
        self._backlog_bytes = 0
        self._is_closing = self._end_written = self._end_waits = False
        self._is_writing_paused = self._is_reading_paused = False
        self.set_write_buffer_limits()

    # -- the connection's side

    @property
    def process(self) -> Process | None:
        """Whose it is."""
        return self._context.get(current_process)

    def open(self, factory: Callable[[], asyncio.BaseProtocol]) -> asyncio.BaseProtocol:
        """Make the protocol and connect it."""
        self._protocol = self._context.run(factory)
        _hash_by_number(self._protocol, self._loop.next_number())
        self._call(self._protocol.connection_made, self)
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def receive(self, data: bytes) -> None:
        """Bytes arrived."""
        if not self._is_closing:
            self._journal.note(self._loop.now_ns, self._received, data)
            try:
                self._context.run(self._protocol.data_received, data)
            except Exception as error:
                self._blame(self._protocol.data_received, error)

    def receive_end(self) -> None:
        """The peer has ended its stream."""
        if self._is_reading_paused:  # nobody looks at the socket
            self._end_waits = True
        elif not self._is_closing:
            self._connection.record(Kind.ENDED, self._end)
            if not self._call(self._protocol.eof_received):
                self.close()

    def lose(self, error: Exception | None) -> None:
        """The connection is over: no more packets from this end, and the protocol is told why."""
        if not self.is_lost:
            self.abandon()
            self._end.forget()
            self._tell(error)

    def abandon(self) -> None:
        """Its protocol will not hear of it again."""
        self._is_closing = self.is_lost = True
        self._backlog.clear()
        self._backlog_bytes = 0

    def kill(self) -> None:
        """The process is no more; the kernel sends what it has taken over, and closes the socket."""
        self.abandon()
        self._close_socket()

    def progress(self) -> bool:
        """Bytes may have been acknowledged: the kernel takes more, the writer resumes, a close ends.

        Returns whether there is more to wait for.
        """
        if self._backlog:
            self._hand_over()
        if self._is_writing_paused and self._backlog_bytes <= self._low and not self.is_lost:
            self._is_writing_paused = False
            self._call(self._protocol.resume_writing)
        return not self.is_lost and (bool(self._backlog) or self._is_writing_paused)

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
            if not self._backlog:
                self._hang_up()

    def abort(self) -> None:
        """As in asyncio: what is buffered is lost, and the peer gets a reset."""
        if not self.is_lost:
            self._connection.record(Kind.RESET, self._end)
            self.abandon()
            self._end.abort(self._loop.now_ns)
            self._tell(None)
            self._connection.touch()

    def is_reading(self) -> bool:
        """As in asyncio."""
        return not self._is_reading_paused and not self._is_closing

    def pause_reading(self) -> None:
        """As in asyncio."""
        self._is_reading_paused = True
        self._end.pause_reading()

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
        if type(data) is not bytes:
            data = bytes(data)
        end, now_ns = self._end, self._loop.now_ns
        self._journal.note(now_ns, self._sent, data)
        if self._backlog or end.buffered_bytes + len(data) > KERNEL_BUFFER_BYTES:
            self._write_slowly(data)
        else:
            end.write(now_ns, data)
        self._connection.touch()

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
            if not self._backlog:
                self._end.write_eof(self._loop.now_ns)
                self._connection.touch()

    def get_write_buffer_size(self) -> int:
        """Bytes that the simulated kernel has not taken over."""
        return self._backlog_bytes

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
        state = "lost" if self.is_lost else "closing" if self._is_closing else "open"
        return f"<SimTransport {self.get_extra_info('sockname')} → {self.get_extra_info('peername')} {state}>"

    # -- inside

    def _write_slowly(self, data: bytes) -> None:
        """The kernel's buffer is full."""
        self._backlog.append(memoryview(data))
        self._backlog_bytes += len(data)
        self._connection.waits = True
        self._hand_over()
        if not self._is_writing_paused and self._backlog_bytes > self._high:
            self._is_writing_paused = True
            self._protocol.pause_writing()  # in the caller's context, as with asyncio

    def _hand_over(self) -> None:
        """Give the kernel what it takes, and if that is all, what was to come after it."""
        backlog, end, now_ns = self._backlog, self._end, self._loop.now_ns
        while backlog and (room := KERNEL_BUFFER_BYTES - end.buffered_bytes) > 0:
            view = backlog.popleft()
            if len(view) > room:
                backlog.appendleft(view[room:])
                view = view[:room]
            self._backlog_bytes -= len(view)
            end.write(now_ns, view)
        if not backlog and self._is_closing:
            self._hang_up()
        elif not backlog and self._end_written:
            end.write_eof(now_ns)

    def _read_held(self) -> None:
        if self._is_reading_paused or self._is_closing:
            return
        for event in self._end.resume_reading(self._loop.now_ns):
            if isinstance(event, Received):
                self.receive(event.data)
            elif isinstance(event, Ended):
                self._end_waits = True
        if self._end_waits and not self._is_reading_paused:
            self._end_waits = False
            self.receive_end()
        self._connection.touch()

    def _hang_up(self) -> None:
        """Everything is with the kernel: it sends the rest and the end by itself."""
        self.abandon()
        self._close_socket()
        self._tell(None)
        self._connection.touch()

    def _close_socket(self) -> None:
        if self._end.box.held:  # as Linux does: the peer shall know that not everything was read
            self._end.abort(self._loop.now_ns)
        else:
            self._end.write_eof(self._loop.now_ns)
            self._end.close_receiver()

    def _tell(self, error: Exception | None) -> None:
        if self._protocol is not None:
            self._loop.call_soon(self._protocol.connection_lost, error, context=self._context)

    def _call(self, callback: Callable[..., Any], *args: Any) -> Any:
        """Call into the protocol; if it fails, its connection dies as with asyncio's own transports."""
        try:
            return self._context.run(callback, *args)
        except Exception as error:
            self._blame(callback, error)
            return None

    def _blame(self, callback: Callable[..., Any], error: Exception) -> None:
        message = f"{callback!r} failed"
        self._loop.call_exception_handler({"message": message, "exception": error, "transport": self})
        self.abort()


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
