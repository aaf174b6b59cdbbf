"""Questions to the simulated world, asked of many phones, profiles and seeds; the answers are lists and tables."""

from __future__ import annotations

import asyncio
import functools
import statistics
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from realtime.lab.backoff_policies import POLICIES
from realtime.lab.scenarios.herd import Herd, play
from realtime.lab.sim_phone import SimPhone
from realtime.lab.sim_server import SimServer
from realtime.server.engine.memory import MemoryEngine
from realtime.sim.world import simulate

if TYPE_CHECKING:
    from realtime.chat.message import Message
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

ROOM = "lobby"
DRAIN_S = 1800.0
"""A message that did not arrive within this of the last one is stuck: TCP's pauses grow to two minutes at most."""


def herds(policies: Iterable[str] = POLICIES, *, phones: int, handshakes_per_s: int, seed: int = 0) -> dict[str, Herd]:
    """A crowd loses its server for a minute and comes back, once with each policy.

    Args:
        policies: names in :data:`~realtime.lab.backoff_policies.POLICIES`.
        phones: how many.
        handshakes_per_s: the server's limit.
        seed: of all runs.
    """
    crowd = functools.partial(play, phones=phones, handshakes_per_s=handshakes_per_s)
    return {policy: simulate(functools.partial(crowd, policy=policy), seed=seed).result for policy in policies}


def herd_table(found: Mapping[str, Herd]) -> pd.DataFrame:
    """Herds side by side: seconds, attempts and handshakes after the return of the server."""
    return pd.DataFrame({policy: _herd_row(herd) for policy, herd in found.items()}).T.convert_dtypes()


def _herd_row(herd: Herd) -> dict[str, float]:
    back_s, knocks = sorted(herd.back_s.values()), sorted(herd.knocks.values())
    return {
        "half back after s": round(statistics.median_low(back_s), 1),
        "all back after s": round(back_s[-1], 1) if len(back_s) == herd.phones else float("inf"),
        "most attempts in 1 s": herd.busiest_attempts,
        "most handshakes in 1 s": herd.busiest_handshakes,
        "refused": herd.refused,
        "attempts of a phone: half": statistics.median_low(knocks),
        "99 %": knocks[-1 - len(knocks) // 100],
        "most": knocks[-1],
    }


def deliveries_s(profile: str, *, seed: int = 0, messages: int = 60, every_s: float = 3.0) -> list[float]:
    """How long each message of a phone took to another one, which is on Wi-Fi; in seconds.

    Args:
        profile: of the sender's network.
        seed: of the run.
        messages: how many are sent.
        every_s: the mean of the random times between two of them.

    Raises:
        Broken: one of them did not arrive.
    """

    async def main(world: World) -> list[float]:
        ana, ben = _two_phones(world, profile)
        sent_s: dict[str, float] = {}
        found: list[float] = []

        def arrived(message: Message) -> None:
            found.append(world.now_s - sent_s[message.message_id])

        ben.app.chat.on("message", arrived)
        await world.eventually(lambda: ana.app.is_settled and ben.app.is_settled, within_s=DRAIN_S)
        draw = world.rng("writes")
        for n in range(messages):
            await asyncio.sleep(draw.expovariate(1 / every_s))
            with world.on("ana"):
                sent_s[ana.app.send(ROOM, f"message {n:03}").message_id] = world.now_s
        await world.eventually(lambda: len(found) == messages, within_s=DRAIN_S)
        return found

    return simulate(main, seed=seed).result


def silent_deaths_s(*, ping_interval_s: float, ping_timeout_s: float, phones: int = 40, seed: int = 0) -> list[float]:
    """How long phones take to find out that their server is dead, when nothing tells them; in seconds.

    Each loses it at a random moment between two pings, by a connection that swallows everything.

    Args:
        ping_interval_s: from one ping of the server to the next.
        ping_timeout_s: and so late it may be.
        phones: how many.
        seed: of the run.
    """

    async def main(world: World) -> list[float]:
        engine = MemoryEngine(rng=world.rng("engine"))
        timing: dict[str, Any] = {"ping_interval_s": ping_interval_s, "ping_timeout_s": ping_timeout_s}
        world.machine("server", lambda machine: SimServer(world, machine, engine=engine, **timing))
        found: list[float] = []
        draw = world.rng("deaths")
        for n in range(phones):
            name = f"phone-{n}"
            machine = world.machine(name, _phone(world), profile="lte")
            dies_s = 30 + draw.uniform(0, ping_interval_s)
            world.at(dies_s).unplug(name)
            machine.app.socket.on("disconnect", lambda reason, dies_s=dies_s: found.append(world.now_s - dies_s))
        await world.eventually(lambda: len(found) == phones, within_s=60 + 2 * (ping_interval_s + ping_timeout_s))
        return found

    return simulate(main, seed=seed).result


def _two_phones(world: World, profile: str) -> tuple[Machine, Machine]:
    engine = MemoryEngine(rng=world.rng("engine"))
    world.machine("server", lambda machine: SimServer(world, machine, engine=engine))
    return world.machine("ana", _phone(world), profile=profile), world.machine("ben", _phone(world), profile="wifi")


def _phone(world: World) -> Callable[[Machine], SimPhone]:
    return lambda machine: SimPhone(world, machine, user_id=machine.name, rooms=(ROOM,))
