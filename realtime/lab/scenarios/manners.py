"""What users show of themselves, at random: how they are, where they are; and what they do about what they are told."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from realtime.lab.scenarios.truth import Person

if TYPE_CHECKING:
    from realtime.lab.sim_phone import SimPhone
    from realtime.lab.sim_server import SimServer
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

CHANGES_EVERY_S = 25.0
"""Between two statuses that a device chooses, on average."""
FOLLOWS_EVERY_S = 60.0
"""Between two times that it stops following somebody, for a moment, on average."""
SHARES_S = 40.0
"""It shares its position for so long, on average."""
PAUSES_S = 15.0
"""And pauses for so long at most."""
LOOKS_EVERY_S = 12.0
"""Between two looks at what was told, on average."""
NOTIFIES_EVERY_S = 8.0
"""Between two notifications that the server sends, to one user each, on average."""
_STATUSES = ("online", "online", "away", "busy", "invisible")
_TEXTS = (None, "at lunch", "in a meeting", "back at two")


class Manners:
    """One user at one device.

    Args:
        world: where.
        person: the device, the rooms, and where it shares its position.
        machine: of the device.
    """

    def __init__(self, world: World, person: Person, machine: Machine) -> None:
        self._world = world
        self._person = person
        self._machine = machine

    def begin(self, until_s: float) -> None:
        """Do all of it from now on until a virtual time; half of those who share stop a little later."""
        habits = {"shows": self._show, "looks": self._look}
        if self._person.shares_in is not None:
            habits["shares"] = self._share
        for name, habit in habits.items():
            rng = self._world.rng(f"{self._person.device} {name}")
            self._world.spawn("main", habit(rng, until_s), name=f"{self._person.device} {name}")

    async def _show(self, draw: random.Random, until_s: float) -> None:
        while True:
            await asyncio.sleep(draw.expovariate(1 / CHANGES_EVERY_S))
            if self._world.now_s >= until_s:
                return
            status, text = draw.choice(_STATUSES), draw.choice(_TEXTS)
            looks_away = draw.random() < CHANGES_EVERY_S / FOLLOWS_EVERY_S
            if (phone := self._phone()) is not None:
                with self._world.on(self._person.device):
                    phone.status.set_status(status, text)
                    if looks_away and phone.follows:
                        someone = draw.choice(phone.follows)
                        phone.status.unsubscribe([someone])
                        phone.status.subscribe([someone])

    async def _share(self, draw: random.Random, until_s: float) -> None:
        while True:
            shares_s = draw.expovariate(1 / SHARES_S)
            await asyncio.sleep(min(shares_s, max(0.0, until_s - self._world.now_s)))
            pause_s, is_bounded, for_s = draw.uniform(0, PAUSES_S), draw.random() < 0.3, draw.uniform(5, SHARES_S)
            is_over, stays = self._world.now_s >= until_s, draw.random() < 0.5
            if is_over and stays:
                return
            if (phone := self._phone()) is not None:
                with self._world.on(self._person.device):
                    phone.stop_sharing()
            if is_over:
                return
            await asyncio.sleep(pause_s)
            if (phone := self._phone()) is not None and not phone.is_sharing:
                await self._world.spawn(self._person.device, phone.share(for_s if is_bounded else None))

    async def _look(self, draw: random.Random, until_s: float) -> None:
        """A look at the lock screen, or at what the app shows."""
        while True:
            await asyncio.sleep(draw.expovariate(1 / LOOKS_EVERY_S))
            if self._world.now_s >= until_s:
                return
            room_id, act = draw.choice(self._person.rooms), draw.random()
            if (phone := self._phone()) is None or phone.tray is None:
                continue
            shown = [entry.notification.id for entry in phone.in_app.state.snapshot.shown]
            on_screen = [payload["id"] for payload in phone.tray.on_screen]
            with self._world.on(self._person.device):
                if act < 0.3 and on_screen:
                    phone.tray.tap(draw.choice(on_screen))
                elif act < 0.6 and shown:
                    phone.in_app.dismiss(draw.choice(shown))
                elif room_id in phone.chat.rooms:
                    phone.chat.mark_read(room_id)

    def _phone(self) -> SimPhone | None:
        return self._machine.app if self._machine.is_running else None


async def notify(world: World, server: Machine, users: list[str], until_s: float) -> None:
    """Let the server tell users something now and then, beside what is said in rooms."""
    draw = world.rng("the server notifies")
    for n in range(10_000):
        await asyncio.sleep(draw.expovariate(1 / NOTIFIES_EVERY_S))
        if world.now_s >= until_s:
            return
        user_id = draw.choice(users)
        if server.is_running:
            tell(world, server, user_id, f"news {n}")


def tell(world: World, server: Machine, user_id: str, name: str) -> None:
    """The server tells a user something now."""
    app: SimServer = server.app
    with world.on(server.name):
        app.server.notify(user_id, id=name, title="news", body=name)
