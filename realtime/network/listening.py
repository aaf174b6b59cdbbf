"""Listening at one port, also where a name such as ``localhost`` stands for several addresses."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable

_TRIES = 16  # to find a port that is free at every address
_BACKLOG = 1024  # a herd of clients that reconnects at once must meet the modelled link, not the kernel's queue


async def listen(factory: Callable[[], asyncio.BaseProtocol], host: str, port: int) -> list[asyncio.Server]:
    """Serve at every address of ``host``, all with the same port; 0 takes one that is free at each of them.

    You must close every server.

    Raises:
        OSError: the name is unknown, the port is taken, or this machine has none of the addresses.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses = list(dict.fromkeys((family, str(address[0])) for family, *_, address in found))
    for left in reversed(range(_TRIES)):
        try:
            sockets = _bound(addresses, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or port != 0 or left == 0:
                raise
        else:
            break
    return [await loop.create_server(factory, sock=each, backlog=_BACKLOG) for each in sockets]


def _bound(addresses: Iterable[tuple[int, str]], port: int) -> list[socket.socket]:
    """A listening socket for each address that this machine has, all at one port."""
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    for family, address in addresses:
        try:
            sockets.append(socket.create_server((address, port), family=family, backlog=_BACKLOG))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:  # ::1, where IPv6 is switched off
                missing = error
                continue
            for each in sockets:
                each.close()
            raise
        port = sockets[0].getsockname()[1]
    if not sockets and missing is not None:
        raise missing
    return sockets
