"""What notifications go through: how soon they show, by which way, how often, and what becomes of those that fail."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from realtime.connection.app_state import BackgroundPolicy
from realtime.lab.experiments import DRAIN_S, ROOM
from realtime.lab.sim_phone import SimPhone
from realtime.lab.sim_server import SimServer
from realtime.lab.sim_tray import LAG_S, SimTray
from realtime.notifications.notification_queue import Status
from realtime.server.engine.memory import MemoryEngine
from realtime.server.push.deliveries import DeadLetter
from realtime.server.push.gateway import Delivered, Gone, Outcome, Parcel, Rejected, TryAgain
from realtime.server.push.local_gateway import LocalGateway
from realtime.sim.history import History, Notified
from realtime.sim.world import simulate

if TYPE_CHECKING:
    from realtime.chat.message import Message
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

APPS = ("in the room", "in another room", "in the background", "killed")
"""Where a user is when it is written in a room: looking at it, at another one, at another app; or the app is dead."""

_WORDS = {Delivered: "delivered", TryAgain: "try again", Gone: "gone", Rejected: "rejected"}


class MoodyGateway(LocalGateway):
    """A push service that is down at times, and refuses what it is told to; it notes each try.

    Args:
        now_s: the time.

    Attributes:
        attempts: each try: (seconds, id of the push, outcome).
        down_until_s: so long it answers that it is out of order.
        retry_after_s: what it asks for then, in seconds; None: nothing.
        refuses: the ids of pushes that it will never take.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        super().__init__()
        self._now_s = now_s
        self.attempts: list[tuple[float, str, str]] = []
        self.down_until_s = 0.0
        self.retry_after_s: float | None = None
        self.refuses: set[str] = set()

    async def send(self, batch: Sequence[Parcel]) -> list[Outcome]:
        """See :class:`~realtime.server.push.gateway.Gateway`."""
        outcomes = [await self._judge(parcel) for parcel in batch]
        now_s = self._now_s()
        names = [_WORDS[type(outcome)] for outcome in outcomes]
        self.attempts += [(now_s, parcel.push.id, name) for parcel, name in zip(batch, names, strict=True)]
        return outcomes

    async def _judge(self, parcel: Parcel) -> Outcome:
        if self._now_s() < self.down_until_s:
            return TryAgain("HTTP 503", self.retry_after_s)
        if parcel.push.id in self.refuses:
            return Rejected("the payload is too large")
        [outcome] = await super().send([parcel])
        return outcome


class Race(NamedTuple):
    """What became of messages that came by socket, by push, or by both.

    Args:
        sent: how many there were.
        by_socket: how many notifications the app showed.
        by_push: how many the system showed; one may stand for several messages.
        both_came: how many came by push, and by socket as well.
        made_way: how many waited for their turn in the app until a newer one of the room took their place.
        twice: the ids of those whose text was shown more than once.
        never: the ids of those that no notification stood for, and that made way for none.
    """

    sent: int
    by_socket: int
    by_push: int
    both_came: int
    made_way: int
    twice: tuple[str, ...]
    never: tuple[str, ...]


class Tries(NamedTuple):
    """What became of pushes whose service is out of order.

    Args:
        attempts: each try: (seconds after the first, id of the push, outcome).
        shown: the ids of those that were shown in the end.
        dead_letters: the server's report of those that it gave up.
    """

    attempts: list[tuple[float, str, str]]
    shown: tuple[str, ...]
    dead_letters: pd.DataFrame


class PushTown:
    """A server with pushes, and phones with a tray; what is shown is noted.

    Args:
        world: where they are.
        gateway: the push service; by default one that always works.
    """

    def __init__(self, world: World, gateway: LocalGateway | None = None) -> None:
        self.world = world
        self.gateway = LocalGateway() if gateway is None else gateway
        self.history = History(lambda: world.now_s)
        engine = MemoryEngine(rng=world.rng("engine"))
        self.server = world.machine(
            "server", lambda machine: SimServer(world, machine, engine=engine, gateway=self.gateway)
        )

    async def phone(
        self,
        name: str,
        *,
        user_id: str | None = None,
        profile: str = "lte",
        lag_s: tuple[float, float] = LAG_S,
        **options: Any,
    ) -> Machine:
        """A phone that is in the lobby, and registered for pushes.

        Args:
            name: the device's.
            user_id: whose it is; by default the device's name.
            profile: of its network.
            lag_s: what a push takes, in seconds, at least and at most.
            options: of :class:`~realtime.lab.sim_phone.SimPhone`.
        """
        world, history = self.world, self.history
        tray = SimTray(world, self.gateway, name, history=history, lag_s=lag_s)
        options = {"user_id": user_id or name, **options}
        machine = world.machine(
            name, lambda machine: SimPhone(world, machine, tray=tray, history=history, **options), profile=profile
        )

        def is_ready() -> bool:
            phone: SimPhone = machine.app
            return phone.is_settled and phone.push.state.snapshot.is_registered

        await world.eventually(is_ready, within_s=DRAIN_S)
        return machine

    def shown(self, device: str) -> list[Notified]:
        """What a device has shown as notifications so far."""
        return [each for each in self.history.records if isinstance(each, Notified) and each.device == device]

    def notify(self, user_id: str, notification_id: str, title: str, **options: Any) -> None:
        """The server tells a user something."""
        with self.world.on("server"):
            self.server.app.server.notify(user_id, id=notification_id, title=title, **options)


