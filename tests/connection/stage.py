"""A phone, a server and the network between them, in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from realtime.connection.socket_manager import SocketManager
from realtime.sim.world import World, simulate
from tests.connection.peer import Peer

# What a phone announces, in words
CONNECTING = ["CONNECTING", "CONNECTED", "connect"]
BACK = ["RECONNECTING", "reconnect_attempt(1)", "CONNECTED", "connect", "reconnect(1)"]
AGAIN = ["CONNECTED", "connect", "reconnect(1)"]

URL = "http://server:8765"
DELAY_MS = 20  # one way
RTT_S = 2 * DELAY_MS / 1000

Scene = Callable[[World], Awaitable[None]]


def simulated(*, seeds: int = 3, hours: float = 3) -> Callable[[Scene], Callable[[int], None]]:
    """Make an ``async def test(world)`` a test that runs in several worlds; a failing one names its seed."""

    def decorate(scene: Scene) -> Callable[[int], None]:
        def run(seed: int) -> None:
            simulate(scene, seed=seed, max_virtual_s=hours * 3600)

        run.__name__, run.__qualname__, run.__doc__ = scene.__name__, scene.__qualname__, scene.__doc__
        run.__module__ = scene.__module__
        return pytest.mark.parametrize("seed", range(seeds))(run)

    return decorate


async def open_server(world: World, **options: Any) -> Peer:
    """A scripted server on the host ``server``."""
    peer = Peer(host="server", port=8765, **options)
    with world.on("server"):
        await peer.start()
    return peer


class Phone:
    """A SocketManager on a host of its own, which keeps a diary of everything that it announces."""

    def __init__(self, world: World, name: str = "ana", **options: Any) -> None:
        self.world = world
        self.name = name
        self.diary: list[str] = []
        self.times: list[float] = []
        self.errors: list[Exception] = []
        self.delays: list[float] = []
        world.set_conditions(name, delay_ms=DELAY_MS)
        self.socket = SocketManager(URL, name=name, **options)
        self.socket.on("state_change", lambda state: self._write(state.name))
        self.socket.on("connect", lambda: self._write("connect"))
        self.socket.on("disconnect", lambda reason: self._write(f"disconnect({reason})"))
        self.socket.on("reconnect_attempt", self._attempt)
        self.socket.on("reconnect", lambda n: self._write(f"reconnect({n})"))
        self.socket.on("connect_error", lambda error: self._error("connect_error", error))
        self.socket.on("reconnect_failed", lambda error: self._error("reconnect_failed", error))

    def _write(self, word: str) -> None:
        self.diary.append(word)
        self.times.append(self.world.now_s)

    def _attempt(self, n: int, delay_s: float) -> None:
        self.delays.append(delay_s)
        self._write(f"reconnect_attempt({n})")

    def _error(self, event: str, error: Exception) -> None:
        self.errors.append(error)
        self._write(f"{event}({type(error).__name__})")

    async def connect(self, **options: Any) -> None:
        await self.world.spawn(self.name, self.socket.connect(**options))

    async def disconnect(self) -> None:
        await self.world.spawn(self.name, self.socket.disconnect())

    def at(self, word: str) -> float:
        """When it wrote this for the first time."""
        return self.times[self.diary.index(word)]

    def last(self, word: str) -> float:
        """When it wrote this for the last time."""
        return self.times[len(self.diary) - 1 - self.diary[::-1].index(word)]

    @property
    def states(self) -> list[str]:
        return [word for word in self.diary if word.isupper()]


def lost(reason: str) -> list[str]:
    return ["RECONNECTING", f"disconnect({reason})", "reconnect_attempt(1)"]
