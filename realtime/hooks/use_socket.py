"""use_socket: the connection, in a component."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from realtime.connection.connection_state import ConnectionSnapshot, ConnectionState
from realtime.connection.socket_manager import SocketManager
from realtime.hooks.acts import Acts, use_acts
from realtime.hooks.parts import PhoneLike, part_of
from realtime.hooks.use_observable import use_observable


@dataclass(frozen=True, slots=True)
class Socket:
    """A connection as it is now, and what can be done with it. What is done is handed to its loop.

    Args:
        snapshot: where it stands, what waits, and why.
        error: why the newest act was refused; None if it was not.
    """

    snapshot: ConnectionSnapshot
    error: Exception | None
    _socket: SocketManager = field(repr=False)
    _acts: Acts = field(repr=False)

    @property
    def state(self) -> ConnectionState:
        """Where the client stands with its server."""
        return self.snapshot.state

    @property
    def connected(self) -> bool:
        """Whether there is a connection."""
        return self.snapshot.state is ConnectionState.CONNECTED

    def emit(self, event: str, *args: Any, ack: bool = False, volatile: bool = False) -> None:
        """Send an event: see :meth:`SocketManager.emit <realtime.connection.socket_manager.SocketManager.emit>`."""
        self._acts.do(partial(self._socket.emit, ack=ack, volatile=volatile), event, *args)

    def connect(self) -> None:
        """Connect, and keep trying."""
        self._acts.do(partial(self._socket.connect, wait=False))

    def disconnect(self) -> None:
        """Say goodbye, and stay away until :meth:`connect`."""
        self._acts.do(self._socket.disconnect)

    def probe(self) -> None:
        """Find out whether the connection is alive; where the next attempt waits, make it now."""
        self._acts.do(self._socket.probe)


def use_socket(source: SocketManager | PhoneLike, *, loop: asyncio.AbstractEventLoop | None = None) -> Socket:
    """The connection of a phone. The component is rendered again at each change, the counts of bytes included.

    Args:
        source: a phone, or a connection.
        loop: where it lives, if it is not connected yet and that is not where the component is rendered.
    """
    socket = part_of(source, SocketManager, "socket")
    acts, error = use_acts(source, loop)
    return Socket(use_observable(socket.connection_state), error, socket, acts)
