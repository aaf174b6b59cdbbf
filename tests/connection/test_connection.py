"""One connection, from dialling to its end, over real sockets."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from realtime.connection.actions import Farewell
from realtime.connection.connection import Connection
from realtime.connection.errors import ConnectError, ConnectionLost, ConnectRefused
from realtime.connection.heartbeat_monitor import HeartbeatMonitor
from realtime.connection.web_socket import Route
from realtime.protocol.client_session import AckReceived, ClientSession, Connected, EventReceived
from tests.connection.peer import Mood, Peer


class Notes:
    """Writes down all that a connection reports."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.said: list[Any] = []
        self.news = asyncio.Event()

    def note(self, what: Any) -> None:
        self.said.append(what)
        self.news.set()

    def connection_stage(self, stage: str) -> None:
        self.stages.append(stage)

    def connection_opened(self, max_payload: int) -> None:
        self.note(("opened", max_payload))

    def connection_ready(self, connected: Connected) -> None:
        self.note(connected)

    def connection_event(self, event: EventReceived) -> None:
        self.note(event)

    def connection_acked(self, ack: AckReceived) -> None:
        self.note(ack)

    def connection_measured(self) -> None:
        self.note("measured")

    def connection_writable(self) -> None:
        self.note("writable")

    def connection_failed(self, error: ConnectError) -> None:
        self.note(error)

    def connection_lost(self, reason: str) -> None:
        self.note(reason)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                self.news.clear()
                await self.news.wait()


class Call:
    """A connection under test, its listener, and the peer."""

    def __init__(self, peer: Peer, **route: Any) -> None:
        self.peer = peer
        self.notes = Notes()
        self.heartbeat = HeartbeatMonitor()
        url = f"ws://127.0.0.1:{peer.port}/socket.io/?EIO=4&transport=websocket"
        self.connection = Connection(
            Route(**{"url": url, "address": peer.url, "close_timeout_s": 20} | route),
            self._session,
            self.heartbeat,
            self.notes,
        )

    async def _session(self) -> ClientSession:
        return ClientSession(auth={"token": "t"})

    async def ready(self) -> None:
        self.connection.start()
        await self.notes.until(lambda: any(isinstance(said, Connected) for said in self.notes.said))

    async def over(self) -> Any:
        await self.notes.until(
            lambda: isinstance(self.notes.said[-1], str | ConnectError) if self.notes.said else False
        )
        return self.notes.said[-1]


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    async with Peer() as peer:
        call = Call(peer)
        yield call
        async with asyncio.timeout(20):
            await call.connection.hang_up(Farewell.DROP)


async def test_it_opens_talks_and_says_goodbye(call: Call) -> None:
    await call.ready()
    connection, notes = call.connection, call.notes
    assert notes.said[:2] == [("opened", 1_000_000), Connected("s1", None, False)]
    assert call.peer.caller.auth == {"token": "t"}
    assert connection.writable
    connection.write(b'427["ask"]')
    await call.peer.emit("hello", 1)
    await notes.until(lambda: len([said for said in notes.said if isinstance(said, AckReceived | EventReceived)]) == 2)
    assert AckReceived(7, ({"ok": True},)) in notes.said
    assert EventReceived("hello", (1,)) in notes.said
    before = len(notes.said)
    await connection.hang_up(Farewell.GOODBYE)
    assert call.peer.caller.said_goodbye
    assert call.peer.caller.close_code == 1000
    assert len(notes.said) == before
    assert connection.bytes_sent == len('40{"token":"t"}') + len('427["ask"]') + len("41")


async def test_a_close_leaves_the_session_to_be_continued(call: Call) -> None:
    await call.ready()
    await call.connection.hang_up(Farewell.CLOSE)
    assert not call.peer.caller.said_goodbye
    assert call.peer.caller.close_code == 1000


async def test_it_tells_how_far_the_attempt_has_come(call: Call) -> None:
    await call.ready()
    assert call.notes.stages == [
        "making the auth",
        "waiting for the TCP connection",
        "waiting for the WebSocket upgrade",
        "waiting for the Engine.IO handshake",
        "waiting for the Socket.IO CONNECT reply",
    ]


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        (Mood.DROPPING, "InvalidMessage"),
        (Mood.BUSY, "HTTP 503"),
        (Mood.SLAMMING, "ConnectionClosedOK"),
        (Mood.GARBLED, "RemoteProtocolError"),
        (Mood.ENDING, "RemoteProtocolError"),
    ],
)
async def test_every_way_to_fail_is_a_failure_of_the_attempt(call: Call, mood: Mood, words: str) -> None:
    call.peer.mood = mood
    call.connection.start()
    error = await call.over()
    assert isinstance(error, ConnectError)
    assert words in str(error)
    assert str(error).startswith(call.peer.url)
    assert not call.connection.writable


async def test_nobody_there_is_a_failure_of_the_attempt() -> None:
    async with Peer() as peer:
        call = Call(peer)
    call.connection.start()
    assert "ConnectionRefusedError" in str(await call.over())
    await call.connection.hang_up(Farewell.GOODBYE)


