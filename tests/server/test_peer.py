"""One client of a running server: its handshake, its namespaces, its heartbeat, its mistakes."""

import asyncio
import json

import pytest

from realtime.server.authentication import AuthenticationFailed
from realtime.server.realtime_server import RealtimeServer
from realtime.sim.world import simulate
from tests.server.raw_client import raw_client
from tests.server.waiting import until


def serving(*, recovery_s=0, **options):
    return RealtimeServer(port=0, recovery_s=recovery_s, **options)


def in_virtual_time(story, **settings):
    """Tell it to a server of a simulated world, and to ana's client of it."""

    async def main(world):
        options = {"host": "server", "allow_unauthenticated": True} | settings
        async with serving(**options) as server, raw_client(server, "ana") as client:
            await story(server, client)

    simulate(main)


async def test_the_handshake_announces_what_holds():
    settings = {"ping_interval_s": 50.5, "ping_timeout_s": 20.25, "max_payload": 5000}
    async with serving(**settings) as server, raw_client(server, connected=False) as client:
        sid = client.handshake.pop("sid")
        assert client.handshake == {"pingInterval": 50_500, "pingTimeout": 20_250, "maxPayload": 5000, "upgrades": []}
        await client.join_namespace({"userId": "ana"})
        assert client.sid not in ("", sid)


async def test_no_private_id_is_offered_where_nothing_can_be_recovered():
    async with serving(recovery_s=0) as server, raw_client(server, connected=False) as client:
        await client.send('40{"userId":"ana","pid":"p","offset":"o"}')
        answer = json.loads((await client.receive())[2:])
        assert set(answer) == {"sid"}


async def test_an_unknown_namespace_is_refused_and_the_connection_stays():
    async with serving() as server, raw_client(server, connected=False) as client:
        await client.send("40/random,")
        assert await client.receive() == '44/random,{"message":"Invalid namespace"}'
        await client.join_namespace()


async def test_a_registered_namespace_has_events_of_its_own():
    async with serving() as server:
        custom = server.namespace("/custom")
        assert server.namespace("/custom") is custom
        custom.on("connect", lambda session: session.emit("auth", session.auth))
        custom.on("add", lambda session, a, b: a + b)
        async with raw_client(server) as client:
            await client.join_namespace({"token": "abc"}, "/custom")
            assert await client.receive() == '42/custom,["auth",{"token":"abc"}]'
            await client.send('42/custom,7["add",1,2]')
            assert await client.receive() == "43/custom,7[3]"
            await client.send('42/custom,8["room:join",{"roomId":"lobby"}]')
            assert '"unknown_event"' in await client.receive()


async def test_leaving_one_namespace_leaves_the_other_alone():
    left = []
    async with serving() as server:
        custom = server.namespace("/custom")
        custom.on("disconnect", lambda session, reason: left.append(reason))
        async with raw_client(server, "ana") as client:
            await client.join_namespace(None, "/custom")
            await client.send("41/custom,")
            await until(lambda: left)
            assert left == ["left by the client"]
            assert (await client.call("app:state", {"state": "active"}))["ok"]
            await client.join_namespace(None, "/custom")


async def test_the_server_can_end_a_session():
    gone = []
    async with serving() as server:
        server.on("connect", lambda session: gone.append(session))
        server.on("quit", lambda session: session.disconnect())
        server.on("disconnect", lambda session, reason: gone.append(reason))
        async with raw_client(server, "ana") as client:
            await client.send('42["quit"]')
            assert await client.receive() == "41"
            assert gone[1:] == ["ended by the server"]
            gone[0].emit("hello")
            await client.send('42["quit"]')  # sent before it knew
            await client.join_namespace()


def test_pings_go_out_and_silence_ends_the_connection():
    gone = []

    async def story(server, client):
        server.on("disconnect", lambda session, reason: gone.append(reason))
        assert await client.websocket.recv() == "2"
        client.answers_pings = False
        assert await client.closed() == (1001, "ping timeout")
        assert gone == ["ping timeout"]

    in_virtual_time(story, ping_interval_s=5, ping_timeout_s=2)


def test_answered_pings_keep_it_alive():
    async def story(server, client):
        for _ in range(5):
            assert await client.websocket.recv() == "2"
            await client.send("3")
        assert (await client.call("app:state", {"state": "active"}))["ok"]

    in_virtual_time(story, ping_interval_s=5, ping_timeout_s=2)


async def test_a_fence_is_passed_once_everything_sent_before_was_handled():
    handled = []
    async with serving() as server:
        server.on("connect", lambda session: handled.append(session))
        server.on("note", lambda session, number: handled.append(number))
        async with raw_client(server, "ana") as client:
            [session] = handled
            client.answers_pings = False
            session.emit("news")
            session.fence(lambda: handled.append("fence"))
            assert await client.receive() == '42["news"]'
            assert await client.websocket.recv() == "2"
            await client.send('42["note",1]')
            await client.send("3")
            await client.send('42["note",2]')
            await until(lambda: 2 in handled)
            assert handled[1:] == [1, "fence", 2]


async def test_a_fence_of_a_connection_that_is_lost_is_never_passed():
    handled = []
    async with serving() as server:
        server.on("connect", lambda session: handled.append(session))
        server.on("disconnect", lambda session, reason: handled.append(reason))
        async with raw_client(server, "ana") as client:
            [session] = handled
            client.answers_pings = False
            session.fence(lambda: handled.append("fence"))
        await until(lambda: len(handled) == 2)
        session.fence(lambda: handled.append("fence"))
        assert "fence" not in handled


