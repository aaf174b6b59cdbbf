"""Acknowledged messages per second under many clients: ours on SQLite beside NATS JetStream, and without a disk.

``python -m tests.benchmarks.durable [--clients 8] [--window 64] [--messages 5000] [--rounds 3] [--folder DIR]``: each
client is alone in its room and keeps so many messages in flight. Every server gets the same messages, knows each by its
id, and has a core of its own, where there are two. The load generators are alike: frames are ready before the clock
starts.

- ``sqlite`` and ``jetstream-sync``: a message is acknowledged when it is on the disk, by fsync. Ours puts all that came
  meanwhile into one commit; JetStream (file storage, ``sync_interval: always``) syncs each message.
- ``jetstream``: file storage as it is by default, with an fsync at least every two minutes: a power cut loses
  acknowledged messages.
- ``memory`` and ``node``: ours and the stock socket.io server, which keep nothing.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.client import BenchError, Client, event_frame, new_loop
from tests.benchmarks.cpu import cpu_seconds
from tests.benchmarks.nats_client import NatsClient, publish_frame
from tests.benchmarks.nats_server import nats_server
from tests.benchmarks.servers import Running, cores, running
from tests.interop.node_packages import installed_node

HERE = Path(__file__).resolve().parent
TEXT = "x" * 160
DEADLINE_S = 300
GOAL_PER_S = 15_000
SHARES = {"jetstream-sync": 0.1}
"""Of the messages: an fsync for each of them takes long."""
SUBJECTS = {
    "sqlite": "fsync before each ack",
    "jetstream-sync": "fsync before each ack",
    "jetstream": "fsync within 2 min",
    "memory": "nothing kept",
    "node": "nothing kept",
}


class Measured(NamedTuple):
    """One round against one server; microseconds of processor time are per message."""

    subject: str
    per_second: float
    cpu_us: float
    load_us: float  # of the load generator: the bottleneck if it fills its core


class Publisher(NamedTuple):
    """A client with what it will send."""

    client: Client | NatsClient
    frames: list[bytes]


def payloads(room: str, messages: int) -> list[dict[str, object]]:
    """The messages of one client."""
    return [{"roomId": room, "messageId": f"{room}-{n:06}", "text": TEXT} for n in range(messages)]


async def publish(client: Client | NatsClient, frames: list[bytes], window: int, ok: bytes) -> None:
    """Send all, ``window`` at a time, and return when all are acknowledged.

    Raises:
        BenchError: one was refused.
    """
    done, waiting, left = asyncio.get_running_loop().create_future(), iter(frames), len(frames)

    def on_ack(payload: bytes) -> None:
        nonlocal left
        left -= 1
        if ok not in payload and not done.done():
            done.set_exception(BenchError(f"refused: {payload!r}"))
        if (frame := next(waiting, None)) is not None:
            client.transport.write(frame)
        elif left == 0 and not done.done():
            done.set_result(None)

    client.on_ack = on_ack
    client.transport.write(b"".join(itertools.islice(waiting, window)))
    await done


async def socketio_publishers(port: int, rooms: list[str], messages: int) -> list[Publisher]:
    """Clients of a Socket.IO server, each in its room."""
    publishers = []
    for room in rooms:
        client = await Client.connect("127.0.0.1", port, f"user-{room}")
        await client.join(room)
        frames = [event_frame("chat:message", body, n) for n, body in enumerate(payloads(room, messages))]
        publishers.append(Publisher(client, frames))
    return publishers


async def nats_publishers(port: int, rooms: list[str], messages: int) -> list[Publisher]:
    """Clients of a nats-server, with one stream for all rooms. Ids are the stream's, so they name room and user."""
    publishers = []
    for room in rooms:
        client = await NatsClient.connect("127.0.0.1", port)
        frames = [
            publish_frame(
                f"rooms.{room}",
                f"{room}:user-{room}:{body['messageId']}",
                json.dumps(body, separators=(",", ":")).encode(),
                f"{client.inbox}.{n}",
            )
            for n, body in enumerate(payloads(room, messages))
        ]
        publishers.append(Publisher(client, frames))
    stream = {"name": "ROOMS", "subjects": ["rooms.>"], "storage": "file"}
    await publishers[0].client.ask("$JS.API.STREAM.CREATE.ROOMS", stream)
    return publishers


