"""A crowd of phones loses its server, and all come back when it does.

What is promised: within no second are more let in than the server's limit, all are back within a bound that can be
computed, and nobody has to wait much longer than the others.
"""

from __future__ import annotations

import asyncio
import itertools
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from realtime.connection.app_state import AppState
from realtime.connection.reconnection_strategy import ReconnectionStrategy
from realtime.connection.socket_manager import SocketManager
from realtime.lab.backoff_policies import POLICIES
from realtime.lab.scenarios.networks import give_network
from realtime.lab.sim_phone import URL, SimPhone
from realtime.lab.sim_server import SimServer
from realtime.server.engine.memory import MemoryEngine
from realtime.sim.checkers import check
from realtime.sim.history import History
from realtime.sim.report import Latency, Report, Violation, in_time

if TYPE_CHECKING:
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

PHONES = 1000
HANDSHAKES_PER_S = 50
OUTAGE_S = 60.0
CAP_S = 20.0
"""The longest window of the default backoff."""
SLACK_S = 3.0
"""``Retry-After`` is rounded up to a whole second; a handshake takes four round trips."""
GIVE_UP_S = 600.0
"""So long after its return, the scenario stops waiting for the last phone."""
CHATTERS = 12
"""So many of the phones have a chat, in rooms of four, and write a message during the outage."""

COME_S = 5.0
"""All phones come within this, before there is any limit."""
CALM_S = 15.0
"""Then nothing happens for longer than what counts as a stable connection."""
_STEP_S = 0.1  # how often the server's counters are read


class Sample(NamedTuple):
    """The server's counters, ``t_s`` seconds after its return."""

    t_s: float
    handshakes: int
    refused: int


@dataclass(frozen=True, slots=True)
class Herd:
    """What came of a herd. Times are seconds after the return of the server.

    Args:
        policy: how the phones came back.
        phones: how many there were.
        limit: handshakes per second.
        attempts: how often each phone tried, from the loss to its return.
        knocks: how many of them were made after the return of the server.
        attempt_times_s: of all attempts, in order; negative during the outage.
        back_s: when each phone that came back did.
        samples: the server's counters, every tenth of a second.
        history: of the phones that have a chat.
    """

    policy: str
    phones: int
    limit: int
    history: History
    attempts: dict[str, int] = field(default_factory=dict)
    knocks: dict[str, int] = field(default_factory=dict)
    attempt_times_s: list[float] = field(default_factory=list)
    back_s: dict[str, float] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)

    @property
    def bound_s(self) -> float:
        """Until when all phones must be back that wait by the library's default.

        Each knocks for the first time within the cap of its backoff. If it is refused it is given a place in a line of
        those who are outside, and comes at most the cap later, by its jitter. Since jitter makes them come at random,
        and nobody waits at the door, the places are used as the lines of a telephone exchange are: a share of
        :func:`unused` stays free, and those who found theirs taken get another one.
        """
        return self.phones / (self.limit * (1 - unused(self.limit))) + 2 * CAP_S + SLACK_S

    @property
    def handshakes(self) -> int:
        """How many phones the server let in."""
        return self.samples[-1].handshakes

    @property
    def refused(self) -> int:
        """How often it told one to come again."""
        return self.samples[-1].refused

    @property
    def busiest_handshakes(self) -> int:
        """The most that were let in within one second."""
        return max(later - earlier for earlier, later in _a_second_apart([each.handshakes for each in self.samples]))

    @property
    def busiest_attempts(self) -> int:
        """The most attempts within one second, after the return."""
        times = [at for at in self.attempt_times_s if at >= 0]
        return max((bisect_right(times, at + 1) - n for n, at in enumerate(times)), default=0)


def unused(limit: int) -> float:
    """Erlang's B formula: the share of calls at random that find all lines taken, of as many as there are lines."""
    blocked = 1.0
    for lines in range(1, limit + 1):
        blocked = limit * blocked / (lines + limit * blocked)
    return blocked


async def main(world: World, *, profile: str | None = None, trace: str | None = None) -> Report:
    """A thousand phones with the library's default backoff.

    Args:
        world: where.
        profile: the phones' network; LTE by default.
        trace: a file that it follows instead.
    """
    herd = await play(world, profile=profile, trace=trace)
    report = check(herd.history)
    return msgspec.structs.replace(
        report,
        violations=tuple(in_time([*report.violations, *broken(herd, world.now_s)])),
        latencies={**report.latencies, "back": Latency.of(herd.back_s.values())},
    )


def broken(herd: Herd, now_s: float) -> Iterable[Violation]:
    """What of a herd is not as promised."""
    if herd.busiest_handshakes > herd.limit:
        words = f"{herd.busiest_handshakes} were let in within a second, where {herd.limit} is the limit"
        yield Violation("over the limit", words, now_s)
    for name in herd.attempts:
        back_s = herd.back_s.get(name)
        if back_s is None or back_s > herd.bound_s:
            when = "not back" if back_s is None else f"back after {back_s:.3f} s"
            words = f"{name} is {when}, where {herd.bound_s:.3f} s is the bound; it tried {herd.attempts[name]} times"
            yield Violation("late return", words, now_s)


