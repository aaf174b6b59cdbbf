"""What presence goes through: absences that others see or not, ghosts and how long they stay, the price of a change."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from msgspec import UNSET

from realtime.lab.experiments import DRAIN_S, ROOM
from realtime.lab.sim_phone import SimPhone
from realtime.lab.sim_server import SimServer
from realtime.presence.presence_state import RoomPresence
from realtime.presence.wire import LeftMember, Member, PresenceDiff
from realtime.server import messages
from realtime.server.engine.memory import MemoryEngine
from realtime.server.presence_events import BATCH_S, GRACE_S
from realtime.server.presence_rooms import PresenceRooms
from realtime.sim.world import simulate

if TYPE_CHECKING:
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

GLANCE_S = 10.0, 1.2
"""A look at another app: half are shorter than the first, in seconds; the second is the spread, of their logarithm."""

ENDS = ("leaves the room", "goes to the background", "is killed", "loses its network")
"""How somebody stops to be there: by a word, by a word and a silence, by the system's word, and by none at all."""


# --- flickers


def absences_s(
    profile: str, *, grace_s: float = 0.0, hours: float = 1.0, glances_per_h: float = 0.0, seed: int = 0
) -> list[float]:
    """How long others saw somebody gone, each time before the return; in seconds.

    Ben's app runs all the time. Without a grace, each of his absences is seen; a grace hides those that are shorter.

    Args:
        profile: of ben's network; who watches is on Wi-Fi.
        grace_s: the server's.
        hours: how long they watch.
        glances_per_h: how often he looks at another app, at random; see :data:`GLANCE_S`.
        seed: of the run.
    """
    script = functools.partial(_watch, profile, grace_s, hours * 3600, glances_per_h)
    return simulate(script, seed=seed, max_virtual_s=hours * 3600 + DRAIN_S).result


async def _watch(profile: str, grace_s: float, length_s: float, glances_per_h: float, world: World) -> list[float]:
    _server(world, presence_grace_s=grace_s)
    ana, ben = _phone(world, "ana", "wifi"), _phone(world, "ben", profile)
    await world.eventually(lambda: ana.app.is_settled and ben.app.is_settled, within_s=DRAIN_S)
    start_s = world.now_s
    if glances_per_h:
        _plan_glances(world, start_s, start_s + length_s, glances_per_h)
    gone_s: list[float] = []
    found: list[float] = []
    ana.app.presence.on("leave", lambda room_id, member: gone_s.append(world.now_s))
    ana.app.presence.on("join", lambda room_id, member: found.append(world.now_s - gone_s[-1]) if gone_s else None)
    await world.until(start_s + length_s)
    return found


def _plan_glances(world: World, start_s: float, end_s: float, per_h: float) -> None:
    draw = world.rng("glances")
    median_s, spread = GLANCE_S
    at_s = start_s
    while (at_s := at_s + draw.expovariate(per_h / 3600)) < end_s:
        for_s = median_s * draw.lognormvariate(0, spread)
        world.at(at_s).background("ben", for_s=for_s)
        at_s += for_s


# --- ghosts


def gone_after_s(
    end: str,
    *,
    phones: int = 40,
    ping_interval_s: float = 25.0,
    ping_timeout_s: float = 20.0,
    grace_s: float = GRACE_S,
    seed: int = 0,
) -> list[float]:
    """How long phones are shown as members after they are none; in seconds.

    Each of them ends at a random moment between two pings.

    Args:
        end: one of :data:`ENDS`.
        phones: how many.
        ping_interval_s: from one ping of the server to the next.
        ping_timeout_s: and so late its answer may be.
        grace_s: the server's.
        seed: of the run.

    Raises:
        Broken: one of them is still shown long after the bound.
    """
    timing = {"ping_interval_s": ping_interval_s, "ping_timeout_s": ping_timeout_s}
    bound = bound_s(end, **timing, grace_s=grace_s)
    script = functools.partial(_disappear, end, phones, bound, {**timing, "presence_grace_s": grace_s})
    return simulate(script, seed=seed).result


def bound_s(
    end: str, *, ping_interval_s: float = 25.0, ping_timeout_s: float = 20.0, grace_s: float = GRACE_S
) -> float:
    """How long a phone can be shown after its end, but for the time that packets take; in seconds."""
    return {
        "leaves the room": BATCH_S,
        "goes to the background": grace_s + BATCH_S,
        "is killed": grace_s + BATCH_S,
        "loses its network": ping_interval_s + ping_timeout_s + grace_s + BATCH_S,
    }[end]


async def _disappear(end: str, phones: int, bound: float, options: Mapping[str, float], world: World) -> list[float]:
    _server(world, **options)
    ana = _phone(world, "ana", "wifi")
    draw = world.rng("ends")
    ends_s: dict[str, float] = {}
    found: list[float] = []
    for n in range(phones):
        name = f"phone-{n:03}"
        _phone(world, name, "lte", tracks_presence=False)
        ends_s[name] = 30 + draw.uniform(0, options["ping_interval_s"])
        world.at(ends_s[name], _end, world, end, name)
    ana.app.presence.on("leave", lambda room_id, member: found.append(world.now_s - ends_s[member.device_id]))
    await world.eventually(lambda: len(found) == phones, within_s=120 + 2 * bound)
    return found


async def _end(world: World, end: str, name: str) -> None:
    phone: SimPhone = world.machines[name].app
    if end == "leaves the room":
        with world.on(name):
            await phone.leave(ROOM)
    elif end == "goes to the background":
        world.background(name)
    elif end == "is killed":
        world.kill_app(name)
    else:
        world.unplug(name)


