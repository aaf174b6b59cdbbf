"""What the user of a device does, at random: writes, types, reads, changes messages, leaves rooms for a while."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from realtime.connection.errors import SendRefused
from realtime.lab.scenarios.truth import Person
from realtime.lab.scenarios.variety import Variety
from realtime.protocol.errors import LocalProtocolError

if TYPE_CHECKING:
    from realtime.lab.sim_phone import SimPhone
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

WRITES_EVERY_S = 6.0
"""Between two messages of one device, on average."""
TYPES_S = 4.0
"""It takes at most so long to write one."""
LEAVES_EVERY_S = 60.0
"""Between two times that a device leaves a room, on average."""
STAYS_AWAY_S = 15.0
"""For so long at most."""
AMENDS_EVERY_S = 8.0
"""Between two changes to messages by one device, on average."""
RECENT = 10
"""So many of the newest messages of a room are changed."""
_CHANGES = ("edit", "edit", "delete", "👍", "👍", "❤️", "take back")
READS = 0.5
"""How often who writes in a room has read it."""


class Habits:
    """One user at one device.

    Args:
        world: where.
        person: the device, and the rooms.
        machine: of the device.
        variety: how long the messages are.
    """

    def __init__(self, world: World, person: Person, machine: Machine, variety: Variety) -> None:
        self._world = world
        self._person = person
        self._machine = machine
        self._variety = variety

    def begin(self, until_s: float) -> None:
        """Do all of it from now on until a virtual time; then nothing is begun any more, and no room is left."""
        name = self._person.device
        self._world.spawn("main", self._write(until_s), name=f"{name} writes")
        self._world.spawn("main", self._wander(until_s), name=f"{name} wanders")
        self._world.spawn("main", self._amend(until_s), name=f"{name} amends")

    async def _write(self, until_s: float) -> None:
        draw = self._world.rng(f"{self._person.device} writes")
        for n in range(10_000):
            pause_s, typing_s = draw.expovariate(1 / WRITES_EVERY_S), draw.uniform(0, TYPES_S)
            room_id, text = draw.choice(self._person.rooms), self._variety.text(draw, f"{self._person.device} {n}")
            has_read = draw.random() < READS
            await asyncio.sleep(max(0.0, pause_s - typing_s))
            if self._world.now_s + typing_s >= until_s:
                return
            if (phone := self._in(room_id)) is not None:
                with self._world.on(self._person.device):
                    phone.type(room_id)
            await asyncio.sleep(typing_s)
            if (phone := self._in(room_id)) is not None:
                with self._world.on(self._person.device):
                    self._say(phone, room_id, text, has_read=has_read)

    def _say(self, phone: SimPhone, room_id: str, text: str, *, has_read: bool) -> None:
        if has_read:
            phone.chat.mark_read(room_id)
        with contextlib.suppress(SendRefused):  # the outbox is full: nothing was promised
            phone.send(room_id, text)

    async def _amend(self, until_s: float) -> None:
        draw = self._world.rng(f"{self._person.device} amends")
        while True:
            await asyncio.sleep(draw.expovariate(1 / AMENDS_EVERY_S))
            if self._world.now_s >= until_s:
                return
            room_id, place, change = draw.choice(self._person.rooms), draw.random(), draw.choice(_CHANGES)
            if (phone := self._in(room_id)) is None:
                continue
            messages = phone.chat.room(room_id).snapshot.messages
            # A deleted message takes no change, nor does one that the server has refused.
            with self._world.on(self._person.device), contextlib.suppress(SendRefused, LocalProtocolError):
                if messages:
                    phone.amend(messages[-1 - int(place * min(len(messages), RECENT))], change)

    async def _wander(self, until_s: float) -> None:
        draw = self._world.rng(f"{self._person.device} wanders")
        while True:
            await asyncio.sleep(draw.expovariate(1 / LEAVES_EVERY_S))
            room_id, away_s = draw.choice(self._person.rooms), draw.uniform(0, STAYS_AWAY_S)
            if room_id == self._person.shares_in:
                continue  # who shares a position in a room stays there
            if self._world.now_s + away_s >= until_s:
                return
            if (phone := self._in(room_id)) is not None:
                self._world.spawn(self._person.device, _go_out(phone, room_id, away_s), name=f"out of {room_id}")

    def _in(self, room_id: str) -> SimPhone | None:
        """The phone, if it runs and has not left the room."""
        if not self._machine.is_running or room_id not in self._machine.app.chat.rooms:
            return None
        phone: SimPhone = self._machine.app
        return phone


async def _go_out(phone: SimPhone, room_id: str, away_s: float) -> None:
    leaving = asyncio.create_task(phone.leave(room_id))  # with a dead connection nobody waits for the server
    await asyncio.sleep(away_s)
    await phone.join(room_id)
    await leaving
