"""The server as a whole: starting, stopping, telling what it does."""

import asyncio
import gc
import json
import socket
import sys
import urllib.error
import urllib.request

import pandas as pd
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from realtime.server.authentication import AuthenticationFailed
from realtime.server.engine.memory import MemoryEngine
from realtime.server.errors import ServerStartError
from realtime.server.peer import Peer
from realtime.server.realtime_server import RealtimeServer
from tests.server.raw_client import raw_client
from tests.server.waiting import until

MESSAGE = {"roomId": "lobby", "messageId": "m1", "text": "hello"}


async def test_two_clients_chat():
    async with (
        RealtimeServer(port=0) as server,
        raw_client(server, "ana", room="lobby") as ana,
        raw_client(server, "ben", room="lobby") as ben,
    ):
        answer = await ana.call("chat:message", MESSAGE)
        assert (answer["ok"], answer["offset"]) == (True, 1)
        [_, message] = await ben.event("chat:message")
        assert (message["userId"], message["text"]) == ("ana", "hello")
        assert await ana.call("chat:message", MESSAGE) == answer
        await ben.call("room:leave", {"roomId": "lobby"})
        assert await next_leaves(ana) == ["ben"]


async def test_many_messages_at_once_are_answered_and_heard_in_order():
    async with (
        RealtimeServer(port=0) as server,
        raw_client(server, "ana", room="lobby") as ana,
        raw_client(server, "ben", room="lobby") as ben,
    ):
        asked = [await ana.ask("chat:message", MESSAGE | {"messageId": f"m{n}"}) for n in range(300)]
        answers = [await ana.answer(ack_id) for ack_id in asked]
        assert [answer["offset"] for answer in answers] == list(range(1, 301))
        heard = [(await ben.event("chat:message"))[1]["messageId"] for _ in range(300)]
        assert heard == [f"m{n}" for n in range(300)]


async def test_events_of_the_application():
    async with RealtimeServer(port=0, presence_batch_s=600) as server:
        server.on("double", lambda session, n: 2 * n)

        async def later(session, n):
            await asyncio.sleep(0)
            return n, session.user_id

        server.on("later", later)
        async with raw_client(server, "ana", room="lobby") as ana, raw_client(server, "ben") as ben:
            assert await ana.call("double", 21) == 42
            assert await ana.call("later", 7) == 7
            server.emit("news", {"n": 1})
            server.emit("secret", room="lobby")
            server.emit("news", {"n": 2})
            assert await ben.event() == ("news", {"n": 1})
            assert await ben.event() == ("news", {"n": 2})
            assert [await ana.event() for _ in range(3)] == [("news", {"n": 1}), ("secret",), ("news", {"n": 2})]
            [session] = [s for s in server.namespace("/").sessions.values() if s.user_id == "ben"]
            server.emit("for you", session=session)
            assert await ben.event() == ("for you",)


async def test_its_address_and_repr():
    server = RealtimeServer(port=0)
    assert repr(server) == "<RealtimeServer http://127.0.0.1:0 stopped>"
    async with server:
        assert server.port > 0
        assert server.url == f"http://127.0.0.1:{server.port}"
        async with raw_client(server, "ana"):
            assert repr(server) == f"<RealtimeServer {server.url} listening connections=1 rooms=0>"
    assert "stopped" in repr(server)


@pytest.mark.parametrize(
    ("host", "url"), [("0.0.0.0", "http://127.0.0.1:80"), ("::1", "http://[::1]:80"), ("server", "http://server:80")]
)
def test_its_address_is_one_to_connect_to(host, url):
    assert RealtimeServer(host=host, port=80, allow_unauthenticated=True).url == url


