"""Who could be reached, and when: what the presence that phones show is judged by."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from realtime.connection.app_state import AppStateValue
from realtime.lab.sim_notes import marker_of, member_of, presence_of, status_of

if TYPE_CHECKING:
    from realtime.lab.sim_phone import SimPhone
    from realtime.sim.history import History
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

LOOKED_EVERY_S = 1.0


class Person(NamedTuple):
    """A device, whose it is, in which rooms, and in which of them it shares its position."""

    device: str
    user_id: str
    rooms: tuple[str, ...]
    shares_in: str | None = None


class Truth:
    """Looks at the world once a second, and notes for each device and each user in a room whether it can be reached.

    A device can be reached if its app and the server run, the app is in sight or keeps its connection in the
    background, and packets pass both ways. A user is in a room on those of their devices that have not left it. What
    is said of somebody who is invisible is what the others shall see.

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
        """Look every :data:`LOOKED_EVERY_S` seconds from now on."""
        self._world.spawn("main", self._watch(), name="truth")

    async def _watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(LOOKED_EVERY_S)

    def look(self) -> None:
        """Note what has changed."""
        present: dict[str, bool] = {}
        for person in self._people:
            is_reachable = self._is_reachable(person.device)
            present[person.device] = is_reachable
            phone = self._machines[person.device].app if is_reachable else None
            is_seen = phone is not None and phone.status.chosen != "invisible"
            subject = status_of(person.user_id)
            present[subject] = present.get(subject, False) or is_seen
            for room_id in person.rooms:
                is_in = phone is not None and is_seen and room_id in phone.chat.rooms
                present[member_of(person.device, room_id)] = is_in
                subject = presence_of(person.user_id, room_id)
                present[subject] = present.get(subject, False) or is_in
            if person.shares_in is not None:
                subject = marker_of(person.user_id, person.shares_in)
                present[subject] = phone is not None and self._is_on_map(phone, subject)
        for subject, is_reachable in present.items():
            if self._noted.get(subject) is not is_reachable:
                self._noted[subject] = is_reachable
                self._history.reachable(subject, is_reachable)

    def _is_on_map(self, phone: SimPhone, subject: str) -> bool:
        """In the background nothing is measured: who was on the map stays there, and nobody comes."""
        is_hidden = phone.app_state.value is AppStateValue.BACKGROUND
        return phone.is_sharing and (not is_hidden or self._noted.get(subject, False))

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