async def test_a_client_that_never_connects_is_ended():
    async with serving(connect_timeout_s=0.05) as server, raw_client(server, connected=False) as client:
        assert await client.closed() == (1001, "connect timeout")


async def test_an_engine_io_close_is_a_goodbye():
    gone = []
    async with serving() as server:
        server.on("disconnect", lambda session, reason: gone.append(reason))
        async with raw_client(server, "ana") as client:
            await client.send("1")
            code, _ = await client.closed()
            assert code == 1000
            assert gone == ["closed by the client"]


async def test_in_development_a_stock_client_gets_in_without_a_name():
    async with serving() as server:
        server.on("who", lambda session: session.user_id)
        async with raw_client(server) as client:
            assert (await client.call("who")).startswith("anonymous-")


async def test_bad_auth_is_a_connect_error_with_words():
    async with serving() as server, raw_client(server, connected=False) as client:
        await client.send('40{"userId":7}')
        answer = await client.receive()
        assert answer.startswith("44{")
        error = json.loads(answer[2:])
        assert "userId" in error["message"]
        assert error["data"] == {"code": "invalid_auth"}
        await client.join_namespace({"userId": "ana"})


@pytest.mark.parametrize("is_async", [False, True])
async def test_an_authenticator_decides(is_async):
    def check(auth):
        if auth.get("token") != "good":
            raise AuthenticationFailed("this token is not good", code="bad_token")
        return "ana"

    async def check_later(auth):
        await asyncio.sleep(0)
        return check(auth)

    async with serving(authenticate=check_later if is_async else check) as server:
        server.on("who", lambda session: [session.user_id, session.device_id])
        async with raw_client(server, connected=False) as client:
            await client.send('40{"token":"bad"}')
            assert await client.receive() == '44{"message":"this token is not good","data":{"code":"bad_token"}}'
            await client.join_namespace({"token": "good", "deviceId": "d", "userId": "mallory"})
            assert await client.call("who") == ["ana", "d"]


async def test_a_client_that_goes_while_it_is_authenticated_leaves_nothing_behind():
    checking = asyncio.Event()
    cancelled = asyncio.Event()

    async def check(auth):
        checking.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with serving(authenticate=check) as server:
        async with raw_client(server, connected=False) as client:
            await client.send("40{}")
            await asyncio.wait_for(checking.wait(), 20)
        await asyncio.wait_for(cancelled.wait(), 20)
        assert server.stats.sessions == 0


BAD_PACKETS = {
    "no packet": "4abc",
    "an event that is an object": "42{}",
    "letters before the array": "42abc[1]",
    "an event without a name": "42[]",
    "a number as name": "42[7]",
    "a reserved name": '42["connect"]',
    "JSON cut short": '42["chat:message",{"roomId":',
    "JSON cut short in a custom event": '42["hello",',
    "no JSON": '42["hello",NaN]',
    "a second CONNECT": "40",
    "a namespace never asked for": '42/other,["x"]',
    "a ping": "2",
    "an OPEN": '0{"sid":"x"}',
    "an unknown Engine.IO type": "9",
    "an empty frame": "",
    "a binary frame that nobody announced": b"\x00",
    "a packet where an attachment is due": '451-["x",{"_placeholder":true,"num":0}]',
    "too many attachments": '4599-["x"]',
    "a CONNECT_ERROR": '44{"message":"x"}',
    "JSON nested deeply": '42["hello",' + "[" * 20_000,
    "an ack without an id": "43[]",
}


@pytest.mark.parametrize("packet", BAD_PACKETS.values(), ids=BAD_PACKETS.keys())
async def test_a_bad_packet_ends_its_sender_at_once_with_a_reason_and_nobody_else(packet):
    async with serving(presence_batch_s=0) as server:
        server.on("hello", lambda session, *args: None)
        async with raw_client(server, "ben", room="lobby") as bystander, raw_client(server, "ana", room="lobby") as bad:
            await bad.send(packet)
            if isinstance(packet, str) and packet.startswith("451-"):
                await bad.send('42["x"]')
            code, reason = await bad.closed()
            assert code == (1003 if packet == b"\x00" else 1002)
            assert reason
            while not (diff := (await bystander.event("presence:diff"))[1])["leaves"]:
                pass
            assert [member["userId"] for member in diff["leaves"]] == ["ana"]
            message = {"roomId": "lobby", "messageId": "m1", "text": "still here"}
            assert (await bystander.call("chat:message", message))["ok"]
            assert (server.stats.bad_packets, server.stats.connections) == (1, 1)


async def test_a_packet_that_is_too_big_ends_its_sender():
    async with serving(max_payload=1000) as server, raw_client(server, "ana") as client:
        await client.send('42["hello","' + "x" * 1000 + '"]')
        code, reason = await client.closed()
        assert code == 1009
        assert reason


async def test_a_packet_before_the_namespace_is_open_ends_the_connection():
    async with serving() as server, raw_client(server, connected=False) as client:
        await client.send('42["hello"]')
        assert (await client.closed())[0] == 1002


async def test_an_answer_that_nobody_waits_for_is_ignored():
    async with serving() as server, raw_client(server, "ana") as client:
        await client.send("4377[1]")
        await client.send("3")
        assert (await client.call("app:state", {"state": "active"}))["ok"]
