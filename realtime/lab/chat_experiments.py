"""What chats go through in the simulated world: the life of a message, and the return after a long absence."""

from __future__ import annotations

import asyncio
import functools
import json
from typing import TYPE_CHECKING, NamedTuple

from realtime.chat.message import MessageStatus, RoomState
from realtime.lab.experiments import DRAIN_S, ROOM
from realtime.lab.sim_phone import SimPhone
from realtime.lab.sim_server import SimServer
from realtime.server.engine.base import Draft
from realtime.server.engine.memory import MemoryEngine
from realtime.sim.world import simulate
from realtime.utils import ambient

if TYPE_CHECKING:
    from realtime.chat.message import Message
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

ASLEEP_S = 300.0
"""Longer than the server keeps a session: what was missed comes from the room's log."""


class Life(NamedTuple):
    """What became of a message, in seconds after it was sent.

    ``sent_s``, ``delivered_s`` and ``read_s`` are when its author's phone shows it as that or more, ``shown_s`` is
    when the other phone shows it.
    """

    sent_s: float
    shown_s: float
    delivered_s: float
    read_s: float


class Absence(NamedTuple):
    """What a phone did in the seconds after it came back.

    Args:
        end_shown_s: when the newest message was on its screen.
        shown: when the newest message on its screen was which: (seconds, offset).
        told: when the application was told of each message that was missed: (seconds, offset).
        most_loaded: how many messages it had in memory at most.
    """

    end_shown_s: float
    shown: list[tuple[float, int]]
    told: list[tuple[float, int]]
    most_loaded: int

    @property
    def all_told_s(self) -> float:
        """When the application had been told of everything."""
        return self.told[-1][0]


def lives(
    profile: str, *, seed: int = 0, messages: int = 40, every_s: float = 5.0, reads_after_s: float = 2.0
) -> list[Life]:
    """Ana writes to ben, who is on Wi-Fi and reads each message a little after he is shown it.

    Args:
        profile: of ana's network.
        seed: of the run.
        messages: how many she writes.
        every_s: the mean of the random times between two of them.
        reads_after_s: how long he takes to look.

    Raises:
        Broken: one of them was not read.
    """
    return simulate(functools.partial(_correspond, profile, messages, every_s, reads_after_s), seed=seed).result


def absence(profile: str, *, missed: int = 10_000, seed: int = 0) -> Absence:
    """A phone slept, and comes back to a room in which much was written meanwhile.

    Args:
        profile: of its network.
        missed: how many messages.
        seed: of the run.

    Raises:
        Broken: it was not told of all of them.
    """
    return simulate(functools.partial(_come_back, profile, missed), seed=seed).result


def write_log(engine: MemoryEngine, count: int) -> None:
    """Zoe writes to the lobby, on another server: no phone is needed for that. Call it on the server's host.

    Args:
        engine: the server's.
        count: how many messages she writes, at once.
    """
    for n in range(1, count + 1):
        body = {"roomId": ROOM, "messageId": f"z{n}", "userId": "zoe", "text": f"are you on the train already? {n}"}
        draft = Draft(
            room_id=ROOM,
            user_id="zoe",
            message_id=f"z{n}",
            event="chat:message",
            body=json.dumps(body).encode(),
            timestamp_ms=ambient.wall_time_ms(),
            origin="",
        )
        engine.append(draft, lambda done: None)


async def _correspond(profile: str, messages: int, every_s: float, reads_after_s: float, world: World) -> list[Life]:
    ana, ben = _town(world, ana=profile, ben="wifi")
    at_s: dict[str, dict[str, float]] = {}

    def look(state: RoomState) -> None:
        for message in state.messages:
            at_s.setdefault(message.message_id, {}).setdefault(message.status, world.now_s)

    def shown(message: Message) -> None:
        at_s[message.message_id]["shown"] = world.now_s
        world.at(world.now_s + reads_after_s, read, message)

    def read(message: Message) -> None:
        with world.on("ben"):
            ben.app.chat.mark_read(ROOM, message.offset)

    def is_read() -> bool:
        return len(at_s) == messages and all(MessageStatus.READ in its for its in at_s.values())

    await world.eventually(lambda: ana.app.is_settled and ben.app.is_settled, within_s=DRAIN_S)
    ana.app.chat.room(ROOM).observe(look)
    ben.app.chat.on("message", shown)
    draw = world.rng("writes")
    for n in range(messages):
        await asyncio.sleep(draw.expovariate(1 / every_s))
        with world.on("ana"):
            ana.app.send(ROOM, f"message {n:03}")
    await world.eventually(is_read, within_s=DRAIN_S)
    return [_life(its) for its in at_s.values()]


def _life(its: dict[str, float]) -> Life:
    """A message may go on to delivered or read at once."""
    pending, read = its[MessageStatus.PENDING], its[MessageStatus.READ]
    delivered = its.get(MessageStatus.DELIVERED, read)
    sent = its.get(MessageStatus.SENT, delivered)
    return Life(*(each - pending for each in (sent, its["shown"], delivered, read)))


async def _come_back(profile: str, missed: int, world: World) -> Absence:
    engine = MemoryEngine(rng=world.rng("engine"))
    [ana] = _town(world, engine, ana=profile)
    await world.eventually(lambda: ana.app.is_settled, within_s=DRAIN_S)
    world.background("ana")
    await asyncio.sleep(ASLEEP_S)
    with world.on("server"):
        write_log(engine, missed)
    start_s, loaded = world.now_s, [0]
    shown: list[tuple[float, int]] = []
    told: list[tuple[float, int]] = []

    def look(state: RoomState) -> None:
        loaded.append(len(state.messages))
        newest = state.messages[-1].offset if state.messages else None
        if newest is not None and (not shown or shown[-1][1] != newest):
            shown.append((world.now_s - start_s, newest))

    ana.app.chat.room(ROOM).observe(look)
    ana.app.chat.on("message", lambda message: told.append((world.now_s - start_s, message.offset)))
    world.foreground("ana")
    await world.eventually(lambda: len(told) == missed, within_s=DRAIN_S)
    end_shown_s = next(at_s for at_s, newest in shown if newest == missed)
    return Absence(end_shown_s, shown, told, max(loaded))


def _town(world: World, engine: MemoryEngine | None = None, **profiles: str) -> list[Machine]:
    """A server, and a phone in the room for each user and profile."""
    engine = engine or MemoryEngine(rng=world.rng("engine"))
    world.machine("server", lambda machine: SimServer(world, machine, engine=engine))
    return [
        world.machine(name, lambda machine: SimPhone(world, machine, user_id=machine.name, rooms=(ROOM,)), profile=each)
        for name, each in profiles.items()
    ]