@contextlib.contextmanager
def served(subject: str, folder: Path) -> Iterator[Running]:
    """A server with nothing in it yet."""
    pin, _ = cores()
    if subject.startswith("jetstream"):
        with nats_server(folder, always_sync=subject == "jetstream-sync", pin=tuple(pin)) as server:
            if server.always_syncs is not (subject == "jetstream-sync"):
                raise BenchError(f"nats-server did not take its sync_interval: {server}")
            yield server
        return
    if subject == "node":
        command = [installed_node(), str(HERE / "node_server.js")]
    else:
        store = "memory" if subject == "memory" else f"sqlite:{folder / 'rooms.db'}"
        command = [sys.executable, "-m", "realtime", "serve", "--port", "0", "--store", store]
    with running([*pin, *command]) as server:
        yield server


async def one_round(subject: str, server: Running, clients: int, window: int, messages: int) -> Measured:
    """All clients at once."""
    is_nats = subject.startswith("jetstream")
    connect = nats_publishers if is_nats else socketio_publishers
    publishers = await connect(server.port, [f"room-{n}" for n in range(clients)], messages)
    ok = b'"seq":' if is_nats else b'"ok":true'
    began_s, server_s, own_s = time.perf_counter(), cpu_seconds(server.pid), time.process_time()
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*(publish(client, frames, window, ok) for client, frames in publishers))
    took_s = time.perf_counter() - began_s
    server_s, own_s = cpu_seconds(server.pid) - server_s, time.process_time() - own_s
    for client, _ in publishers:
        client.close()
    total = clients * messages
    return Measured(subject, total / took_s, server_s / total * 1e6, own_s / total * 1e6)


def bench(*, clients: int, window: int, messages: int, rounds: int, folder: str | None) -> list[Measured]:
    """Rounds against each, in turn, so that a busy minute of the machine hits all of them."""
    measured = []
    with _on_another_core(), asyncio.Runner(loop_factory=new_loop) as runner:
        for _, subject in itertools.product(range(rounds), SUBJECTS):
            share = max(1, round(messages * SHARES.get(subject, 1)))
            with tempfile.TemporaryDirectory(dir=folder) as empty, served(subject, Path(empty)) as server:
                measured.append(runner.run(one_round(subject, server, clients, window, share)))
    return measured


@contextlib.contextmanager
def _on_another_core() -> Iterator[None]:
    """This process, which is the load generator, leaves the servers their core."""
    available = os.sched_getaffinity(0)
    if len(available) > 1:
        os.sched_setaffinity(0, {min(available)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, available)


def table(measured: list[Measured]) -> str:
    """Medians and spreads, and whether the goals are met."""
    lines = [f"{'':16}{'acked/s':>10}{'min–max':>16}{'server CPU µs':>16}{'load CPU µs':>14}  durability"]
    medians = {}
    for subject in dict.fromkeys(row.subject for row in measured):
        rows = [row for row in measured if row.subject == subject]
        rates = [row.per_second for row in rows]
        medians[subject] = statistics.median(rates)
        cpu_us, load_us = (statistics.median(row[column] for row in rows) for column in (2, 3))
        spread = f"{min(rates):.0f}–{max(rates):.0f}"
        figures = f"{medians[subject]:>10.0f}{spread:>16}{cpu_us:>16.1f}{load_us:>14.1f}"
        lines.append(f"{subject:16}{figures}  {SUBJECTS[subject]}")
    reached = "yes" if medians["sqlite"] >= GOAL_PER_S else "no"
    ahead = "yes" if medians["sqlite"] > medians["jetstream-sync"] else "no"
    lines.append(f"verdict: durable, at least {GOAL_PER_S} acked/s: {reached} ({medians['sqlite']:.0f})")
    times = medians["sqlite"] / medians["jetstream-sync"]
    lines.append(f"verdict: durable, ahead of JetStream with an fsync per message: {ahead} ({times:.1f} times)")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.durable", description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--window", type=int, default=64, help="messages in flight per client")
    parser.add_argument("--messages", type=int, default=5000, help="of each client per round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--folder", help="where the files are: its disk is what is measured (default: for temporary files)"
    )
    print(table(bench(**vars(parser.parse_args(arguments)))))


if __name__ == "__main__":
    main()
