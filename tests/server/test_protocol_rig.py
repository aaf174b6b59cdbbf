"""What Socket.IO v5 over Engine.IO v4 asks of a server, over WebSocket: https://socket.io/docs/v4/socket-io-protocol.

Where a packet is wrong, no timeout may help: there, all of them are an hour. Where a ping must come or be answered in
time, the time is virtual.
"""

import asyncio
import contextlib
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from realtime.sim.world import simulate
from tests.server.protocol_rig import protocol_rig
from tests.server.raw_client import raw_client

HOUR = {"ping_interval_s": 3600, "ping_timeout_s": 3600, "connect_timeout_s": 3600}
HOLES = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'
BYTES = [b"\x01\x02\x03", b"\x04\x05\x06"]


@contextlib.asynccontextmanager
async def client(*, connected=True, **options):
    """A client of the rig; connected to ``/``, with the ``auth`` event taken."""
    async with protocol_rig(**options) as server, raw_client(server, connected=False) as raw:
        raw.answers_pings = False
        if connected:
            await raw.send("40")
            assert (await frame(raw)).startswith('40{"sid":"')
            assert await frame(raw) == '42["auth",{}]'
        yield raw


def in_virtual_time(story):
    """Tell it to a client of a rig in a simulated world."""

    async def main(world):
        async with client(host="server", allow_unauthenticated=True) as raw:
            await story(raw)

    simulate(main)


async def frame(raw):
    """The next frame, a ping too."""
    return await asyncio.wait_for(raw.websocket.recv(), 30)


async def test_the_handshake_comes_first():
    async with client(connected=False) as raw:
        sid = raw.handshake.pop("sid")
        assert isinstance(sid, str)
        assert raw.handshake == {"upgrades": [], "pingInterval": 300, "pingTimeout": 200, "maxPayload": 1_000_000}


@pytest.mark.parametrize(
    "query", ["", "EIO=4", "EIO=abc&transport=websocket", "transport=websocket", "EIO=4&transport=abc"]
)
async def test_a_wrong_query_is_refused_before_any_websocket(query):
    async with protocol_rig() as server:
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"{server.url.replace('http', 'ws')}/socket.io/?{query}", proxy=None)
        assert refused.value.response.status_code == 400
        assert json.loads(refused.value.response.body)["message"]


def test_the_server_pings_and_an_answer_keeps_the_connection():
    async def story(raw):
        for _ in range(3):
            assert await frame(raw) == "2"
            await raw.send("3")

    in_virtual_time(story)


def test_a_ping_that_is_not_answered_is_the_end():
    async def story(raw):
        assert await frame(raw) == "2"
        assert await raw.closed() == (1001, "ping timeout")

    in_virtual_time(story)


async def test_a_close_packet_is_the_end():
    async with client(**HOUR) as raw:
        await raw.send("1")
        assert await raw.closed() == (1000, "closed by the client")


async def test_no_connect_packet_in_time_is_the_end():
    async with client(connected=False, **HOUR | {"connect_timeout_s": 0.1}) as raw:
        assert await raw.closed() == (1001, "connect timeout")


@pytest.mark.parametrize("namespace", ["/", "/custom"])
@pytest.mark.parametrize("auth", [None, {"token": "123"}], ids=repr)
async def test_a_connection_gets_an_id_of_its_own_and_its_auth_is_heard(namespace, auth):
    prefix = "" if namespace == "/" else f"{namespace},"
    async with client(connected=False, **HOUR) as raw:
        await raw.send(f"40{prefix}{'' if auth is None else json.dumps(auth)}")
        connected = await frame(raw)
        assert connected.startswith(f"40{prefix}")
        ids = json.loads(connected[2 + len(prefix) :])
        assert set(ids) == {"sid"}
        assert ids["sid"] != raw.handshake["sid"]
        told = json.dumps(["auth", auth or {}], separators=(",", ":"))
        assert await frame(raw) == f"42{prefix}{told}"


async def test_a_namespace_without_a_comma_is_one_too():
    async with client(**HOUR) as raw:
        await raw.send("40/custom")
        assert (await frame(raw)).startswith('40/custom,{"sid":"')


