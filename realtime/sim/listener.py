"""A listening socket of the simulation, as an asyncio server."""

from __future__ import annotations

import asyncio
import contextvars
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from realtime.sim.loop import SimLoop
from realtime.sim.process import Process, current_process
from realtime.sim.transport import Address, SimTransport

_PRUNE_TRANSPORTS = 16


class SimServer(asyncio.AbstractServer):
    """Accepts connections at an address.

    Args:
        loop: the virtual time.
        factory: makes the protocol of each connection.
        address: where it listens.
        context: each connection gets a copy of it.
        register: called with True and False as it begins and ends to listen.
    """

    def __init__(
        self,
        loop: SimLoop,
        factory: Callable[[], asyncio.BaseProtocol],
        address: Address,
        context: contextvars.Context,
        register: Callable[[SimServer, bool], None],
    ) -> None:
        self._loop = loop
        self._factory = factory
        self._address = address
        self._context = context
        self._register = register
        self._is_serving = False
        self._closed: asyncio.Future[None] = loop.create_future()
        self._transports: dict[SimTransport, None] = {}
        self._prune_at = _PRUNE_TRANSPORTS

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self._address

    @property
    def process(self) -> Process | None:
        """Whose it is."""
        return self._context.get(current_process)

    @property
    def sockets(self) -> tuple[Any, ...]:
        """One stand-in for the listening socket, while it listens."""
        if self._closed.done():
            return ()
        kind = {"family": socket.AF_INET, "type": socket.SOCK_STREAM}
        return (SimpleNamespace(getsockname=lambda: self._address, **kind),)

    def new_context(self) -> contextvars.Context:
        """The context of one connection's end."""
        return self._context.copy()

    def accept(self, transport: SimTransport) -> None:
        """Make the protocol of a new connection's end."""
        if len(self._transports) >= self._prune_at:
            self._transports = {old: None for old in self._transports if not old.is_lost}
            self._prune_at = max(_PRUNE_TRANSPORTS, 2 * len(self._transports))
        self._transports[transport] = None
        transport.open(self._factory)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """As in asyncio."""
        return self._loop

    def is_serving(self) -> bool:
        """As in asyncio."""
        return self._is_serving

    async def start_serving(self) -> None:
        """As in asyncio."""
        self.listen()

    def listen(self) -> None:
        """Begin to accept connections; ``OSError`` if the address is in use."""
        if not self._is_serving and not self._closed.done():
            self._register(self, True)
            self._is_serving = True

    async def serve_forever(self) -> None:
        """As in asyncio."""
        self.listen()
        try:
            await self._loop.create_future()
        finally:
            self.close()

    def close(self) -> None:
        """Stop accepting; what is connected stays so."""
        if not self._closed.done():
            self._closed.set_result(None)
            if self._is_serving:
                self._is_serving = False
                self._register(self, False)

    async def wait_closed(self) -> None:
        """Wait until it is closed."""
        await asyncio.shield(self._closed)

    def close_clients(self) -> None:
        """Close what is connected."""
        for transport in list(self._transports):
            transport.close()

    def abort_clients(self) -> None:
        """Reset what is connected."""
        for transport in list(self._transports):
            transport.abort()
