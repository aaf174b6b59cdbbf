"""The load generator, a process of its own: one scenario against one server, one JSON line as result.

``python -m tests.benchmarks.load '{"scenario": "fan-out", "port": 8765, "pid": 42, …}'``
"""

import asyncio
import itertools
import json
import sys
from dataclasses import dataclass

from tests.benchmarks.client import BenchError, Client, event_frame, new_loop
from tests.benchmarks.cpu import cpu_seconds

TEXT = "x" * 160
DEADLINE_S = 100


@dataclass(frozen=True)
class Plan:
    """One measurement.

    Args:
        scenario: ``fan-out`` or ``acked``.
        port: of the server, on 127.0.0.1.
        pid: of the server, whose processor time is read around the measured part.
        room: a name that this server has not seen.
        receivers: connections in the room besides the sender (fan-out).
        messages: how many are measured.
        warm_up: how many are sent before.
        window: how many are in flight (acked).
    """

    scenario: str
    port: int
    pid: int
    room: str
    receivers: int
    messages: int
    warm_up: int
    window: int


class Arrivals:
    """Waits for a number of arrivals, cheaply."""

    def __init__(self) -> None:
        self._left = 0
        self._done: asyncio.Future[None]

    def expect(self, number: int) -> "asyncio.Future[None]":
        """A future that is done after this many calls of :meth:`one`."""
        self._left = number
        self._done = asyncio.get_running_loop().create_future()
        return self._done

    def one(self, payload: bytes = b'"ok":true') -> None:
        """Count one arrival; an acknowledgement that is not ok fails the run."""
        if b'"ok":true' not in payload:
            self._done.set_exception(BenchError(f"refused: {payload!r}"))
        self._left -= 1
        if self._left == 0:
            self._done.set_result(None)


def frames(plan: Plan) -> list[bytes]:
    """All messages of a plan, ready for the wire."""
    return [
        event_frame("chat:message", {"roomId": plan.room, "messageId": f"{plan.room}-{n:06}", "text": TEXT}, n)
        for n in range(plan.warm_up + plan.messages)
    ]


async def fan_out(plan: Plan) -> float:
    """Processor seconds per delivery: one sender, one message at a time, to all receivers."""
    sender, *receivers = await connect(plan, plan.receivers + 1)
    arrivals = Arrivals()
    sender.on_ack = arrivals.one
    for receiver in receivers:
        receiver.on_delivery = arrivals.one

    async def send(batch: list[bytes]) -> None:
        for frame in batch:
            done = arrivals.expect(len(receivers) + 1)
            sender.transport.write(frame)
            await done

    used_s = await measured(plan, send)
    close(sender, *receivers)
    return used_s / (plan.messages * plan.receivers)


async def acked(plan: Plan) -> float:
    """Processor seconds per acked message: a sender alone in its room, ``window`` messages in flight."""
    [sender] = await connect(plan, 1)

    async def send(batch: list[bytes]) -> None:
        arrivals, waiting = Arrivals(), iter(batch)
        done = arrivals.expect(len(batch))

        def on_ack(payload: bytes) -> None:
            arrivals.one(payload)
            if (frame := next(waiting, None)) is not None:
                sender.transport.write(frame)

        sender.on_ack = on_ack
        sender.transport.write(b"".join(itertools.islice(waiting, plan.window)))
        await done

    used_s = await measured(plan, send)
    close(sender)
    return used_s / plan.messages


async def measured(plan, send) -> float:
    """Send the warm-up and then the messages; the processor seconds that the server used for the messages."""
    batch = frames(plan)
    if plan.warm_up:
        await send(batch[: plan.warm_up])
    before_s = cpu_seconds(plan.pid)
    await send(batch[plan.warm_up :])
    return cpu_seconds(plan.pid) - before_s


async def connect(plan: Plan, number: int) -> list[Client]:
    """Connections in the room of the plan."""
    clients = []
    for n in range(number):
        client = await Client.connect("127.0.0.1", plan.port, f"user-{n}")
        await client.join(plan.room)
        clients.append(client)
    return clients


def close(*clients: Client) -> None:
    """End the connections."""
    for client in clients:
        client.close()


async def main(plan: Plan) -> float:
    """Run one plan."""
    async with asyncio.timeout(DEADLINE_S):
        return await (fan_out(plan) if plan.scenario == "fan-out" else acked(plan))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_loop) as runner:
        print(json.dumps({"seconds": runner.run(main(Plan(**json.loads(sys.argv[1]))))}))
