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

from realtime.server.realtime_server import RealtimeServer
from tests.server.raw_client import raw_client
from tests.server.waiting import until

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


@settings(max_examples=25, deadline=None)
@given(packets=st.lists(st.text(max_size=40) | st.sampled_from(SAMPLES), max_size=6))
def test_any_text_hurts_nobody_else(packets):
    async def run():
        async with RealtimeServer(port=0) as server, raw_client(server, "ben", room="lobby") as bystander:
            frames = [Frame(Opcode.TEXT, packet.encode()).serialize(mask=True) for packet in packets]
            await survives(server, bystander, frames)

    asyncio.run(run())
