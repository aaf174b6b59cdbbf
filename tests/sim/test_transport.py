"""Transports as asyncio's protocols see them, in a simulated world."""

import asyncio

import pytest

from realtime.sim.network import current_host
from realtime.sim.world import SimTaskFailed, simulate


class Recorder(asyncio.Protocol):
    """Notes what the transport tells it, with the time."""

    def __init__(self, *, keep_open=False):
        self.seen, self.keep_open, self.data = [], keep_open, b""
        self.lost = asyncio.get_running_loop().create_future()

    def note(self, what):
        self.seen.append((round(asyncio.get_running_loop().time(), 9), what))

    def connection_made(self, transport):
        self.transport = transport
        self.note("made")

    def data_received(self, data):
        self.data += data
        self.note(len(data))

    def eof_received(self):
        self.note("eof")
        return self.keep_open

    def connection_lost(self, exc):
        self.note("lost" if exc is None else type(exc).__name__)
        self.lost.set_result(None)

    def pause_writing(self):
        self.note("pause")

    def resume_writing(self):
        self.note("resume")


async def pair(world, *, keep_open=False):
    """A connection of ana (50 ms away) to the server: both protocols."""
    world.set_conditions("ana", delay_ms=50)
    loop, accepted = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()

    def accept():
        accepted.set_result(Recorder(keep_open=keep_open))
        return accepted.result()

    await loop.create_server(accept, "server", 80)
    with world.on("ana"):
        _, client = await loop.create_connection(lambda: Recorder(keep_open=keep_open), "server", 80)
    return client, await accepted


def test_an_echo_takes_the_delays():
    async def main(world):
        client, server = await pair(world)
        client.transport.write(b"hello")
        await asyncio.sleep(1)
        server.transport.write(b"hi")
        await asyncio.sleep(1)
        return client.seen, server.seen

    client, server = simulate(main).result
    assert server == [(0.15, "made"), (0.2, 5)]
    assert client == [(0.1, "made"), (1.2, 2)]


def test_closing_sends_what_is_buffered_then_the_end():
    async def main(world):
        client, server = await pair(world)
        client.transport.write(b"x" * 100_000)
        client.transport.close()
        client.transport.write(b"ignored")
        await asyncio.gather(client.lost, server.lost)
        return client.seen, server.seen

    client, server = simulate(main).result
    assert client == [(0.1, "made"), (0.15, "lost")], "the kernel took it over at once"
    # Slow start: ten segments of 1400 bytes, and twice as many after each round trip.
    assert [what for _, what in server] == ["made", 14_000, 28_000, 56_000, 2_000, "eof", "lost"]


def test_half_closed_the_other_half_still_works():
    async def main(world):
        client, server = await pair(world, keep_open=True)
        client.transport.write(b"question")
        client.transport.write_eof()
        with pytest.raises(RuntimeError, match="write_eof"):
            client.transport.write(b"more")
        await asyncio.sleep(1)
        server.transport.write(b"answer")
        server.transport.close()
        await asyncio.sleep(1)
        client.transport.close()
        await asyncio.sleep(1)
        return client.seen, server.seen

    client, server = simulate(main).result
    assert [what for _, what in server] == ["made", 8, "eof", "lost"]
    assert [what for _, what in client] == ["made", 6, "eof", "lost"]


def test_an_abort_is_a_reset_at_the_peer():
    async def main(world):
        client, server = await pair(world)
        await asyncio.sleep(1)
        client.transport.abort()
        await asyncio.sleep(1)
        assert client.transport.is_closing()
        assert server.transport.is_closing()
        return client.seen, server.seen

    client, server = simulate(main).result
    assert client[-1] == (1.15, "lost")
    assert server[-1] == (1.2, "ConnectionResetError")


def test_writing_to_a_peer_that_has_closed_is_answered_with_a_reset():
    async def main(world):
        client, server = await pair(world, keep_open=True)
        server.transport.close()
        await asyncio.sleep(1)
        client.transport.write(b"are you there?")
        await asyncio.sleep(1)
        return client.seen

    assert [what for _, what in simulate(main).result] == ["made", "eof", "ConnectionResetError"]


def test_a_lost_reset_leaves_a_zombie_that_the_next_byte_unmasks():
    async def main(world):
        client, server = await pair(world)
        world.outage("ana", for_s=5)
        server.transport.abort()
        await asyncio.sleep(10)
        before = list(client.seen)
        client.transport.write(b"still there?")
        await asyncio.sleep(10)
        return before, client.seen[len(before) :]

    before, after = simulate(main).result
    assert before == [(0.1, "made")]
    assert after == [(pytest.approx(10.25), "ConnectionResetError")]


