"""Whatever a client sends, only its own connection suffers."""

import asyncio
import json
import logging
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from realtime.protocol.errors import RemoteProtocolError
from realtime.server.engine.sqlite import SqliteEngine
from realtime.server.realtime_server import RealtimeServer
from tests.server.raw_client import raw_client
from tests.server.rig import Rig
from tests.server.waiting import until

pytestmark = pytest.mark.untraced

FIX = {"latitude": 1, "longitude": 2, "accuracy": 3, "timestamp": 4}
SAMPLES = [
    '40{"userId":"ana"}',
    "40/custom,",
    "41",
    "3",
    '421["room:join",{"roomId":"lobby","since":"abc:1"}]',
    '422["room:leave",{"roomId":"lobby"}]',
    '423["chat:message",{"roomId":"lobby","messageId":"m1","text":"gr\u00fc\u00df \\ud83d\\udc4b"}]',
    '42["chat:typing",{"roomId":"lobby","isTyping":true}]',
    '424["chat:history",{"roomId":"lobby","limit":10,"after":0}]',
    f'425["location:update",{{"roomId":"lobby","fixes":[{json.dumps(FIX)}]}}]',
    '426["app:state",{"state":"background"}]',
    '427["chat:edit",{"roomId":"lobby","messageId":"m","text":"\\u00fc","changeId":"c1"}]',
    '428["chat:delete",{"roomId":"lobby","messageId":"m"}]',
    '429["chat:reaction",{"roomId":"lobby","messageId":"m","emoji":"\\ud83d\\udc4d","action":"add"}]',
    '42["chat:reactions",{"roomId":"lobby","messageId":"m"}]',
    '42["chat:received",{"roomId":"lobby","upTo":9}]',
    '42["chat:read",{"roomId":"lobby","upTo":9007199254740991}]',
    '451-7["chat:message",{"text":{"_placeholder":true,"num":0}}]',
    '4312["an answer"]',
]
MESSAGE = {"roomId": "lobby", "messageId": "m", "text": "still here"}
CODES = {1000, 1002, 1003, 1007, 1009}


def mutated(rng):
    """A packet with something wrong in it, probably."""
    data = bytearray(rng.choice(SAMPLES).encode())
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            data[at:at] = rng.choice([b"[", b"]", b'"', b"{", b"}", b"\\", b",", b"-", b"0", b"\xff", b"\x00", b"\xc3"])
        elif kind == 1:
            del data[at : at + rng.randrange(1, 5)]
        elif kind == 2 and data:
            data[at % len(data)] = rng.randrange(256)
        else:
            data[at:at] = rng.choice(SAMPLES).encode()[: rng.randrange(1, 20)]
    return bytes(data)


def complaints(caplog):
    """Errors that the server logged; of others, such as tasks of earlier tests, it knows nothing."""
    records = [record for record in caplog.records if record.name.startswith(("realtime", "websockets"))]
    return [record for record in records if record.levelno >= logging.ERROR]


async def attack(server, frames):
    """One client that sends these frames; returns the close code, or None if it was tolerated."""
    async with raw_client(server, "mallory", room="lobby") as client:
        client.websocket.transport.write(b"".join(frames))
        try:
            await client.send(f'42999999["room:leave",{json.dumps({"roomId": "lobby"})}]')
            while not (await client.receive()).startswith("43999999["):
                pass
        except ConnectionClosed as error:
            return None if error.rcvd is None else error.rcvd.code
        return 1000


async def survives(server, bystander, frames):
    await bystander.send(f'42["chat:message",{json.dumps(MESSAGE)}]')  # there is something to change
    code = await attack(server, frames)
    assert code in CODES, (code, frames)
    bystander_id = await bystander.ask("chat:history", {"roomId": "lobby", "limit": 1})
    assert (await bystander.answer(bystander_id))["ok"]


@pytest.mark.parametrize("seed", range(4))
async def test_mutated_packets_hurt_nobody_else(seed, caplog):
    rng = random.Random(seed)
    async with RealtimeServer(port=0, max_payload=2000) as server, raw_client(server, "ben", room="lobby") as bystander:
        for _ in range(60):
            packets = [mutated(rng) for _ in range(rng.randrange(1, 4))]
            opcodes = [rng.choice([Opcode.TEXT] * 9 + [Opcode.BINARY]) for _ in packets]
            frames = [Frame(o, data).serialize(mask=True) for o, data in zip(opcodes, packets, strict=True)]
            await survives(server, bystander, frames)
        assert not complaints(caplog)
        await until(lambda: server.stats.connections == 1)
        assert server.stats.bad_packets > 10


