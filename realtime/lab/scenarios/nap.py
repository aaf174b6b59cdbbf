"""Somebody puts the phone away: what is said meanwhile has to come to its lock screen."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from realtime.chat.send_result import SendResult
from realtime.lab.scenarios.manners import tell
from realtime.lab.scenarios.truth import Person

if TYPE_CHECKING:
    from realtime.sim.history import History
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

SLEEPERS = 2
"""So many users go: of one the app is in the background, of the other it is killed."""
READY_S = 50.0
"""Before that a phone may not know yet that its server is another one, which is to be told its token: a heartbeat is
missed after 45 s."""
FALLS_ASLEEP_S = 5.0
"""After this the server knows that nobody looks: the app tells it, or the system closes its connection."""
ACKED_S = 2.0
"""What is said then counts if the server has it after this."""
PUSHED_S = 10.0
"""A push comes so long after what it tells of: 0.1 s of a commit, 3 s of delay, 1 s of the push service; and some
retransmissions."""


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
        await world.until(world.now_s + ACKED_S + PUSHED_S + 1)

    def _fall_asleep(self, rng: random.Random) -> tuple[list[Person], list[Person]]:
        """Users of one device; and those of them that the server can push."""
        world = self._world
        owners = [person.user_id for person in self._people]
        single = [person for person in self._people if owners.count(person.user_id) == 1 and self._is_awake(person)]
        sleepers = rng.sample(single, SLEEPERS)
        apps = {person.device: self._machines[person.device].app for person in sleepers}
        owed = [
            person
            for person in sleepers
            if apps[person.device].socket.connected and apps[person.device].push.state.snapshot.is_registered
        ]
        for_s = FALLS_ASLEEP_S + ACKED_S + PUSHED_S + 1
        world.background(sleepers[0].device, for_s=for_s)
        world.kill_app(sleepers[1].device, for_s=for_s)
        return sleepers, owed

    def _say_good_night(self, person: Person, owed: Sequence[Person], until_s: float) -> None:
        """In each of the rooms; what the server has taken by then, the sleepers of the room are owed."""
        for room_id in person.rooms:
            with self._world.on(person.device):
                result = self._machines[person.device].app.send(room_id, f"{person.device} says good night")
            sleeping = [each for each in owed if room_id in each.rooms]
            self._world.spawn("main", self._note(result, sleeping, until_s), name=f"{person.device} says good night")

    async def _note(self, result: SendResult, owed: Sequence[Person], until_s: float) -> None:
        await result
        for person in owed if self._world.now_s <= until_s else ():
            self._history.owed(person.device, result.message_id, PUSHED_S)

    def _is_awake(self, person: Person) -> bool:
        machine = self._machines[person.device]
        return machine.is_running and not machine.is_in_background