def test_a_slow_link_pauses_the_writer_until_it_has_drained():
    async def main(world):
        client, server = await pair(world)
        world.set_conditions("ana", rate_kbps=1000)
        client.transport.set_write_buffer_limits(high=32_768, low=8192)
        assert client.transport.get_write_buffer_limits() == (8192, 32_768)
        client.transport.write(b"x" * 1_000_000)
        assert client.transport.get_write_buffer_size() > 32_768
        await asyncio.sleep(60)
        assert client.transport.get_write_buffer_size() == 0
        return client.seen, len(server.data)

    seen, received = simulate(main).result
    assert [what for _, what in seen] == ["made", "pause", "resume"]
    assert seen[1][0] == pytest.approx(0.15)
    assert 5 < seen[2][0] < 8
    assert received == 1_000_000


def test_a_reader_that_pauses_stops_the_writer_and_loses_nothing():
    async def main(world):
        client, server = await pair(world)
        server.transport.pause_reading()
        assert not server.transport.is_reading()
        client.transport.write(b"x" * 1_000_000)
        await asyncio.sleep(60)
        before = len(server.data), [what for _, what in client.seen]
        server.transport.resume_reading()
        await asyncio.sleep(60)
        return before, len(server.data), [what for _, what in client.seen]

    before, received, seen = simulate(main).result
    assert before == (0, ["made", "pause"])
    assert received == 1_000_000
    assert seen == ["made", "pause", "resume"]


def test_a_reader_that_pauses_at_the_last_bytes_hears_of_the_end_when_it_reads_on():
    """Asyncio's own transports do not look at the socket while reading is paused."""

    async def main(world):
        client, server = await pair(world)
        server.data_received = lambda data: (server.note(len(data)), server.transport.pause_reading())
        client.transport.write(b"ab")
        client.transport.close()  # an ideal rate: the end arrives in the instant of the bytes
        await asyncio.sleep(1)
        before = [what for _, what in server.seen]
        server.transport.resume_reading()
        await asyncio.sleep(1)
        return before, [what for _, what in server.seen]

    before, after = simulate(main).result
    assert before == ["made", 2]
    assert after == ["made", 2, "eof", "lost"]


def test_each_end_runs_in_the_context_of_its_own_host():
    hosts = {}

    class Protocol(asyncio.Protocol):
        def __init__(self, name):
            self.name = name

        def connection_made(self, transport):
            hosts[self.name, "made"] = current_host.get()
            transport.write(b"x")

        def data_received(self, data):
            hosts[self.name, "data"] = current_host.get()

    async def main(world):
        loop = asyncio.get_running_loop()
        await loop.create_server(lambda: Protocol("server"), "server", 80)
        with world.on("ana"):
            await loop.create_connection(lambda: Protocol("ana"), "server", 80)
        await asyncio.sleep(1)

    simulate(main)
    assert hosts == {(name, what): name for name in ("ana", "server") for what in ("made", "data")}


def test_a_protocol_that_fails_loses_its_connection_and_fails_the_run():
    class Broken(asyncio.Protocol):
        def data_received(self, data):
            raise ZeroDivisionError

    async def main(world):
        loop = asyncio.get_running_loop()
        await loop.create_server(Broken, "server", 80)
        with world.on("ana"):
            transport, client = await loop.create_connection(Recorder, "server", 80)
        transport.write(b"x")
        await client.lost
        return client.seen

    with pytest.raises(SimTaskFailed, match="ZeroDivisionError"):
        simulate(main)


def test_addresses_are_host_names_and_ports():
    async def main(world):
        client, server = await pair(world)
        return [
            (end.transport.get_extra_info("sockname"), end.transport.get_extra_info("peername"))
            for end in (client, server)
        ]

    (client_sock, client_peer), (server_sock, server_peer) = simulate(main).result
    assert client_sock == server_peer
    assert client_sock[0] == "ana"
    assert client_peer == server_sock == ("server", 80)


def test_streams_work():
    async def main(world):
        async def handle(reader, writer):
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(handle, "server", 7)
        with world.on("ana"):
            reader, writer = await asyncio.open_connection("server", 7)
        writer.write(b"hello\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        assert not server.is_serving()
        return answer

    assert simulate(main).result == b"HELLO\n"