# --- sizes


class Sizes(NamedTuple):
    """Bytes of JSON: of everybody in a room, and of one member who comes."""

    snapshot_bytes: int
    diff_bytes: int


def sizes(members: int, *, text: str | None = None, meta: Mapping[str, Any] | None = None) -> Sizes:
    """What the server writes to a phone that enters a room, and to each that is there when somebody comes.

    Args:
        members: in the room.
        text: of each member.
        meta: of each member.
    """
    rooms = PresenceRooms(epoch="LBVBIOYBUUGF", batch_s=0.0, grace_s=0.0)
    for n in range(members):
        rooms.put(ROOM, _entry(n, text, meta), 0.0)
    rooms.handle_timer(0.0)
    everybody = messages.SyncReply(members=rooms.show(ROOM, "user-0000"), epoch=rooms.epoch, n=rooms.n(ROOM))
    rooms.put(ROOM, _entry(members, text, meta), 1.0)
    [diff] = rooms.handle_timer(1.0)
    change = messages.PresenceDiff(ROOM, diff.joins, diff.leaves, 1 if diff.n is None else diff.n)
    return Sizes(len(messages.encode(everybody)), len(messages.encode(change)))


def _entry(n: int, text: str | None, meta: Mapping[str, Any] | None) -> messages.PresentMember:
    return messages.PresentMember(
        f"user-{n:04}", "phone", "active", "online", 1_767_225_600_000, text or UNSET, dict(meta) if meta else UNSET
    )


# --- orders


class State(Protocol):
    """What a phone makes of snapshots and diffs, as :class:`~realtime.presence.presence_state.PresenceState`."""

    @property
    def wants_sync(self) -> bool:
        """Whether it asks for a snapshot."""
        ...

    def snapshot(self, members: Iterable[Member], epoch: str, n: int) -> object:
        """Everybody, as of diff ``n``."""
        ...

    def diff(self, diff: PresenceDiff) -> object:
        """Who came, changed and left."""
        ...

    def room(self) -> RoomPresence:
        """The picture now."""
        ...


class Naive:
    """Believes whatever comes, in the order in which it comes."""

    wants_sync = False

    def __init__(self) -> None:
        self._members: dict[str, Member] = {}

    def snapshot(self, members: Iterable[Member], epoch: str, n: int) -> None:
        """Everybody, it seems."""
        self._members = {member.user_id: member for member in members}

    def diff(self, diff: PresenceDiff) -> None:
        """Who came and left, it seems."""
        self._members |= {member.user_id: member for member in diff.joins}
        for leaver in diff.leaves:
            self._members.pop(leaver.user_id, None)

    def room(self) -> RoomPresence:
        """The picture now."""
        return RoomPresence(ROOM, tuple(self._members.values()), True)


class Told(NamedTuple):
    """A room's story as a network may tell it.

    Args:
        heard: snapshots, as (number, users), and diffs.
        truth: the users in the end.
        last_n: the number of the last diff.
    """

    heard: list[tuple[int, frozenset[str]] | PresenceDiff]
    truth: frozenset[str]
    last_n: int


def told_in_any_order(rng: random.Random, *, changes: int = 20) -> Told:
    """Members come and go; the diffs are shuffled, some come twice, some never; a snapshot comes somewhere.

    The last diff comes, and comes last: from it a phone can know whether it lacks one.
    """
    truth: set[str] = set()
    truths = [frozenset(truth)]
    diffs: list[PresenceDiff] = []
    for n in range(1, changes + 1):
        user_id = rng.choice(("ana", "ben", "cem", "dora", "emil"))
        if user_id in truth:
            diffs.append(PresenceDiff(ROOM, (), (LeftMember(user_id, "phone"),), n))
        else:
            diffs.append(PresenceDiff(ROOM, (Member(user_id, "phone"),), (), n))
        truth ^= {user_id}
        truths.append(frozenset(truth))
    heard: list[tuple[int, frozenset[str]] | PresenceDiff] = [each for each in diffs[:-1] if rng.random() < 0.9]
    heard += rng.sample(diffs[:-1], min(3, changes - 1))
    n = rng.randrange(changes)
    heard.append((n, truths[n]))
    rng.shuffle(heard)
    return Told([*heard, diffs[-1]], truths[-1], changes)


def heard_of(state: State, told: Told) -> frozenset[str]:
    """The users that are shown in the end, where a snapshot is brought to whoever asks for one."""
    for each in told.heard:
        if isinstance(each, PresenceDiff):
            state.diff(each)
        else:
            n, users = each
            state.snapshot([Member(user_id, "phone") for user_id in sorted(users)], "epoch", n)
    if state.wants_sync:
        state.snapshot([Member(user_id, "phone") for user_id in sorted(told.truth)], "epoch", told.last_n)
    return frozenset(member.user_id for member in state.room().members)


# --- the town


def _server(world: World, **options: Any) -> None:
    engine = MemoryEngine(rng=world.rng("engine"))
    world.machine("server", lambda machine: SimServer(world, machine, engine=engine, **options))


def _phone(world: World, name: str, profile: str, *, tracks_presence: bool = True) -> Machine:
    return world.machine(
        name,
        lambda machine: SimPhone(world, machine, user_id=machine.name, rooms=(ROOM,), tracks_presence=tracks_presence),
        profile=profile,
    )
