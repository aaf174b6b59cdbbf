"""Our client talks to the stock Node Socket.IO server, as to any Socket.IO server."""

import asyncio
import signal

import pytest

from realtime.connection.errors import ConnectRefused
from realtime.connection.socket_manager import SocketManager

pytestmark = pytest.mark.node


class Heard:
    """What the handlers of a client have heard, in order; await the moment when it is what the test expects."""

    def __init__(self, socket, *events):
        self.log = []
        self._news = asyncio.Event()
        for event in events:
            socket.on(event, lambda *args, event=event: self._add(event, *args))

    def _add(self, *entry):
        self.log.append(entry)
        self._news.set()

    def first_arguments(self, event):
        return [args[0] for name, *args in self.log if name == event]

    async def until(self, event, *, times=1):
        """Once ``event`` was heard this many times; returns its first arguments."""
        async with asyncio.timeout(30):
            while len(self.first_arguments(event)) < times:
                self._news.clear()
                await self._news.wait()
        return self.first_arguments(event)


async def test_auth_events_acks_and_bytes(stock_server):
    server = await stock_server()
    socket = SocketManager(server.url, auth={"token": "t-1"})
    heard = Heard(socket, "auth", "message-back")
    async with socket:
        assert await heard.until("auth") == [{"token": "t-1"}]
        await socket.emit("message", "grüß dich", 7, {"deep": [b"\x00\xff"]})
        await heard.until("message-back")
        assert heard.log[-1] == ("message-back", "grüß dich", 7, {"deep": [b"\x00\xff"]})
        assert await socket.call("message-with-ack", b"\x01\x02") == b"\x01\x02"
        assert await socket.emit("message-with-ack", {"n": None}, ack=True) == {"n": None}


async def test_the_server_gets_its_acks(stock_server):
    server = await stock_server()
    async with SocketManager(server.url) as socket:
        socket.on("question", lambda number, data: {"answer": number + 1, "data": data})
        await server.do(emitWithAck=["question", 41, b"\x05"])
        assert (await server.tells("acked"))["acked"] == [{"answer": 42, "data": b"\x05"}]


async def test_a_namespace_of_ones_own(stock_server):
    server = await stock_server()
    socket = SocketManager(server.url, namespace="/custom", auth={"token": "t-2"})
    heard = Heard(socket, "auth")
    async with socket:
        assert await heard.until("auth") == [{"token": "t-2"}]
        assert (await server.tells("connection"))["connection"] == "/custom"


async def test_an_unknown_namespace_is_refused_for_good(stock_server):
    server = await stock_server()
    with pytest.raises(ConnectRefused, match="Invalid namespace"):
        await SocketManager(server.url, namespace="/nowhere").connect()


async def test_server_pings_are_answered(stock_server):
    server = await stock_server(pingInterval=300, pingTimeout=5000)
    socket = SocketManager(server.url)
    heard = Heard(socket, "disconnect")
    async with socket:
        await server.tells(heartbeat=3)
        assert await socket.call("message-with-ack", "alive") == "alive"
        assert not heard.log


async def test_after_a_restart_queued_events_arrive_once_and_in_order(stock_server):
    server = await stock_server()
    socket = SocketManager(server.url)
    heard = Heard(socket, "disconnect", "message-back", "news")
    async with socket:
        await socket.call("message-with-ack", "before")
        server.signal(signal.SIGKILL)
        await heard.until("disconnect")
        for number in range(10):
            socket.emit("message", number)
        again = await stock_server(port=server.port)
        assert await heard.until("message-back", times=10) == list(range(10))
        received = await again.tells_times(10, "received")
        assert [told["received"] for told in received] == [["message", n] for n in range(10)]
        await again.do(emit=["news", "nothing follows"])
        await heard.until("news")
        assert len([told for told in again.told if "received" in told]) == 10


@pytest.mark.parametrize("how", ["close", "terminate"])
async def test_a_dropped_session_is_recovered_with_what_it_missed(stock_server, how):
    server = await stock_server(connectionStateRecovery={"maxDisconnectionDuration": 120_000})
    socket = SocketManager(server.url)
    heard = Heard(socket, "news")
    async with socket:
        assert not socket.recovered
        await server.do(emit=["news", {"n": 0}])  # gives the client its first offset
        await heard.until("news")
        await server.do(dropAndEmit={"how": how, "event": ["news", {"n": 1}]})
        await server.tells("connection", recovered=True)
        await server.do(emit=["news", {"n": 2}])
        assert await heard.until("news", times=3) == [{"n": 0}, {"n": 1}, {"n": 2}]
        assert socket.recovered
