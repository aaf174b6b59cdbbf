"""The SQLite engine, unmodified, in virtual time: no thread, no real waiting, crashes of the whole machine."""

import asyncio

import pytest
from websockets.exceptions import WebSocketException

from realtime.server.engine.sqlite import SqliteEngine
from realtime.server.realtime_server import RealtimeServer
from realtime.sim.world import simulate
from tests.server.raw_client import raw_client

COUNT = 12


class Serving:
    """The program on the server's machine: a server over a database on the machine's disk."""

    def __init__(self, world, machine, *, is_honest=True):
        number = machine.process.number
        self.engine = SqliteEngine(
            machine.disk.path / "rooms.db",
            synced=machine.disk.synced if is_honest else None,
            rng=world.rng(f"engine {number}"),
        )
        self.server = RealtimeServer(
            host="server", engine=self.engine, rng=world.rng(f"ids {number}"), allow_unauthenticated=True
        )

    async def start(self):
        await self.server.start()


def play(fault, *, seed=0, is_honest=True):
    """Ana and Ben send while the server's machine fails; what each was told, and what is in the log in the end."""

    async def main(world):
        machine = world.machine("server", lambda m: Serving(world, m, is_honest=is_honest))
        await machine.ready()

        async def sender(name):
            """Send one message after another, each again and again until it is acknowledged."""
            acked, n = {}, 0
            while n < COUNT:
                try:
                    server = (await machine.ready()).server
                    async with raw_client(server, name, room="lobby", deadline_s=2) as client:
                        while n < COUNT:
                            message = {"roomId": "lobby", "messageId": f"{name}-{n}", "text": str(n)}
                            reply = await client.call("chat:message", message)
                            assert reply["ok"], reply
                            acked[f"{name}-{n}"] = reply["offset"]
                            n += 1
                            await asyncio.sleep(0.1)
                except (OSError, TimeoutError, WebSocketException):
                    await asyncio.sleep(0.5)
            return acked

        for name in ("ana", "ben"):
            world.set_profile(name, "lte")
        tasks = [world.spawn(name, sender(name)) for name in ("ana", "ben")]
        if fault is not None:
            for at_s in (0.9, 4.0):
                getattr(world.at(at_s), fault)("server", for_s=1)
        acked = {}
        for task in tasks:
            acked |= await task
        with world.on("zoe"):
            async with raw_client(machine.app.server, "zoe") as zoe:
                reply = await zoe.call("room:join", {"roomId": "lobby"})
        return acked, {message["messageId"]: message["offset"] for message in reply["messages"]}, reply["position"]

    return simulate(main, seed=seed, max_virtual_s=600)


@pytest.mark.clause("RT-DLV-2")
@pytest.mark.parametrize("fault", [None, "kill_app", "crash"])
def test_every_acknowledged_message_is_in_the_log_once_whatever_becomes_of_the_machine(fault):
    acked, held, position = play(fault).result
    assert len(acked) == 2 * COUNT
    assert held == acked
    assert sorted(held.values()) == list(range(1, 2 * COUNT + 1))
    assert position.endswith(f":{2 * COUNT}")


def test_a_disk_that_lies_about_its_syncs_is_caught_by_this_test():
    acked, held, _ = play("crash", is_honest=False).result
    assert held != acked


def test_the_same_seed_is_the_same_run_to_the_last_byte():
    first, again, other = (play("crash", seed=seed) for seed in (1, 1, 2))
    assert (first.hash, first.timing_hash) == (again.hash, again.timing_hash)
    assert first.hash != other.hash
