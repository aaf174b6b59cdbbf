"""Who could be reached, and when: what the presence that phones show is judged by."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from realtime.lab.sim_notes import presence_of

if TYPE_CHECKING:
    from realtime.sim.history import History
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

EVERY_S = 1.0


class Person(NamedTuple):
    """A device, whose it is, in which rooms, and in which of them it shares its position."""

    device: str
    user_id: str
    rooms: tuple[str, ...]
    shares_in: str | None = None


class Truth:
    """Looks at the world once a second, and notes for each device and each user in a room whether it can be reached.

    A device can be reached if its app and the server run, the app is in sight or keeps its connection in the
    background, and packets pass both ways. A user is in a room on those of their devices that have not left it.

    Args:
        world: where.
        server: the server's host.
        machines: of the devices, by name.
        people: the devices.
        history: where to.
    """

    def __init__(
        self, world: World, server: str, machines: Mapping[str, Machine], people: Iterable[Person], history: History
    ) -> None:
        self._world = world
        self._server = server
        self._machines = machines
        self._people = tuple(people)
        self._history = history
        self._noted: dict[str, bool] = {}

    def watch(self) -> None:
        """Look every :data:`EVERY_S` seconds from now on."""
        self._world.spawn("main", self._watch(), name="truth")

    async def _watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(EVERY_S)

    def look(self) -> None:
        """Note what has changed."""
        present: dict[str, bool] = {}
        for person in self._people:
            is_reachable = self._is_reachable(person.device)
            present[person.device] = is_reachable
            for room_id in person.rooms:
                subject = presence_of(person.user_id, room_id)
                is_in = is_reachable and room_id in self._machines[person.device].app.chat.rooms
                present[subject] = present.get(subject, False) or is_in
        for subject, is_reachable in present.items():
            if self._noted.get(subject) is not is_reachable:
                self._noted[subject] = is_reachable
                self._history.reachable(subject, is_reachable)

    def _is_reachable(self, device: str) -> bool:
        machine = self._machines[device]
        server = self._world.machines[self._server]
        if not (machine.is_running and server.is_running):
            return False
        if machine.app.is_away:
            return False
        now_ns, host, far = self._world.loop.now_ns, self._world.network.host(device), self._server
        link, server_host = self._world.network.link, self._world.network.host(far)
        links = (host.up, link(device, far), server_host.down, server_host.up, link(far, device), host.down)
        return not any(link.is_held or link.swallows(now_ns) for link in links)