async def test_an_unknown_namespace_is_refused():
    async with client(connected=False, **HOUR) as raw:
        await raw.send("40/random")
        assert await frame(raw) == '44/random,{"message":"Invalid namespace"}'


def test_the_connection_outlives_its_namespaces():
    async def story(raw):
        await raw.send("41")
        assert await frame(raw) == "2"

    in_virtual_time(story)


async def test_leaving_one_namespace_leaves_the_other():
    async with client(**HOUR) as raw:
        await raw.send("40/custom,")
        await frame(raw)
        await frame(raw)
        await raw.send("41/custom,")
        await raw.send('42["message","to the main one"]')
        assert await frame(raw) == '42["message-back","to the main one"]'


async def test_an_event_and_its_answer():
    async with client(**HOUR) as raw:
        await raw.send('42["message",1,"2",{"3":[true]}]')
        assert await frame(raw) == '42["message-back",1,"2",{"3":[true]}]'
        await raw.send('42456["message-with-ack",1,"2",{"3":[false]}]')
        assert await frame(raw) == '43456[1,"2",{"3":[false]}]'


async def test_a_binary_event_and_its_answer():
    async with client(**HOUR) as raw:
        for sent, answered in [
            (f'452-["message",{HOLES}]', f'452-["message-back",{HOLES}]'),
            (f'452-789["message-with-ack",{HOLES}]', f"462-789[{HOLES}]"),
        ]:
            await raw.send(sent)
            for attachment in BYTES:
                await raw.send(attachment)
            assert [await frame(raw) for _ in range(3)] == [answered, *BYTES]


WRONG = {
    "an unknown packet type": ("4abc", 1002, "unknown Socket.IO packet"),
    "an event that is no array": ("42{}", 1002, "EVENT without its id and array"),
    "an ack id that is no number": ('42abc["message-with-ack",1]', 1002, "EVENT without its id and array"),
    "a second CONNECT": ("40", 1002, "CONNECT for namespace '/', which is CONNECTED"),
    "an unknown Engine.IO packet": ("abc", 1002, "unknown Engine.IO packet"),
    "an empty frame": ("", 1002, "unknown Engine.IO packet"),
    "a ping, which is the server's in v4": ("2", 1002, "a client may not send Engine.IO PING"),
    "an OPEN": ('0{"sid":"x"}', 1002, "a client may not send Engine.IO OPEN"),
    "an UPGRADE": ("5", 1002, "a client may not send Engine.IO UPGRADE"),
    "a probe": ("2probe", 1002, "a client may not send Engine.IO PING"),
    "an event of a namespace never asked for": ('42/custom,["x"]', 1002, "EVENT for namespace '/custom'"),
    "bytes that nothing announced": (b"\x01", 1003, "binary frame that no packet announced"),
    "more than maxPayload": ('42["message","' + "x" * 1000 + '"]', 1009, "exceeds limit of 1000 bytes"),
    "a text that is no UTF-8": (b"\xff", 1007, "UTF-8"),
}


@pytest.mark.parametrize(("wrong", "code", "words"), WRONG.values(), ids=WRONG.keys())
async def test_a_wrong_packet_ends_the_connection_at_once_and_the_reason_says_why(wrong, code, words):
    async with client(max_payload=1000, **HOUR) as raw:
        await raw.websocket.send(wrong, text=True if code == 1007 else None)
        found_code, reason = await raw.closed()
        assert found_code == code
        assert words in reason


@pytest.mark.parametrize("wrong", ["4abc", '40{"token":', '42["too early"]', "41", "40[]", '40"text"'])
async def test_a_wrong_packet_instead_of_a_connect_ends_the_connection_at_once(wrong):
    async with client(connected=False, **HOUR) as raw:
        await raw.send(wrong)
        code, reason = await raw.closed()
        assert code == 1002
        assert reason


async def test_long_polling_is_told_what_is_supported():
    async with protocol_rig() as server:
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"{server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=polling", proxy=None)
        told = json.loads(refused.value.response.body)
        assert refused.value.response.status_code == 400
        assert "WebSocket only" in told["message"]
