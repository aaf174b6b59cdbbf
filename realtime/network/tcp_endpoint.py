"""One end of a TCP connection: what a kernel keeps for a socket."""

from __future__ import annotations

from typing import Protocol

from realtime.network.path import Path
from realtime.network.tcp_events import Event
from realtime.network.tcp_segment import Segment


class Connection(Protocol):
    """What an endpoint needs of its connection."""

    def rearm(self) -> None:
        """A timer or a path has changed."""


class TcpEndpoint:
    """Made by :class:`~realtime.network.tcp.TcpConnection`; after each call look at the connection's ``next_ns``.

    Args:
        connection: what it is an end of.
        path: to the other end.
        is_client: whether it opens the connection.
    """

    __slots__ = ("_connection", "_path", "buffered_bytes", "is_client", "is_dead", "is_established", "is_finished")

    def __init__(self, connection: Connection, path: Path[Segment], *, is_client: bool) -> None:
        self._connection = connection
        self._path = path
        self.is_client = is_client
        self.is_established = False  # client: answered; server: Accepted
        self.is_dead = False  # aborted, forgotten, reset, refused or given up: nothing is sent or received any more
        self.is_finished = False  # everything written, and the end, has been acknowledged
        self.buffered_bytes = 0  # written and not acknowledged: what a kernel's send buffer holds

    # -- opening

    def open(self, now_ns: int) -> None:
        """Send the request (SYN). ``Established``, ``Refused`` or ``TimedOut`` (after 127 s) follows."""
        raise NotImplementedError

    def accept(self, now_ns: int) -> None:
        """Take the connection, after ``RequestReceived``. ``Accepted`` follows if the client is still there.

        Raises:
            RuntimeError: no request is waiting for an answer.
        """
        raise NotImplementedError

    def refuse(self, now_ns: int) -> None:
        """Nobody listens, after ``RequestReceived``. A client that does not hear of it asks again.

        Raises:
            RuntimeError: no request is waiting for an answer.
        """
        raise NotImplementedError

    # -- sending

    def write(self, now_ns: int, data: bytes | bytearray | memoryview) -> None:
        """Append to the stream. Everything is taken; pause while :attr:`buffered_bytes` is large.

        Before the connection is established it waits; after :meth:`write_eof` and at a dead end it is dropped.
        """
        raise NotImplementedError

    def write_eof(self, now_ns: int) -> None:
        """End the stream after what has been written (FIN). The other direction stays open."""
        raise NotImplementedError

    def abort(self, now_ns: int) -> None:
        """Close at once: what is not delivered is lost, and the peer gets a reset, if that is not lost as well."""
        raise NotImplementedError

    def forget(self) -> None:
        """The socket is gone without a word, as in a crash. What arrives later is answered with a reset."""
        raise NotImplementedError

    # -- receiving

    def pause_reading(self) -> None:
        """Leave received bytes with the kernel: the window that the peer is told shrinks, down to nothing."""
        raise NotImplementedError

    def resume_reading(self, now_ns: int) -> list[Event]:
        """End :meth:`pause_reading`. Returns what was held back: ``Received``, ``Ended``, or nothing."""
        raise NotImplementedError

    def close_receiver(self) -> None:
        """The application has closed its socket; call :meth:`write_eof` too.

        Unread bytes are dropped. New ones from the peer are answered with a reset, and then this end is dead.
        """
        raise NotImplementedError

    # -- state

    @property
    def rtt_ns(self) -> int | None:
        """The smoothed round trip; None before there was one."""
        raise NotImplementedError

    @property
    def retries(self) -> int:
        """How often in a row the packet that waits for an answer has been repeated in vain."""
        raise NotImplementedError