async def test_bytes_that_are_no_frames_hurt_nobody_else(caplog):
    rng = random.Random(7)
    async with RealtimeServer(port=0, max_payload=2000) as server, raw_client(server, "ben", room="lobby") as bystander:
        for _ in range(40):
            data = rng.randbytes(rng.randrange(60))
            await survives(server, bystander, [bytes([rng.randrange(256), 0x80 | len(data)]) + rng.randbytes(4) + data])
        assert not complaints(caplog)


PATHS = [
    "/api/rooms/lobby/messages?after=0&before=9&limit=5&all=1",
    "/api/rooms/lobby/messages?token=abc",
    "/api/rooms/a%2Fb%20%C3%BC/messages",
    "/metrics",
    "/healthz",
]


async def status_of(server, head):
    """The status of the answer to a request's head; None where the connection is closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(head)
        line = await asyncio.wait_for(reader.readline(), 30)
        return int(line.split()[1]) if line else None
    except ConnectionError:
        return None
    finally:
        writer.close()


@pytest.mark.parametrize("engine", ["memory", "sqlite"])
async def test_mutated_requests_are_answered_and_hurt_nobody(engine, caplog, tmp_path):
    rng = random.Random(3)
    options = {"engine": SqliteEngine(tmp_path / "rooms.db")} if engine == "sqlite" else {}
    statuses = set()
    async with RealtimeServer(port=0, **options) as server, raw_client(server, "ben", room="lobby") as bystander:
        assert (await bystander.call("chat:message", MESSAGE))["ok"]
        for _ in range(150):
            path = bytearray(rng.choice(PATHS).encode())
            for _ in range(rng.randrange(4)):
                at = rng.randrange(1, len(path) + 1)
                path[at : at + rng.randrange(3)] = rng.choice([b"%", b"%ff", b"&", b"=", b"9", b"-1", b"/", b"", b"x"])
            statuses.add(await status_of(server, b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path))
        assert not complaints(caplog)
        assert (await bystander.call("chat:history", {"roomId": "lobby", "limit": 1}))["ok"]
    assert statuses == {200, 400, 404}


@settings(max_examples=25, deadline=None)
@given(packets=st.lists(st.text(max_size=40) | st.sampled_from(SAMPLES), max_size=6))
def test_any_text_hurts_nobody_else(packets):
    async def run():
        async with RealtimeServer(port=0) as server, raw_client(server, "ben", room="lobby") as bystander:
            frames = [Frame(Opcode.TEXT, packet.encode()).serialize(mask=True) for packet in packets]
            await survives(server, bystander, frames)

    asyncio.run(run())


EVENTS = [
    "room:join",
    "room:leave",
    "chat:message",
    "chat:edit",
    "chat:delete",
    "chat:reaction",
    "chat:reactions",
    "chat:received",
    "chat:read",
    "chat:history",
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
VALUES = SCALARS | st.sampled_from(["m", "c1", "lobby", "add", "remove", "\ud83d", "x" * 300, 2**53 - 1, 2**63, [], {}])
FIELDS = ["messageId", "text", "changeId", "emoji", "action", "upTo", "after", "before", "limit", "since", "replyTo"]
PLAUSIBLE = {"messageId": "m", "text": "x", "emoji": "👍", "action": "add", "upTo": 1}


@settings(max_examples=300, deadline=None)
@given(event=st.sampled_from(EVENTS), changed=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3))
def test_any_fields_of_any_event_are_answered(event, changed):
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    rig.write(ana, "m")
    body = json.dumps([event, {"roomId": "lobby"} | PLAUSIBLE | changed]).encode()  # "\ud83d" stays an escape
    try:
        rig.namespace.events.receive_raw(ana, event, body, 99)
    except RemoteProtocolError:
        return  # no JSON, such as NaN: the connection ends
    [(_, reply)] = [sent for sent in ana.link.take() if sent[0] == 99]
    assert reply["ok"] or reply["error"].keys() == {"code", "message"}
    assert rig.say(ben, "chat:history", {"roomId": "lobby"})["ok"]