async def test_figures():
    async with (
        RealtimeServer(port=0, presence_batch_s=60) as server,
        raw_client(server, "ana", room="lobby") as ana,
        raw_client(server, "ben", room="lobby") as ben,
    ):
        await ana.call("chat:message", MESSAGE)
        await ben.event("chat:message")
        stats = server.stats
        assert (stats.connections, stats.sessions, stats.rooms) == (2, 2, 1)
        assert (stats.messages_in, stats.messages_logged, stats.deliveries) == (3, 1, 1)
        await ana.websocket.close()
        await ben.websocket.close()
        await until(lambda: server.stats.connections == 0)
        assert (server.stats.sessions, server.stats.rooms) == (0, 0)


def fetch(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


async def test_plain_http_on_the_same_port():
    async with RealtimeServer(port=0) as server, raw_client(server, "ana"):
        status, body = await asyncio.to_thread(fetch, f"{server.url}/healthz")
        assert (status, json.loads(body)["connections"]) == (200, 1)
        status, body = await asyncio.to_thread(fetch, f"{server.url}/")
        assert (status, b"/socket.io/" in body) == (404, True)
        status, body = await asyncio.to_thread(fetch, f"{server.url}/socket.io/?EIO=4&transport=polling")
        assert (status, json.loads(body)["code"]) == (400, 0)


@pytest.mark.clause("RT-CHAT-20")
async def test_pandas_reads_a_rooms_messages_from_the_server():
    async with RealtimeServer(port=0) as server, raw_client(server, "ana", room="a room") as ana:
        for text in ("one", "two"):
            await ana.call("chat:message", {"roomId": "a room", "messageId": f"m-{text}", "text": text})
        url = f"{server.url}/api/rooms/a%20room/messages"
        frame = await asyncio.to_thread(pd.read_json, url)
        assert frame[["userId", "messageId", "text", "offset"]].to_dict("records") == [
            {"userId": "ana", "messageId": "m-one", "text": "one", "offset": 1},
            {"userId": "ana", "messageId": "m-two", "text": "two", "offset": 2},
        ]
        status, body = await asyncio.to_thread(fetch, f"{url}?limit=0")
        assert (status, b"limit" in body) == (400, True)
        assert server.stats.handshakes == 1, "a request is no handshake"


async def test_a_rooms_messages_need_the_token_that_the_sockets_need():
    def authenticate(auth):
        return "ana" if auth.get("token") == "secret" else None

    async with RealtimeServer(port=0, authenticate=authenticate) as server:
        url = f"{server.url}/api/rooms/lobby/messages"
        assert (await asyncio.to_thread(fetch, url))[0] == 401
        assert await asyncio.to_thread(fetch, url, Authorization="Bearer secret") == (200, b"[]")
        assert await asyncio.to_thread(fetch, f"{url}?token=secret") == (200, b"[]")


async def test_prometheus_reads_figures_from_the_server():
    async with RealtimeServer(port=0) as server, raw_client(server, "ana", room="lobby") as ana:
        await ana.call("chat:message", {"roomId": "lobby", "messageId": "m1", "text": "x"})
        await ana.call("chat:message", {"roomId": "attic", "messageId": "m2", "text": "x"})
        status, body = await asyncio.to_thread(fetch, f"{server.url}/metrics")
        assert status == 200
        for line in (b"connections 1.0", b"rooms 1.0", b"messages_logged_total 1.0", b"refused_total 1.0"):
            assert b"\nrealtime_" + line in body


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the second bind fails already")
async def test_a_port_that_another_server_takes_between_bind_and_listen_is_a_clear_error():
    """Two that start at the same moment: both may bind the address, and the second one to listen is told."""
    with socket.socket() as rival:
        rival.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        rival.bind(("127.0.0.1", 0))
        engine = MemoryEngine()
        start, stop, stopped = engine.start, engine.stop, []

        async def slow_start(deliver):
            await start(deliver)
            rival.listen()

        async def noted_stop():
            await stop()
            stopped.append(True)

        engine.start, engine.stop = slow_start, noted_stop
        server = RealtimeServer(port=rival.getsockname()[1], engine=engine)
        with pytest.raises(ServerStartError, match="is taken"):
            await server.start()
        assert stopped == [True]
        assert "stopped" in repr(server)
        rival.close()
        engine.start = start
        await server.start()
        await server.stop()


async def test_a_port_that_is_taken_is_a_clear_error():
    async with RealtimeServer(port=0) as first:
        second = RealtimeServer(port=first.port)
        with pytest.raises(ServerStartError, match=f"127.0.0.1:{first.port} is taken.*port=0"):
            await second.start()
        assert "stopped" in repr(second)
        await second.stop()


async def test_a_host_that_does_not_exist_is_a_clear_error():
    with pytest.raises(ServerStartError, match=r"cannot listen on 203\.0\.113\.1"):
        await RealtimeServer(host="203.0.113.1", port=0, allow_unauthenticated=True).start()


async def test_starting_twice_is_a_mistake_and_stopping_twice_is_not():
    server = RealtimeServer(port=0)
    await server.stop()
    async with server:
        with pytest.raises(ServerStartError, match="already"):
            await server.start()
    await server.stop()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "server", ""])