def shown_after_s(profile: str, app: str, *, messages: int = 20, every_s: float = 30.0, seed: int = 0) -> list[float]:
    """How long after its sending each message was first shown, by whichever way; in seconds.

    Args:
        profile: of the receiver's network; the sender is on Wi-Fi.
        app: one of :data:`APPS`.
        messages: how many are sent.
        every_s: the mean of the random times between two of them.
        seed: of the run.

    Raises:
        Broken: one of them was never shown.
    """
    return simulate(functools.partial(_receive, profile, app, messages, every_s), seed=seed).result


async def _receive(profile: str, app: str, messages: int, every_s: float, world: World) -> list[float]:
    town = PushTown(world)
    ana, ben = await town.phone("ana", profile="wifi"), await town.phone("ben", profile=profile)
    sent_s: dict[str, float] = {}
    found_s: dict[str, float] = {}

    def read(message: Message) -> None:
        found_s.setdefault(message.message_id, world.now_s - sent_s[message.message_id])

    def all_shown() -> bool:
        for record in town.shown("ben"):
            for name in record.names:
                found_s.setdefault(name, record.t_s - sent_s[name])
        return len(found_s) == messages

    if app == "in the room":
        ben.app.push.looking_at = ROOM
        ben.app.chat.on("message", read)
    elif app == "in the background":
        world.background("ben")
    elif app == "killed":
        world.kill_app("ben")
    await asyncio.sleep(60)  # the server has found out
    draw = world.rng("writes")
    for n in range(messages):
        await asyncio.sleep(draw.expovariate(1 / every_s))
        with world.on("ana"):
            sent_s[ana.app.send(ROOM, f"message {n:03}").message_id] = world.now_s
    await world.eventually(all_shown, within_s=DRAIN_S)
    return list(found_s.values())


def race(seed: int, *, messages: int = 10, lag_s: tuple[float, float] = (0.0, 6.0)) -> Race:
    """Naps, outages, resets and a slow push service, at random; then everything heals.

    Every other seed's phone keeps its connection in the background, so that it hears by socket what is pushed as well.

    Args:
        seed: of the run.
        messages: how many are sent.
        lag_s: what a push takes, in seconds, at least and at most.
    """
    return simulate(functools.partial(_race, messages, lag_s), seed=seed).result


async def _race(messages: int, lag_s: tuple[float, float], world: World) -> Race:
    gateway = MoodyGateway(lambda: world.now_s)
    town = PushTown(world, gateway)
    policy = BackgroundPolicy.KEEP if world.seed % 2 else BackgroundPolicy.DISCONNECT
    ana, ben = await town.phone("ana"), await town.phone("ben", lag_s=lag_s, background=policy, on_disk=True)
    heard: list[str] = []
    ben.app.chat.on("message", lambda message: heard.append(message.message_id))
    draw = world.rng("script")
    sent: list[str] = []
    for n in range(messages):
        match draw.choice(["nap", "wake", "outage", "reset", "nothing"]):
            case "nap":
                world.background("ben")
            case "wake":
                world.foreground("ben")
            case "outage":
                world.outage("ben", for_s=draw.uniform(0.5, 8))
            case "reset":
                world.reset("ben")
        await asyncio.sleep(draw.uniform(0, 3))
        with world.on("ana"):
            sent.append(ana.app.send(ROOM, f"message {n}").message_id)
        await asyncio.sleep(draw.uniform(0, 5))
    await asyncio.sleep(60)
    world.foreground("ben")
    await asyncio.sleep(120)
    shown = town.shown("ben")
    texts = Counter(record.names[0] for record in shown)
    covered = {name for record in shown for name in record.names}
    late = {
        entry.notification.id
        for entry in ben.app.in_app.state.snapshot.entries
        if entry.status is Status.REPLACED and entry.shown_ms is None
    }
    pushed = {push_id for _, push_id, outcome in gateway.attempts if outcome == "delivered"}
    return Race(
        sent=len(sent),
        by_socket=sum(record.way == "app" for record in shown),
        by_push=sum(record.way == "push" for record in shown),
        both_came=sum(each in pushed for each in heard),
        made_way=len(late - covered),
        twice=tuple(name for name, count in texts.items() if count > 1),
        never=tuple(each for each in sent if each not in covered and each not in late),
    )


def tries(*, down_s: float, pushes: int = 3, retry_after_s: float | None = None, seed: int = 0) -> Tries:
    """The push service of somebody in the background is out of order.

    Args:
        down_s: for how long, in seconds from the first push.
        pushes: how many there are, a second after each other.
        retry_after_s: what the service asks for meanwhile; None: nothing.
        seed: of the run.
    """
    script = functools.partial(_try, down_s, pushes, retry_after_s)
    return simulate(script, seed=seed, max_virtual_s=4 * DRAIN_S).result


async def _try(down_s: float, pushes: int, retry_after_s: float | None, world: World) -> Tries:
    gateway = MoodyGateway(lambda: world.now_s)
    town = PushTown(world, gateway)
    await town.phone("ben", profile="wifi")
    world.background("ben")
    await asyncio.sleep(60)
    start_s = world.now_s
    gateway.down_until_s, gateway.retry_after_s = start_s + down_s, retry_after_s
    for n in range(pushes):
        town.notify("ben", f"push {n}", "The match begins")
        await asyncio.sleep(1)
    await asyncio.sleep(DRAIN_S)
    letters = town.server.app.server.push.dead_letters
    return Tries(
        attempts=[(at_s - start_s, push_id, outcome) for at_s, push_id, outcome in gateway.attempts],
        shown=tuple(name for record in town.shown("ben") for name in record.names),
        dead_letters=pd.DataFrame(letters, columns=list(DeadLetter._fields)),
    )