async def play(
    world: World,
    *,
    policy: str = "full jitter",
    phones: int | None = None,
    handshakes_per_s: int | None = None,
    profile: str | None = None,
    trace: str | None = None,
) -> Herd:
    """Let the phones come, the server go and return, and wait until all are back.

    Args:
        world: where.
        policy: one of :data:`~realtime.lab.backoff_policies.POLICIES`.
        phones: how many; :data:`PHONES` by default.
        handshakes_per_s: the server's limit after its return; :data:`HANDSHAKES_PER_S` by default.
        profile: the phones' network; LTE by default.
        trace: a file that it follows instead.
    """
    phones, limit = PHONES if phones is None else phones, handshakes_per_s or HANDSHAKES_PER_S
    history = History(lambda: world.now_s)
    crowd = _Crowd(world, Herd(policy, phones, limit, history))
    crowd.open(limit)
    for n in range(phones):
        await world.until(COME_S * n / phones)
        crowd.come(f"phone-{n:04}", None if n >= CHATTERS else f"room-{n // 4}", profile, trace)
    await world.eventually(lambda: crowd.connected == phones, within_s=60)
    await crowd.lose_the_server()
    return crowd.herd


class _Crowd:
    """The phones and their server.

    Args:
        world: where.
        herd: what comes of them is written down there.
    """

    def __init__(self, world: World, herd: Herd) -> None:
        self.herd = herd
        self._world = world
        self._machines: list[Machine] = []
        self._returns_s = float("inf")

    def open(self, limit: int) -> None:
        """Start the server: its first run lets everybody in, the later ones so many in a second."""
        world, engine = self._world, MemoryEngine(rng=self._world.rng("engine"))

        def make(machine: Machine) -> SimServer:
            is_first = machine.process.number == 1
            return SimServer(world, machine, engine=engine, handshakes_per_s=None if is_first else limit)

        self._server = world.machine("server", make)
        world.on_fault = lambda verb, args: self.herd.history.fault(verb)

    def come(self, name: str, room_id: str | None, profile: str | None, trace: str | None) -> None:
        """One more phone."""
        world = self._world
        strategy = POLICIES[self.herd.policy](world.rng(f"{name}: backoff"))
        world.set_profile(name, "lte")
        give_network(world, name, profile, trace)

        def make(machine: Machine) -> SimPhone | _Quiet:
            if room_id is None:
                phone: SimPhone | _Quiet = _Quiet(name, strategy)
                phone.socket.on("reconnect", lambda attempt: self.herd.history.reconnect(name))
            else:
                options = {"rooms": (room_id,), "history": self.herd.history, "reconnection": strategy}
                phone = SimPhone(world, machine, user_id=name, **options)  # type: ignore[arg-type]
            self._watch(name, phone.socket)
            return phone

        self._machines.append(world.machine(name, make))

    def _watch(self, name: str, socket: SocketManager) -> None:
        herd, world = self.herd, self._world
        herd.attempts[name] = herd.knocks[name] = 0

        def tries(attempt: int, delay_s: float) -> None:
            at_s = world.now_s + delay_s
            herd.attempts[name] += 1
            herd.knocks[name] += at_s >= self._returns_s
            herd.attempt_times_s.append(at_s - self._returns_s)

        def is_back(attempt: int) -> None:
            herd.back_s[name] = world.now_s - self._returns_s

        socket.on("reconnect_attempt", tries)
        socket.on("reconnect", is_back)

    @property
    def connected(self) -> int:
        """How many phones are."""
        return sum(machine.app.socket.connected for machine in self._machines)

    async def lose_the_server(self) -> None:
        """It is killed, its users write, it comes back, and so do they."""
        world, herd = self._world, self.herd
        await world.until(world.now_s + CALM_S)
        self._returns_s = world.now_s + OUTAGE_S
        world.kill_app("server", for_s=OUTAGE_S)
        await world.until(self._returns_s - OUTAGE_S / 2)
        chatters = [machine for machine in self._machines if isinstance(machine.app, SimPhone)]
        for machine in chatters:
            with world.on(machine.name):
                machine.app.send(machine.app.rooms[0], f"{machine.name} is still here")
        await world.until(self._returns_s)
        herd.history.healed()
        while len(herd.back_s) < herd.phones and world.now_s < self._returns_s + GIVE_UP_S:
            self._sample()
            await asyncio.sleep(_STEP_S)
        self._sample()
        await self._settle(chatters)
        herd.attempt_times_s.sort()

    def _sample(self) -> None:
        stats = self._server.app.server.stats
        t_s = self._world.now_s - self._returns_s
        self.herd.samples.append(Sample(t_s, stats.handshakes, stats.handshakes_refused))

    async def _settle(self, chatters: Sequence[Machine]) -> None:
        for _ in range(100):
            if all(machine.app.is_settled for machine in chatters):
                break
            await asyncio.sleep(_STEP_S)
        await asyncio.sleep(1)  # the last broadcast
        for machine in chatters:
            machine.app.show()


class _Quiet:
    """A phone that is only connected.

    Args:
        name: of the device and its user.
        strategy: when it tries again.
    """

    def __init__(self, name: str, strategy: ReconnectionStrategy) -> None:
        self.app_state = AppState()
        self.socket = SocketManager(
            URL,
            auth={"userId": name, "deviceId": name},
            name=name,
            reconnection=strategy,
            app_state=self.app_state,
        )

    async def start(self) -> None:
        """Connect, for ever."""
        await self.socket.connect(wait=False)

    def background(self) -> None:
        """The app goes out of sight."""
        self.app_state.background()

    def foreground(self) -> None:
        """The app comes back."""
        self.app_state.foreground()


def _a_second_apart(counts: Sequence[int]) -> Iterable[tuple[int, int]]:
    steps = round(1 / _STEP_S)
    padded = [*itertools.repeat(0, steps), *counts]
    return zip(padded, counts, strict=False)