def test_without_authentication_only_this_machine_is_served(host):
    with pytest.raises(ServerStartError, match="allow_unauthenticated=True"):
        RealtimeServer(host=host)
    RealtimeServer(host=host, allow_unauthenticated=True)
    RealtimeServer(host=host, authenticate=lambda auth: None)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_has_several_names(host):
    RealtimeServer(host=host)


@pytest.mark.parametrize(
    "options",
    [{"ping_interval_s": 0}, {"ping_timeout_s": -1}, {"max_payload": 0}, {"connect_timeout_s": 0}, {"port": 65_536}],
)
def test_settings_that_make_no_sense_are_refused_at_once(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        RealtimeServer(**options)


async def test_stopping_tells_every_client_and_leaves_nothing():
    server = RealtimeServer(port=0)
    gone = []
    server.on("disconnect", lambda session, reason: gone.append(reason))

    async def forever(session):
        await asyncio.Event().wait()

    server.on("wait", forever)
    before = asyncio.all_tasks()
    await server.start()
    async with raw_client(server, "ana", room="lobby") as ana, raw_client(server, "ben", room="lobby") as ben:
        await ana.send('42["wait"]')
        await ana.call("app:state", {"state": "active"})
        await server.stop()
        assert await ana.closed() == (1001, "server stopping")
        assert await ben.closed() == (1001, "server stopping")
        assert gone == ["server stopping"] * 2
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await asyncio.open_connection("127.0.0.1", server.port)
    assert server.stats.sessions == 0
    await until(lambda: asyncio.all_tasks() == before)


async def test_stopping_does_not_wait_for_clients_that_do_not_answer():
    server = RealtimeServer(port=0, close_timeout_s=0.1)
    await server.start()
    loop = asyncio.get_running_loop()
    silent = socket.create_connection(("127.0.0.1", server.port))  # never sends its request
    async with raw_client(server, "ana") as ana:
        ana.websocket.transport.pause_reading()
        await until(lambda: server.open_sockets == 2)
        began = loop.time()
        await server.stop()
        assert loop.time() - began < 8
        ana.websocket.transport.resume_reading()
    silent.close()


async def test_it_can_be_started_again_with_its_rooms_logs():
    server = RealtimeServer(port=0)
    async with server, raw_client(server, "ana", room="lobby") as ana:
        await ana.call("chat:message", MESSAGE)
    async with server, raw_client(server, "ana") as ana:
        reply = await ana.call("room:join", {"roomId": "lobby"})
        assert [message["messageId"] for message in reply["messages"]] == ["m1"]


async def test_an_engine_may_be_given():
    engine = MemoryEngine(messages_per_room=1)
    async with RealtimeServer(port=0, engine=engine) as server, raw_client(server, "ana", room="lobby") as ana:
        await ana.call("chat:message", MESSAGE)
        assert engine.rooms == 1


async def next_leaves(client):
    """The users in the next diff that tells of any who left."""
    while True:
        [_, diff] = await client.event("presence:diff")
        if diff["leaves"]:
            return [member["userId"] for member in diff["leaves"]]


async def test_a_lost_client_leaves_its_rooms():
    async with (
        RealtimeServer(port=0, presence_grace_s=0.3) as server,
        raw_client(server, "ana", room="lobby") as ana,
        raw_client(server, "ben", room="lobby") as ben,
    ):
        ben.websocket.transport.abort()
        assert await next_leaves(ana) == ["ben"]


async def test_one_client_that_stalls_hurts_nobody_else():
    async with (
        RealtimeServer(port=0, max_backlog=100_000, presence_grace_s=0) as server,
        raw_client(server, "ana", room="lobby") as ana,
        raw_client(server, "ben", room="lobby") as ben,
        raw_client(server, "cem", room="lobby") as stalled,
    ):
        stalled.websocket.transport.pause_reading()
        sent = 0
        while not server.stats.ended_too_slow:
            assert sent < 5000
            await ana.call("chat:message", MESSAGE | {"messageId": f"m{sent}", "text": "x" * 8000})
            await ana.call("chat:typing", {"roomId": "lobby", "isTyping": True})
            [_, message] = await ben.event("chat:message")
            sent += 1
            assert message["offset"] == sent
        assert await next_leaves(ana) == ["cem"]
        assert server.stats.volatile_dropped > 0
        stalled.websocket.transport.resume_reading()


async def test_a_raw_handshake_without_engine_io_is_refused():
    async with RealtimeServer(port=0) as server:
        with pytest.raises(Exception, match="404"):
            async with connect(f"ws://127.0.0.1:{server.port}/", proxy=None):
                pass


async def test_clients_with_compression_and_foreign_origins_are_served():
    async with RealtimeServer(port=0) as server:
        url = f"ws://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=websocket"
        async with connect(url, proxy=None, origin="https://elsewhere.example") as client:
            assert (await client.recv()).startswith("0{")
            await client.send(["4", "0"])
            assert (await client.recv()).startswith("40{")


async def test_a_refused_user_can_be_told_apart():
    def authenticate(auth):
        raise AuthenticationFailed("no entry")

    async with (
        RealtimeServer(port=0, authenticate=authenticate) as server,
        raw_client(server, connected=False) as client,
    ):
        await client.send("40{}")
        assert await client.receive() == '44{"message":"no entry","data":{"code":"not_authorized"}}'


async def test_connections_leave_no_garbage_behind():
    async with RealtimeServer(port=0) as server:
        for _ in range(3):
            async with raw_client(server, "ana", room="lobby"):
                pass
        await until(lambda: server.open_sockets == 0)
        await until(lambda: gc.collect() is not None and not [o for o in gc.get_objects() if isinstance(o, Peer)])


async def test_a_closed_connection_is_told_by_its_end():
    async with RealtimeServer(port=0) as server, raw_client(server, "ana") as ana:
        await server.stop()
        with pytest.raises(ConnectionClosed):
            await ana.receive()


async def test_bytes_go_both_ways():
    async with RealtimeServer(port=0) as server, raw_client(server, "ana") as ana:
        server.on("echo", lambda session, photo: {"photo": photo})
        await ana.send('451-7["echo",{"_placeholder":true,"num":0}]')
        await ana.send(b"\x00\xff")
        assert await ana.receive() == '461-7[{"photo":{"_placeholder":true,"num":0}}]'
        assert await ana.receive() == b"\x00\xff"


@pytest.mark.parametrize(
    "story",
    [
        test_two_clients_chat,
        test_many_messages_at_once_are_answered_and_heard_in_order,
        test_a_lost_client_leaves_its_rooms,
        test_one_client_that_stalls_hurts_nobody_else,
        test_stopping_tells_every_client_and_leaves_nothing,
        test_stopping_does_not_wait_for_clients_that_do_not_answer,
        test_a_port_that_is_taken_is_a_clear_error,
    ],
)
def test_the_same_on_uvloop(story):
    uvloop = pytest.importorskip("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())
