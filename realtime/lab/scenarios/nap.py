"""Some put their phones away: what is said meanwhile comes to their lock screens, until it is read elsewhere."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from realtime.chat.send_result import SendResult
from realtime.connection.errors import SendRefused
from realtime.lab.scenarios.manners import tell
from realtime.lab.scenarios.truth import Person
from realtime.lab.server_log import read_marker

if TYPE_CHECKING:
    from realtime.sim.history import History
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

SLEEPERS = 2
"""So many users of one device go: of one the app is in the background, of the other it is killed. So does the user of
two devices, whose apps are in the background both."""
READY_S = 50.0
"""Before that a phone may not know yet that its server is another one, which is to be told its token: a heartbeat is
missed after 45 s."""
FALLS_ASLEEP_S = 5.0
"""After this the server knows that nobody looks: the app tells it, or the system closes its connection."""
ACKED_S = 2.0
"""What is said then counts if the server has it after this."""
STOPS_S = 0.5, 2.5
"""So long after the first word the server is killed, at least and at most; most pushes are still waiting then."""
RETURNS_S = 1.0, 3.0
"""And it is back after so long."""
PUSHED_S = 15.0
"""A push comes so long after what it tells of: 2.5 s until the server stops, 3 s until it is back, 3 s of delay, 1 s of
the push service; and some retransmissions, commits and looks into logs."""
READS_S = 10.0
"""Who wakes up is connected after this, and has read: what was read leaves the other lock screens after it again."""
GLANCE_S = 2.5
"""So long a phone is looked at that is put away again before a push is due, which is 3 s after a message."""


class Nap:
    """Some users sleep, the others write; it is noted what is owed to the sleepers' lock screens.

    Args:
        world: where; all its networks are good.
        people: the devices.
        machines: of the devices, by name.
        server: of the server.
        history: where to.
    """

    def __init__(
        self,
        world: World,
        people: Sequence[Person],
        machines: Mapping[str, Machine],
        server: Machine,
        history: History,
    ) -> None:
        self._world = world
        self._people = people
        self._machines = machines
        self._server = server
        self._history = history

    async def pass_by(self, rng: random.Random) -> None:
        """Wait until everybody can be pushed, and let some sleep; in the end all are awake."""
        world = self._world
        await world.until(world.now_s + READY_S)
        sleepers, owed = self._fall_asleep(rng)
        await world.until(world.now_s + FALLS_ASLEEP_S)
        for person in self._people:
            if person not in sleepers and self._is_awake(person):
                self._say_good_night(person, owed, world.now_s + ACKED_S)
        for person in owed:
            tell(world, self._server, person.user_id, f"good night, {person.user_id}")
            self._history.owed(person.device, f"good night, {person.user_id}", PUSHED_S)
        if rng.random() < 0.5:
            world.at(world.now_s + rng.uniform(*STOPS_S)).kill_app(self._server.name, for_s=rng.uniform(*RETURNS_S))
        await world.until(world.now_s + ACKED_S + PUSHED_S + 1)
        double = [person for person in owed if self._is_double(person)]
        await self._read_elsewhere(double)
        await self._read_at_once(double)

    def _fall_asleep(self, rng: random.Random) -> tuple[list[Person], list[Person]]:
        """Who sleeps; and those of them that the server can push."""
        world = self._world
        awake = [person for person in self._people if self._is_awake(person)]
        single = rng.sample([person for person in awake if not self._is_double(person)], SLEEPERS)
        double = [person for person in awake if self._is_double(person)]
        sleepers = [*single, *double]
        apps = {person.device: self._machines[person.device].app for person in sleepers}
        owed = [
            person
            for person in sleepers
            if apps[person.device].socket.connected and apps[person.device].push.state.snapshot.is_registered
        ]
        if len([person for person in owed if person in double]) < len(double):
            owed = [person for person in owed if person not in double]  # one of the devices may seem to be looked at
        for_s = FALLS_ASLEEP_S + ACKED_S + PUSHED_S + 1
        world.background(single[0].device, for_s=for_s)
        world.kill_app(single[1].device, for_s=for_s)
        for n, person in enumerate(double):
            world.background(person.device, for_s=for_s + 2 * READS_S * n)
        return sleepers, owed

    async def _read_elsewhere(self, devices: Sequence[Person]) -> None:
        """The first device of the user of two reads all; it has just woken up, and the second sleeps on."""
        world = self._world
        if len(devices) < 2:
            return
        await world.until(world.now_s + READS_S)
        reader, phone = devices[0], self._machines[devices[0].device].app
        if phone.is_settled:
            with world.on(reader.device):
                for room_id in reader.rooms:
                    phone.chat.mark_read(room_id)
            for person in devices[1:]:
                for payload in self._machines[person.device].app.tray.on_screen:
                    if payload.get("roomId") in reader.rooms:
                        self._history.over(person.device, payload["id"], READS_S / 2)
        await world.until(world.now_s + READS_S + 1)

    async def _read_at_once(self, devices: Sequence[Person]) -> None:
        """The first device of the user of two is taken up for what is said, and put away before its push is due."""
        world, room_id = self._world, self._room_of(devices)
        writers = [person for person in self._people if person not in devices and room_id in person.rooms]
        writer = next((person for person in writers if self._is_awake(person)), None)
        if len(devices) < 2 or room_id is None or writer is None:
            return
        reader, *others = devices
        world.background(reader.device, for_s=FALLS_ASLEEP_S)
        for person in others:
            world.background(person.device, for_s=FALLS_ASLEEP_S + PUSHED_S)
        await world.until(world.now_s + FALLS_ASLEEP_S)
        with world.on(writer.device):
            said = self._machines[writer.device].app.send(room_id, "read at once")
        await world.until(world.now_s + GLANCE_S / 2)
        if self._is_awake(reader):
            with world.on(reader.device):
                self._machines[reader.device].app.chat.mark_read(room_id)
        await world.until(world.now_s + GLANCE_S / 2)
        offset = await _offset(said)
        if offset is not None and await read_marker(self._server.app.engine, room_id, reader.user_id) >= offset:
            for person in others:
                self._history.over(person.device, said.message_id, 0.0)
        world.background(reader.device, for_s=PUSHED_S - GLANCE_S)
        await world.until(world.now_s + PUSHED_S + 1)

    def _room_of(self, devices: Sequence[Person]) -> str | None:
        """One where all of them are."""
        rooms = [set(person.rooms) for person in devices]
        return min(set.intersection(*rooms), default=None) if rooms else None

    def _say_good_night(self, person: Person, owed: Sequence[Person], until_s: float) -> None:
        """In each of the rooms; what the server has taken by then, the sleepers of the room are owed."""
        for room_id in person.rooms:
            with self._world.on(person.device):
                result = self._machines[person.device].app.send(room_id, f"{person.device} says good night")
            sleeping = [each for each in owed if room_id in each.rooms]
            self._world.spawn("main", self._note(result, sleeping, until_s), name=f"{person.device} says good night")

    async def _note(self, result: SendResult, owed: Sequence[Person], until_s: float) -> None:
        try:
            await result
        except SendRefused:
            return  # nothing was said
        for person in owed if self._world.now_s <= until_s else ():
            self._history.owed(person.device, result.message_id, PUSHED_S)

    def _is_double(self, person: Person) -> bool:
        return any(other.user_id == person.user_id and other != person for other in self._people)

    def _is_awake(self, person: Person) -> bool:
        machine = self._machines[person.device]
        return machine.is_running and not machine.is_in_background


async def _offset(said: SendResult) -> int | None:
    """Where it is in the log; None if the server has not said that it has it, or refuses it."""
    try:
        return (await said).offset if said.done else None
    except SendRefused:
        return None
