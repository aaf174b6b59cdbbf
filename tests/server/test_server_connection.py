"""One WebSocket connection: frames in without a task, frames out without a copy, a bounded backlog."""

import asyncio
import contextlib
import socket
import struct

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from realtime.server.frames import text_frame
from realtime.server.server_connection import ServerConnection
from tests.server.waiting import until


def masked(opcode, data, fin=True):
    """A frame as a client sends it."""
    return Frame(opcode, data, fin).serialize(mask=True)


class Listener:
    """What a connection told its handler."""

    def __init__(self, connection, live):
        self.connection = connection
        self.live = live
        self.heard = []
        self.lost_for = []
        self.on_text = None

    def receive_text(self, payload):
        self.heard.append(payload.decode())
        if self.on_text:
            self.on_text(payload)

    def receive_binary(self, payload):
        self.heard.append(payload)

    def lost(self, reason):
        self.lost_for.append(reason)


@contextlib.asynccontextmanager
async def connected(*, max_size=100_000, client_options=None, **options):
    """A server with one client: yields (listener, client)."""
    listeners = asyncio.Queue()
    live = {}

    async def handle(connection):
        listener = Listener(connection, live)
        connection.listen(listener)
        listeners.put_nowait(listener)
        await connection.gone()

    def create(protocol, server, **kwargs):
        return ServerConnection(protocol, server, live=live, **({"close_timeout_s": 0.5} | options), **kwargs)

    server = serve(
        handle, "127.0.0.1", 0, create_connection=create, compression=None, ping_interval=None, max_size=max_size
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", compression=None, **client_options or {}) as client:
            listener = await asyncio.wait_for(listeners.get(), 20)
            assert list(live) == [listener.connection]
            yield listener, client
        for connection in tuple(live):
            connection.transport.abort()
    assert not live


async def test_text_and_binary_frames_are_heard_in_order():
    async with connected() as (listener, client):
        await client.send("grüß")
        await client.send(b"\x00\xff")
        await client.send("")
        await until(lambda: len(listener.heard) == 3)
        assert listener.heard == ["grüß", b"\x00\xff", ""]


async def test_a_fragmented_message_is_heard_whole():
    async with connected() as (listener, client):
        await client.send(["one ", "", "two ", "three"])
        await client.send([b"\x01", b"\x02"])
        await until(lambda: len(listener.heard) == 2)
        assert listener.heard == ["one two three", b"\x01\x02"]


async def test_websocket_pings_are_answered_between_fragments():
    async with connected() as (listener, client):
        client.protocol.send_text(b"half ", fin=False)
        client.protocol.send_ping(b"are you there")
        client.protocol.send_continuation(b"a message", fin=True)
        client.protocol.send_pong(b"nobody asked")
        client.send_data()
        await until(lambda: listener.heard)
        assert listener.heard == ["half a message"]
        await (await client.ping())


async def test_frames_written_arrive_in_order():
    async with connected() as (listener, client):
        for n in range(5):
            listener.connection.write(text_frame(b"%d" % n))
        assert [await client.recv() for _ in range(5)] == list("01234")


async def test_answers_to_one_read_go_out_in_one_write():
    async with connected() as (listener, client):
        writes = []
        transport = listener.connection.transport

        class Spy:
            def __getattr__(self, name):
                return getattr(transport, name)

            def write(self, data):
                writes.append(data)
                transport.write(data)

        listener.connection.transport = Spy()
        listener.on_text = lambda payload: listener.connection.write(text_frame(payload))
        frames = b"".join(masked(Opcode.TEXT, b"%d" % n) for n in range(3))
        client.transport.write(frames)
        assert [await client.recv() for _ in range(3)] == list("012")
        assert writes == [text_frame(b"0") + text_frame(b"1") + text_frame(b"2")]


async def test_ending_tells_the_client_why_and_the_handler_once():
    async with connected() as (listener, client):
        listener.connection.end(1002, "no such packet " + "é" * 200)
        listener.connection.end(1002, "again")
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd.code == 1002
        assert closed.value.rcvd.reason.startswith("no such packet éé")
        assert len(listener.lost_for) == 1
        listener.connection.write(text_frame(b"too late"))
        await until(lambda: listener.connection.protocol.state.name == "CLOSED")
        assert len(listener.lost_for) == 1


async def test_what_was_written_before_ending_still_arrives():
    async with connected() as (listener, client):

        def answer(payload):
            listener.connection.write(text_frame(b"last words"))
            listener.connection.end(1000, "done")

        listener.on_text = answer
        await client.send("x")
        assert await client.recv() == "last words"
        with pytest.raises(ConnectionClosed, match="done"):
            await client.recv()


async def test_nothing_is_heard_after_ending():
    async with connected() as (listener, client):
        listener.on_text = lambda payload: listener.connection.end(1002, "enough")
        client.transport.write(b"".join(masked(Opcode.TEXT, b"x") for _ in range(3)))
        await until(lambda: listener.lost_for)
        assert listener.heard == ["x"]


async def test_a_client_that_closes_is_known_at_once_with_its_reason():
    async with connected() as (listener, client):
        await client.close(1000, "bye")
        await until(lambda: listener.lost_for)
        assert listener.lost_for == ["closed by the client (1000 bye)"]


async def test_a_client_that_ends_the_stream_is_lost_at_once():
    """Its process was killed: no close frame. The transport takes nothing from here on; a broadcast must not fail."""
    async with connected() as (listener, client):
        ended = asyncio.Event()
        eof_received = listener.connection.eof_received

        def received():
            eof_received()
            listener.connection.write(text_frame(b"to everybody"))
            ended.set()

        listener.connection.eof_received = received
        listener.connection.write(text_frame(b"before"))
        client.transport.write_eof()
        await asyncio.wait_for(ended.wait(), 20)
        assert listener.lost_for == ["connection lost"]


async def test_a_client_that_resets_is_lost():
    async with connected() as (listener, client):
        sock = client.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.transport.abort()
        await until(lambda: listener.lost_for)
        [reason] = listener.lost_for
        assert reason.startswith("connection lost")


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (masked(Opcode.TEXT, b"x" * 100_001), 1009),
        (masked(Opcode.TEXT, b"\xff"), 1007),
        (masked(Opcode.TEXT, b"\xe2\x82", fin=False) + masked(Opcode.CONT, b""), 1007),
        (masked(Opcode.CONT, b"x"), 1002),
        (Frame(Opcode.TEXT, b"x").serialize(mask=False), 1002),
        (b"\x83\x80\x00\x00\x00\x00", 1002),
        (b"\xf1\x80\x00\x00\x00\x00", 1002),
    ],
    ids=["too big", "no UTF-8", "no UTF-8 in fragments", "lone continuation", "unmasked", "opcode 3", "reserved bits"],
)
async def test_what_websockets_forbid_ends_the_connection_with_its_code(frames, code):
    async with connected() as (listener, client):
        client.transport.write(frames)
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd.code == code
        await until(lambda: listener.lost_for)
        assert listener.heard == []


