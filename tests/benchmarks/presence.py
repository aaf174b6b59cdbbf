"""What presence costs the server, by the size of the room: 10 % of the members leave in a minute, and others come.

``python -m tests.benchmarks.presence [--minutes N]``. The server's own code, from the client's event to the bytes that
go to each connection, in virtual time: the kernel's part of writing them is not in it, see the fan-out for that.
"""

import argparse
import time
from dataclasses import asdict, dataclass

from tests.server.rig import Rig

SIZES = (50, 100, 200, 500, 1000, 2000)
CHURN_PER_MINUTE = 0.1
BATCHES_S = (0.1, 1.0)
ROOM = "hall"


@dataclass(frozen=True)
class Figures:
    """One room.

    Args:
        members: in it.
        batch_s: how long a change may wait.
        changes: members that came and that left.
        frames: diffs that were written, one for each member.
        diff_bytes: of these frames.
        snapshot_bytes: of the last answer to a join.
        cpu_us_per_change: processor time, the snapshot for who comes included.
        cpu_share: of one core, for this churn.
    """

    members: int
    batch_s: float
    changes: int
    frames: int
    diff_bytes: int
    snapshot_bytes: int
    cpu_us_per_change: float
    cpu_share: float

    @property
    def bytes_per_change(self) -> float:
        """To all members together."""
        return self.diff_bytes / self.changes


class CountingLink:
    """A connection that counts what is written."""

    def __init__(self, room):
        self.room = room

    def write(self, frame):
        if b'"presence:diff"' in frame[:32]:
            self.room.frames += 1
            self.room.diff_bytes += len(frame)
        else:
            self.room.snapshot_bytes = len(frame)

    def write_volatile(self, frame):
        self.write(frame)
        return True


class Room:
    """Everybody in one room of a server without sockets."""

    def __init__(self, members, batch_s):
        self.frames = self.diff_bytes = self.snapshot_bytes = 0
        self.rig = Rig(batch_s=batch_s, grace_s=15.0)
        self.members = []
        self.number = 0
        for _ in range(members):
            self.come()
        self.rig.clock.pass_time(batch_s)
        self.frames = self.diff_bytes = 0

    def come(self):
        self.number += 1
        session = self.rig.session(f"user-{self.number:06}")
        session.link = CountingLink(self)
        self.rig.ask(session, "room:join", {"roomId": ROOM})
        self.members.append(session)

    def go(self):
        self.rig.end(self.members.pop(0))


def run(members: int, *, minutes: float, batch_s: float) -> Figures:
    """Let the room live for some virtual minutes."""
    room = Room(members, batch_s)
    pairs = max(1, round(members * CHURN_PER_MINUTE * minutes))
    pause_s = 60 * minutes / pairs / 2
    began_s = time.process_time()
    for _ in range(pairs):
        room.go()
        room.rig.clock.pass_time(pause_s)
        room.come()
        room.rig.clock.pass_time(pause_s)
    room.rig.clock.pass_time(batch_s)
    cpu_s = time.process_time() - began_s
    changes = 2 * pairs
    return Figures(
        members=members,
        batch_s=batch_s,
        changes=changes,
        frames=room.frames,
        diff_bytes=room.diff_bytes,
        snapshot_bytes=room.snapshot_bytes,
        cpu_us_per_change=cpu_s * 1e6 / changes,
        cpu_share=cpu_s / (60 * minutes),
    )


def bench(*, minutes: float = 1.0, most: int = SIZES[-1]) -> list[Figures]:
    """All sizes up to ``most``, with changes told ten times in a second, and once."""
    sizes = [members for members in SIZES if members <= most]
    return [run(members, minutes=minutes, batch_s=batch_s) for batch_s in BATCHES_S for members in sizes]


def as_dicts(figures: list[Figures]) -> list[dict[str, object]]:
    """The figures, as JSON takes them."""
    return [asdict(row) | {"bytes_per_change": row.bytes_per_change} for row in figures]


def table(figures: list[Figures]) -> str:
    """The figures for people."""
    lines = [
        "presence: 10 % of a room leave in a minute, and as many come; server CPU without the kernel's part",
        "",
        f"{'':8}{'':8}{'':9}{'':9}{'bytes per change':>24}{'':11}{'CPU':>18}",
        f"{'members':>8}{'batch':>8}{'changes':>9}{'frames':>9}{'to all':>12}{'to each':>12}{'snapshot':>11}"
        f"{'µs/change':>10}{'core':>8}",
    ]
    for row in figures:
        lines.append(
            f"{row.members:>8}{row.batch_s:>7g}s{row.changes:>9}{row.frames:>9}{row.bytes_per_change:>12,.0f}"
            f"{row.bytes_per_change / row.members:>12.0f}{row.snapshot_bytes:>11,}"
            f"{row.cpu_us_per_change:>10.0f}{row.cpu_share:>8.2%}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.presence", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=1.0, help="of virtual time (default: 1)")
    print(table(bench(minutes=parser.parse_args().minutes)))


if __name__ == "__main__":
    main()
