"""The stock Node Socket.IO client talks to our server: the one of ``realtime serve``, and one in this process."""

import asyncio

import pytest

from realtime.connection.socket_manager import SocketManager
from realtime.server.admission import Admission
from realtime.server.realtime_server import RealtimeServer
from tests.interop.heard import event, events
from tests.processes import serving
from tests.server.waiting import until

pytestmark = pytest.mark.node

HELLO = {"roomId": "lobby", "messageId": "m-1", "text": "grüß dich 👋"}


async def test_chat_between_the_stock_client_and_ours(stock_client):
    heard = asyncio.Queue()
    async with serving() as served, SocketManager(served.url, auth={"userId": "ben"}) as ben:
        ben.on("chat:message", heard.put_nowait)
        assert (await ben.call("room:join", {"roomId": "lobby"}))["ok"]

        ana = await stock_client(served.url, auth={"userId": "ana"})
        await ana.tells("connect")
        await ana.do(call=["room:join", {"roomId": "lobby"}])
        [joined] = (await ana.tells(ack="room:join"))["args"]
        assert joined["ok"]
        assert sorted(member["userId"] for member in joined["members"]) == ["ana", "ben"]

        await ana.do(call=["chat:message", HELLO])
        [acked] = (await ana.tells(ack="chat:message"))["args"]
        assert acked["ok"]
        assert acked["messageId"] == "m-1"
        message = await asyncio.wait_for(heard.get(), 30)
        assert {key: message[key] for key in HELLO} == HELLO
        assert (message["userId"], message["offset"]) == ("ana", acked["offset"])

        answer = {"roomId": "lobby", "messageId": "m-2", "text": "hello"}
        assert (await ben.call("chat:message", answer))["ok"]
        _, received, *_ = await event(ana, "chat:message")
        assert received["text"] == "hello"
        assert received["userId"] == "ben"


async def test_a_repeated_message_is_acked_again_and_heard_once(stock_client):
    async with serving() as served:
        ana = await stock_client(served.url, auth={"userId": "ana"})
        ben = await stock_client(served.url, auth={"userId": "ben"})
        for client in (ana, ben):
            await client.do(call=["room:join", {"roomId": "lobby"}])
            await client.tells(ack="room:join")
        for message in (HELLO, HELLO, HELLO | {"messageId": "m-2", "text": "the last one"}):
            await ana.do(call=["chat:message", message])
        await ben.find(lambda line: "the last one" in line or None)
        acks = [told["args"] for told in await ana.tells_times(3, ack="chat:message")]
        texts = [message["text"] for _, message, *_ in events(ben, "chat:message")]
        assert texts == [HELLO["text"], "the last one"]
        assert acks[0] == acks[1]


async def test_an_unknown_namespace_is_refused(stock_client):
    async with serving() as served:
        client = await stock_client(f"{served.url}/custom")
        assert (await client.tells("connectError"))["connectError"] == "Invalid namespace"


async def test_a_payload_of_the_wrong_kind_is_refused_and_the_connection_goes_on(stock_client):
    async with serving() as served:
        ana = await stock_client(served.url, auth={"userId": "ana"})
        await ana.do(call=["room:join", {"roomId": "lobby"}])
        await ana.tells(ack="room:join")
        await ana.do(call=["chat:message", HELLO | {"text": b"\x00\xff"}])
        [refused] = (await ana.tells(ack="chat:message"))["args"]
        assert not refused["ok"]
        assert refused["error"]["code"]
        assert refused["error"]["message"]
        await ana.do(call=["room:leave", {"roomId": "lobby"}])
        assert (await ana.tells(ack="room:leave"))["args"] == [{"ok": True}]
        assert not [told for told in ana.told if "disconnect" in told]


async def test_bytes_go_there_and_back(stock_client):
    async with RealtimeServer(port=0) as server:
        server.on("echo", lambda session, *args: list(args))
        client = await stock_client(server.url, auth={"userId": "ana"})
        await client.do(call=["echo", {"photo": b"\x00\xff", "name": "p"}, b"\x01"])
        [echoed] = (await client.tells(ack="echo"))["args"]
        assert echoed == [{"photo": b"\x00\xff", "name": "p"}, b"\x01"]


async def test_the_stock_client_catches_up_by_position_after_a_drop(stock_client):
    async with serving() as served, SocketManager(served.url, auth={"userId": "ben"}) as ben:
        await ben.call("room:join", {"roomId": "lobby"})
        ana = await stock_client(served.url, auth={"userId": "ana"}, reconnectionDelay=10)
        await ana.do(call=["room:join", {"roomId": "lobby"}])
        await ana.tells(ack="room:join")
        for number in range(3):
            if number == 1:
                await ana.do(drop=True)
                await ana.tells("disconnect")
            assert (await ben.call("chat:message", HELLO | {"messageId": f"m-{number}", "text": f"{number}"}))["ok"]
            if number == 0:
                _, message, *_ = await event(ana, "chat:message")
        await ana.tells_times(2, "connect")
        await ana.do(call=["room:join", {"roomId": "lobby", "since": message["position"]}])
        joined = (await ana.tells_times(2, ack="room:join"))[1]["args"][0]
        assert joined["recovered"]
        assert [message["text"] for message in joined["messages"]] == ["1", "2"]


async def test_the_stock_client_passes_a_fence_after_what_it_sent_before_and_keeps_its_heartbeat(stock_client):
    handled = []
    async with RealtimeServer(port=0, ping_interval_s=0.3, ping_timeout_s=5) as server:
        server.on("connect", handled.append)
        server.on("note", lambda session, number: handled.append(number))
        client = await stock_client(server.url, auth={"userId": "ana"})
        await client.tells("connect")
        [session] = handled
        passed = asyncio.Event()
        for number in range(3):
            await client.do(emit=["note", number])
        await until(lambda: len(handled) == 4)
        session.emit("news")
        session.fence(passed.set)
        await asyncio.wait_for(passed.wait(), 30)
        assert events(client, "news") or await event(client, "news")
        await client.do(call=["note", 3])  # nothing was taken for a wrong packet
        await client.tells(ack="note")
        assert handled[1:] == [0, 1, 2, 3]
        assert not [told for told in client.told if "disconnect" in told]


@pytest.mark.clause("RT-CON-10")
async def test_the_stock_client_sees_a_refused_handshake_as_a_failed_attempt_and_comes_again(stock_client, monkeypatch):
    answers = iter([1.0, 2.0])
    monkeypatch.setattr(Admission, "knock", lambda admission, now: next(answers, None))
    async with RealtimeServer(port=0) as server:
        client = await stock_client(server.url, auth={"userId": "ana"}, reconnectionDelay=10)
        failures = await client.tells_times(2, "connectError")
        assert [failure["connectError"] for failure in failures] == ["websocket error"] * 2
        await client.tells("connect")
        assert (server.stats.handshakes, server.stats.handshakes_refused) == (1, 2)
