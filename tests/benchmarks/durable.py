"""Acknowledged messages per second of ``realtime serve``, durable and not, under many clients at once.

``python -m tests.benchmarks.durable [--clients 8] [--window 64] [--messages 5000] [--rounds 3] [--folder DIR]``: each
client is alone in its room and keeps so many messages in flight. The server has a core of its own, where there are two.
"""

import argparse
import asyncio
import itertools
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.__main__ import cores, running
from tests.benchmarks.client import BenchError, Client, event_frame, new_loop
from tests.benchmarks.cpu import cpu_seconds

TEXT = "x" * 160
DEADLINE_S = 300


class Measured(NamedTuple):
    """One round against one server."""

    store: str
    per_second: float
    cpu_us: float  # of the server, per message


def room_frames(room: str, messages: int) -> list[bytes]:
    """The messages of one client, ready for the wire."""
    return [
        event_frame("chat:message", {"roomId": room, "messageId": f"{room}-{n:06}", "text": TEXT}, n)
        for n in range(messages)
    ]


async def publish(client: Client, frames: list[bytes], window: int) -> None:
    """Send all, ``window`` at a time, and return when all are acknowledged.

    Raises:
        BenchError: one was refused.
    """
    done, waiting, left = asyncio.get_running_loop().create_future(), iter(frames), len(frames)

    def on_ack(payload: bytes) -> None:
        nonlocal left
        left -= 1
        if b'"ok":true' not in payload and not done.done():
            done.set_exception(BenchError(f"refused: {payload!r}"))
        if (frame := next(waiting, None)) is not None:
            client.transport.write(frame)
        elif left == 0 and not done.done():
            done.set_result(None)

    client.on_ack = on_ack
    client.transport.write(b"".join(itertools.islice(waiting, window)))
    await done


async def one_round(port: int, name: str, clients: int, window: int, messages: int) -> float:
    """Seconds that the clients took together."""
    connected = [await Client.connect("127.0.0.1", port, f"user-{n}") for n in range(clients)]
    for n, client in enumerate(connected):
        await client.join(f"{name}-{n}")
    frames = [room_frames(f"{name}-{n}", messages) for n in range(clients)]
    began = time.perf_counter()
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*(publish(client, its, window) for client, its in zip(connected, frames, strict=True)))
    took_s = time.perf_counter() - began
    for client in connected:
        client.close()
    return took_s


def measure(options: argparse.Namespace) -> list[Measured]:
    """Rounds against a durable and a forgetful server, in turn."""
    pin, _ = cores()
    measured = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder, asyncio.Runner(loop_factory=new_loop) as runner:
        stores = {"sqlite": f"sqlite:{Path(folder, 'rooms.db')}", "memory": "memory"}
        for turn, (kind, store) in itertools.product(range(options.rounds), stores.items()):
            command = [*pin, sys.executable, "-m", "realtime", "serve", "--port", "0", "--store", store]
            with running(command) as server:
                before_s = cpu_seconds(server.pid)
                took_s = runner.run(
                    one_round(server.port, f"round-{turn}", options.clients, options.window, options.messages)
                )
                total = options.clients * options.messages
                used_s = cpu_seconds(server.pid) - before_s
                measured.append(Measured(kind, total / took_s, used_s / total * 1e6))
    return measured


def table(measured: list[Measured]) -> str:
    """Medians and spreads."""
    lines = [f"{'store':8}{'acked/s':>10}{'min–max':>16}{'server CPU µs':>16}"]
    for store in dict.fromkeys(row.store for row in measured):
        rates = [row.per_second for row in measured if row.store == store]
        cpu_us = statistics.median(row.cpu_us for row in measured if row.store == store)
        spread = f"{min(rates):.0f}–{max(rates):.0f}"
        lines.append(f"{store:8}{statistics.median(rates):>10.0f}{spread:>16}{cpu_us:>16.1f}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.durable", description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--window", type=int, default=64, help="messages in flight per client")
    parser.add_argument("--messages", type=int, default=5000, help="of each client per round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--folder", help="where the database is: its disk is what is measured (default: for temporary files)"
    )
    print(table(measure(parser.parse_args(arguments))))


if __name__ == "__main__":
    main()