async def test_a_failing_auth_is_a_failure_of_the_attempt(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_token() -> ClientSession:
        raise RuntimeError("no token today")

    monkeypatch.setattr(call.connection, "_make_session", no_token)
    call.connection.start()
    assert "RuntimeError: no token today" in str(await call.over())


async def test_a_refusal_carries_the_servers_words(call: Call) -> None:
    call.peer.mood, call.peer.refusal = Mood.REFUSING, {"message": "banned", "data": {"retryAfterMs": 1500}}
    call.connection.start()
    error = await call.over()
    assert isinstance(error, ConnectRefused)
    assert (error.message, error.retry_after_s) == ("banned", 1.5)


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (["41"], "io server disconnect"),
        (["1"], "transport close"),
        (["42{}"], "parse error"),
        (["4abc"], "parse error"),
        ([b"nobody announced these bytes"], "parse error"),
        (["40{}"], "parse error"),
    ],
)
async def test_what_the_server_says_may_end_a_connection(call: Call, frames: list[str | bytes], reason: str) -> None:
    await call.ready()
    for frame in [*frames, '42["never heard"]']:
        await call.peer.caller.say(frame)
    assert await call.over() == reason
    await call.connection.hang_up(Farewell.GOODBYE)
    assert not any(isinstance(said, EventReceived) for said in call.notes.said)


async def test_a_server_that_goes_closes(call: Call) -> None:
    await call.ready()
    await call.peer.stop()
    assert await call.over() == "transport close"


async def test_a_reset_is_an_error(call: Call) -> None:
    await call.ready()
    sock = call.peer.caller.ws.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    call.peer.caller.ws.transport.abort()
    assert await call.over() == "transport error"


async def test_a_server_that_says_it_closes_and_then_hangs_is_closed_all_the_same(call: Call) -> None:
    await call.ready()
    ws = call.peer.caller.ws
    await call.peer.emit("last words")
    ws.transport.write(bytes([0x88, 2, 3, 0xE8]))  # a close frame, code 1000, which the server then forgets about
    assert await call.over() == "transport close"
    assert EventReceived("last words", ()) in call.notes.said


async def test_a_message_over_the_limit_is_a_parse_error() -> None:
    async with Peer() as peer:
        call = Call(peer, max_size=1000)
        await call.ready()
        await peer.emit("big", "x" * 2000)
        assert await call.over() == "parse error"
        await call.connection.hang_up(Farewell.DROP)


async def test_a_dialling_connection_can_be_hung_up_at_once() -> None:
    async with Peer() as peer:
        peer.mood = Mood.SILENT
        call = Call(peer, close_timeout_s=3600)
        call.connection.start()
        await call.notes.until(lambda: True)
        async with asyncio.timeout(20):
            await call.connection.hang_up(Farewell.GOODBYE)
        assert call.notes.said == []


async def test_hanging_up_twice_is_harmless(call: Call) -> None:
    await call.ready()
    await asyncio.gather(call.connection.hang_up(Farewell.GOODBYE), call.connection.hang_up(Farewell.DROP))
    await call.connection.hang_up(Farewell.GOODBYE)


async def test_a_goodbye_to_a_peer_that_does_not_listen_is_bounded() -> None:
    async with Peer() as peer:
        call = Call(peer, close_timeout_s=0.5)
        await call.ready()
        peer.caller.ws.transport.pause_reading()
        async with asyncio.timeout(20):
            await call.connection.hang_up(Farewell.GOODBYE)


async def test_the_round_trip_is_measured_once_for_all_who_ask(call: Call) -> None:
    await call.ready()
    await call.notes.until(lambda: "measured" in call.notes.said)  # the first one comes by itself
    first, second = await asyncio.gather(call.connection.measure_rtt(), call.connection.measure_rtt())
    assert first == second > 0
    assert call.heartbeat.rtt_s == first
    assert call.notes.said.count("measured") == 2


async def test_who_measures_a_connection_that_ends_is_told(call: Call) -> None:
    await call.ready()
    call.peer.caller.ws.transport.pause_reading()
    measuring = asyncio.ensure_future(call.connection.measure_rtt())
    await asyncio.sleep(0)
    call.connection.ended("ping timeout")
    with pytest.raises(ConnectionLost, match="ping timeout"):
        await measuring
    with pytest.raises(ConnectionLost):
        await call.connection.measure_rtt()


async def test_a_full_write_buffer_pauses_and_tells_when_there_is_room(call: Call) -> None:
    await call.ready()
    call.peer.caller.ws.transport.pause_reading()
    written = 0
    while call.connection.writable:
        call.connection.write(b'42["say","%s"]' % (b"x" * 10_000))
        written += 1
        await asyncio.sleep(0)
        assert written < 5000
    await call.peer.emit("still", "heard")  # a stalled writer does not hold the reader
    await call.notes.until(lambda: EventReceived("still", ("heard",)) in call.notes.said)
    call.peer.caller.ws.transport.resume_reading()
    await call.notes.until(lambda: "writable" in call.notes.said)
    assert call.connection.writable


async def test_bytes_are_sent_as_binary_frames(call: Call) -> None:
    await call.ready()
    await call.peer.caller.say('451-["picture",{"_placeholder":true,"num":0}]')
    await call.peer.caller.say(b"\x01\x02")
    await call.notes.until(lambda: EventReceived("picture", (b"\x01\x02",)) in call.notes.said)
    call.connection.write(b"4", (b"\x03",))
    assert call.connection.bytes_sent == len('40{"token":"t"}') + 2


async def test_acknowledging_what_cannot_be_sent_is_logged(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    await call.ready()
    call.connection.send_ack(3, ["fine"])
    call.connection.send_ack(4, [object()])
    await call.connection.hang_up(Farewell.GOODBYE)
    call.connection.send_ack(5, ["too late"])
    assert call.peer.caller.acks == [(3, ["fine"])]
    assert "ack 4" in caplog.text
    assert "too late" not in caplog.text
