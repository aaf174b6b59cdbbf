"""What becomes of the sockets of a process that ends in mid-flight."""

import asyncio
import contextvars

import pytest

from realtime.sim.process import Process
from realtime.sim.world import simulate
from tests.sim.test_transport import Recorder

CRASHED = object()  # why nothing reaches a host that is not running


class Stage:
    """A program on ana, 50 ms from an observer on ben: one connection out, and one listener."""

    def __init__(self, world):
        self.world, self.loop, self.network = world, asyncio.get_running_loop(), world.network
        self.process = Process("ana", 1)
        self.context = contextvars.copy_context()
        self.context.run(self.process.enter)
        self.peers = []

    async def open(self):
        self.world.set_conditions("ana", delay_ms=50)
        await self.loop.create_server(lambda: self.peers.append(Recorder(keep_open=True)) or self.peers[-1], "ben", 80)
        _, self.own = await self.inside(self.loop.create_connection(Recorder, "ben", 80))
        self.server = await self.inside(self.loop.create_server(Recorder, "ana", 80))
        await asyncio.sleep(1 - self.loop.time())
        return self

    async def inside(self, coro):
        return await self.loop.create_task(coro, context=self.context)

    def kill(self):
        self.loop.freeze(self.process)
        self.network.kill(self.process)

    def crash(self):
        self.network.host("ana").access.interrupt(CRASHED)
        self.loop.freeze(self.process)
        self.network.crash(self.process)

    def restart(self):
        self.network.host("ana").access.resume(CRASHED)

    async def dial(self):
        with self.world.on("ben"):
            return await self.loop.create_connection(Recorder, "ana", 80)


def test_the_kernel_ends_the_streams_of_a_killed_process():
    """What it had written is delivered, then the end; 50 ms each way."""

    async def main(world):
        stage = await Stage(world).open()
        stage.own.transport.write(b"x" * 1000)
        stage.kill()
        await asyncio.sleep(1)
        stage.peers[0].transport.write(b"are you there?")
        await asyncio.sleep(1)
        return stage.own.seen, stage.peers[0].seen

    own, peer = simulate(main).result
    assert own == [(0.1, "made")], "a dead program hears nothing"
    assert peer == [(0.15, "made"), (1.05, 1000), (1.05, "eof"), (2.1, "ConnectionResetError")]


def test_what_the_kernel_had_not_taken_over_dies_with_the_process():
    """The kernel's buffer holds 188 segments of 1400 bytes."""

    async def main(world):
        stage = await Stage(world).open()
        stage.own.transport.write(b"x" * 1_000_000)
        stage.kill()
        await asyncio.sleep(10)
        return len(stage.peers[0].data), stage.peers[0].seen[-1][1]

    assert simulate(main).result == (188 * 1400, "eof")


def test_a_process_killed_with_unread_bytes_resets_its_peer():
    async def main(world):
        stage = await Stage(world).open()
        stage.own.transport.pause_reading()
        stage.peers[0].transport.write(b"unread")
        await asyncio.sleep(1)
        stage.kill()
        await asyncio.sleep(1)
        return stage.peers[0].seen[-1]

    assert simulate(main).result == (2.05, "ConnectionResetError")


@pytest.mark.parametrize("how", ["kill", "crash"])
def test_nobody_listens_any_more(how):
    async def main(world):
        stage = await Stage(world).open()
        await stage.dial()
        getattr(stage, how)()
        stage.restart()
        with pytest.raises(ConnectionRefusedError):
            await stage.dial()
        stage.server.close()  # the dead server's; it must not take the port from the next
        await stage.loop.create_server(Recorder, "ana", 80)
        await stage.dial()

    simulate(main)


def test_a_crash_is_silence_until_a_packet_meets_the_restarted_host():
    """Written at 3 s while ana is down; repeated 0.3, 0.9 and 2.1 s later (RTO 300 ms, doubled), which is 5.1 s.

    The RTO is the round trip of 100 ms and Linux's least variance of 200 ms. Ana is up again at 5 s, so that
    repetition is answered with a reset, which arrives 100 ms after it was sent.
    """

    async def main(world):
        stage = await Stage(world).open()
        stage.crash()
        world.at(3, stage.peers[0].transport.write, b"anybody?")
        world.at(5, stage.restart)
        await asyncio.sleep(20)
        return stage.own.seen, stage.peers[0].seen

    own, peer = simulate(main).result
    assert own == [(0.1, "made")]
    assert peer == [(0.15, "made"), (pytest.approx(5.2, abs=0.001), "ConnectionResetError")]


@pytest.mark.parametrize("how", ["kill", "crash"])
def test_a_process_that_was_connecting_leaves_nothing(how):
    async def main(world):
        stage = await Stage(world).open()
        dialling = stage.loop.create_task(stage.loop.create_connection(Recorder, "ben", 80), context=stage.context)
        await asyncio.sleep(0.07)
        getattr(stage, how)()
        stage.restart()
        await asyncio.sleep(500)
        return dialling.done(), [peer.seen for peer in stage.peers[1:]]

    dialling, others = simulate(main).result
    assert not dialling
    assert others == [], "the third packet never came, and a reset did"


def test_other_programs_on_the_host_keep_theirs():
    async def main(world):
        stage = await Stage(world).open()
        with world.on("ana"):
            _, other = await stage.loop.create_connection(Recorder, "ben", 80)
        stage.kill()
        await asyncio.sleep(1)
        stage.peers[1].transport.write(b"hello")
        await asyncio.sleep(1)
        return other.data

    assert simulate(main).result == b"hello"
