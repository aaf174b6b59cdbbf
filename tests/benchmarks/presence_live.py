"""What presence costs a real server, the kernel's part included: members of one room leave, and others come.

``python -m tests.benchmarks.presence_live [--sizes 200,1000,2000]``. One change after the other, each waits until every
member has heard of it, so the rate is near that of the churn it stands for: 10 % of 2000 members in a minute.
"""

import argparse
import asyncio
import itertools
import json
import resource
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tests.benchmarks.client import Client, new_loop
from tests.benchmarks.cpu import cpu_seconds
from tests.benchmarks.servers import ROOT, cores, running

SIZES = (200, 1000, 2000)
CHANGES = 40
CHURN_PER_MINUTE = 0.1
ROOM = "hall"
DEADLINE_S = 180
_DIFF = b'42["presence:diff"'
_AT_ONCE = 50  # joins in flight, while the room fills


@dataclass(frozen=True)
class Figures:
    """One room.

    Args:
        members: in it.
        changes: members that left and that came.
        frames: diffs that arrived.
        diff_bytes: of these, without the frames' heads.
        snapshot_bytes: of the last answer to a join.
        cpu_s: processor time of the server for all changes, connections and snapshots of who comes included.
    """

    members: int
    changes: int
    frames: int
    diff_bytes: int
    snapshot_bytes: int
    cpu_s: float

    @property
    def bytes_per_change(self) -> float:
        """To all members together."""
        return self.diff_bytes / self.changes

    @property
    def cpu_us_per_change(self) -> float:
        """Of the server."""
        return self.cpu_s * 1e6 / self.changes

    @property
    def core(self) -> float:
        """Share of a core that a churn of 10 % in a minute takes; who leaves and who comes is a change each."""
        return 2 * self.members * CHURN_PER_MINUTE / 60 * self.cpu_s / self.changes


class Hall:
    """The room, and what its members heard."""

    def __init__(self, port: int) -> None:
        self.frames = self.diff_bytes = self.snapshot_bytes = 0
        self.members: deque[Member] = deque()
        self._port = port
        self._numbers = itertools.count()
        self._news = b""
        self._unheard: set[Member] = set()
        self._heard = asyncio.Event()

    async def fill(self, members: int) -> None:
        """So many come, and have heard of the last; there is nothing left to tell."""
        while (missing := members - 1 - len(self.members)) > 0:
            await asyncio.gather(*(self._enter(self._next_user()) for _ in range(min(_AT_ONCE, missing))))
        await self._come()

    def hear(self, member: "Member", diff: bytes) -> None:
        """A member was told a diff."""
        self.frames += 1
        self.diff_bytes += len(diff)
        if self._news in diff:
            member.has_heard = True
            self._unheard.discard(member)
            if not self._unheard:
                self._heard.set()

    async def change(self) -> None:
        """Who has been here longest leaves, then somebody comes; all who are there hear of the one and of the other."""
        leaver = self.members.popleft()
        self._news, self._unheard = leaver.user.encode(), set(self.members)
        leaver.close()
        await self._all_heard()
        await self._come()

    async def _come(self) -> None:
        """Somebody comes, and all who are there hear of it, the newcomer too."""
        user = self._next_user()
        self._news, self._unheard = user.encode(), set(self.members)
        await self._enter(user)
        if not (newcomer := self.members[-1]).has_heard:
            self._unheard.add(newcomer)
        await self._all_heard()

    def _next_user(self) -> str:
        return f"user-{next(self._numbers):06}"

    async def _enter(self, user: str) -> None:
        self.members.append(await Member.enter(self, self._port, user))

    async def _all_heard(self) -> None:
        while self._unheard:
            self._heard.clear()
            await self._heard.wait()


class Member(Client):
    """A connection that counts what it hears of others."""

    hall: Hall
    user: str
    has_heard = False

    @classmethod
    async def enter(cls, hall: Hall, port: int, user: str) -> "Member":
        """Connect and join."""
        member = await cls.connect("127.0.0.1", port, user)
        assert isinstance(member, cls)
        member.hall, member.user = hall, user
        await member.join(ROOM)
        return member

    def _control(self, payload: bytes) -> None:
        if payload.startswith(_DIFF):
            self.hall.hear(self, payload)
        else:
            if payload.startswith(b"43") and b'"members"' in payload:
                self.hall.snapshot_bytes = len(payload)
            super()._control(payload)


async def live(port: int, pid: int, members: int, changes: int) -> Figures:
    """Fill the room, and let half of the changes be departures and half arrivals."""
    hall = Hall(port)
    async with asyncio.timeout(DEADLINE_S):
        await hall.fill(members)
        hall.frames = hall.diff_bytes = 0
        before_s = cpu_seconds(pid)
        for _ in range(changes // 2):
            await hall.change()
        used_s = cpu_seconds(pid) - before_s
    found = Figures(members, changes, hall.frames, hall.diff_bytes, hall.snapshot_bytes, used_s)
    for member in hall.members:
        member.close()
    return found


def bench(command: Sequence[str], *, sizes: Sequence[int] = SIZES, changes: int = CHANGES) -> list[Figures]:
    """Each size on a server of its own, with the load on another core where there is one."""
    pin_server, pin_load = cores()
    measured = []
    for members in sizes:
        serve = [*pin_server, *command, "serve", "--port", "0", "--store", "memory", "--handshakes-per-s", "0"]
        with running(serve) as server:
            plan = json.dumps({"port": server.port, "pid": server.pid, "members": members, "changes": changes})
            load = [*pin_load, sys.executable, "-m", "tests.benchmarks.presence_live", "--plan", plan]
            ran = subprocess.run(load, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        if ran.returncode:
            raise SystemExit(f"the load generator failed: {plan}")
        measured.append(Figures(**json.loads(ran.stdout)))
    return measured


def table(measured: Sequence[Figures]) -> str:
    """The figures for people."""
    lines = [
        "presence on real sockets, one change after the other; server CPU with the kernel's part",
        "",
        f"{'members':>8}{'changes':>9}{'CPU µs/change':>15}{'core at 10 %/min':>18}"
        f"{'bytes/change':>14}{'to each':>9}{'snapshot':>10}",
    ]
    for row in measured:
        lines.append(
            f"{row.members:>8}{row.changes:>9}{row.cpu_us_per_change:>15,.0f}{row.core:>18.2%}"
            f"{row.bytes_per_change:>14,.0f}{row.bytes_per_change / row.members:>9.0f}{row.snapshot_bytes:>10,}"
        )
    last = measured[-1]
    each = round(last.bytes_per_change / last.members)
    lines.append(
        f"\na change is a diff of {each} bytes to each member; a snapshot to each would be "
        f"{last.snapshot_bytes / each:,.0f} times as much"
    )
    return "\n".join(lines)


def main() -> None:
    """Measure and show; with a plan, be the load."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.presence_live")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="members, with commas between")
    parser.add_argument("--plan", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plan:
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        with asyncio.Runner(loop_factory=new_loop) as runner:
            print(json.dumps(asdict(runner.run(live(**json.loads(options.plan))))))
    else:
        print(table(bench([sys.executable, "-m", "realtime"], sizes=[int(size) for size in options.sizes.split(",")])))


if __name__ == "__main__":
    main()