@pytest.mark.parametrize("bad", [masked(Opcode.CONT, b"x"), masked(Opcode.CLOSE, b"\x03\xe8")], ids=["error", "close"])
async def test_a_client_that_leaves_its_socket_open_after_the_close_is_aborted(bad):
    async with connected(close_timeout_s=0.05) as (listener, client):
        host, port = client.remote_address
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        assert len(listener.live) == 2
        writer.write(bad)
        await until(lambda: len(listener.live) == 1)
        writer.close()


async def test_a_failing_handler_ends_its_own_connection(caplog):
    async with connected() as (listener, client):

        def fail(payload):
            raise RuntimeError("a bug of ours")

        listener.on_text = fail
        await client.send("x")
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd.code == 1011
        assert "a bug of ours" in caplog.text


def stall(client):
    """The client's machine stops reading."""
    client.transport.pause_reading()


async def test_a_receiver_that_does_not_read_costs_bounded_memory_and_is_ended():
    async with connected(max_backlog=200_000, client_options={"max_size": None}) as (listener, client):
        stall(client)
        connection = listener.connection
        frame = text_frame(b"x" * 10_000)
        written = 0
        while not listener.lost_for:
            connection.write(frame)
            written += len(frame)
            assert connection.backlog <= 200_000 + len(frame)
            assert written < 50_000_000
            await asyncio.sleep(0)
        assert listener.lost_for[0].startswith("too slow")
        assert connection.too_slow
        assert connection.backlog == 0
        await until(lambda: connection.protocol.state.name == "CLOSED")  # by force: it does not even read the close
        client.transport.abort()


async def test_a_slow_receiver_gets_everything_in_order_but_what_is_volatile():
    async with connected(max_backlog=2_000_000, client_options={"max_size": None}) as (listener, client):
        stall(client)
        connection = listener.connection
        n = 0
        while connection.backlog < 500_000:
            connection.write(text_frame(b"%d " % n + b"x" * 10_000))
            n += 1
            await asyncio.sleep(0)
        assert not connection.write_volatile(text_frame(b"typing"))
        connection.write(text_frame(b"end"))
        client.transport.resume_reading()
        got = []
        while (message := await client.recv()) != "end":
            got.append(int(message.split()[0]))
        assert got == list(range(n))
        assert connection.backlog == 0
        assert connection.write_volatile(text_frame(b"typing"))
        assert await client.recv() == "typing"


async def test_its_repr_tells_its_state():
    async with connected() as (listener, _):
        assert repr(listener.connection).startswith("<ServerConnection 127.0.0.1:")
        assert "OPEN" in repr(listener.connection)
        listener.connection.end(1000, "")
        assert "CLOSING" in repr(listener.connection)


async def test_a_frame_before_the_handshake_is_done_is_not_heard():
    async with connected() as (listener, client):
        host, port = client.remote_address
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            + masked(Opcode.TEXT, b"early")
        )
        with contextlib.suppress(ConnectionResetError):
            await asyncio.wait_for(reader.read(), 20)
        writer.close()
        await client.send("late")
        await until(lambda: listener.heard == ["late"])
