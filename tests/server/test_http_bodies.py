"""Requests that a WebSocket server cannot take get an answer at once, in words."""

import asyncio

import pytest

from realtime.server.realtime_server import RealtimeServer
from realtime.sim.world import simulate


async def said(server, *parts):
    """What the server answers to these bytes until it closes its side, while this side stays open."""
    reader, writer = await asyncio.open_connection("server", server.port)
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0.05)
    try:
        return await asyncio.wait_for(reader.read(), timeout=2)
    finally:
        writer.close()


def answer(*parts):
    async def main(world):
        async def serve():
            server = RealtimeServer(host="server", rng=world.rng("ids"), allow_unauthenticated=True)
            await server.start()
            return server

        server = await world.spawn("server", serve())
        return await said(server, *parts)

    head, _, body = simulate(main).result.partition(b"\r\n\r\n")
    return head.split(b"\r\n"), body


BODIES = {
    "length": (b"POST /api/rooms/lobby/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",),
    "chunked": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",),
    "in parts": (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Le", b"ngth: 90000\r\n\r\n", b"x" * 40_000, b"x" * 50_000),
    "a GET": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",),
}


@pytest.mark.parametrize("parts", BODIES.values(), ids=BODIES)
def test_a_request_with_a_body_is_told_that_none_is_taken(parts):
    head, body = answer(*parts)
    assert head[0] == b"HTTP/1.1 400 Bad Request"
    assert b"Connection: close" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"body" in body


@pytest.mark.parametrize("words", [b"hello\r\n\r\n", b"GET / HTTP/3\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\r\n"])
def test_what_is_no_http_is_told_so(words):
    head, body = answer(words)
    assert head[0] == b"HTTP/1.1 400 Bad Request"
    assert b"HTTP" in body


def test_who_hangs_up_amid_a_request_is_told_nothing():
    async def main(world):
        async def serve():
            server = RealtimeServer(host="server", rng=world.rng("ids"), allow_unauthenticated=True)
            await server.start()
            return server

        server = await world.spawn("server", serve())
        reader, writer = await asyncio.open_connection("server", server.port)
        writer.write(b"GET / HT")
        writer.write_eof()
        try:
            return await asyncio.wait_for(reader.read(), timeout=20)
        finally:
            writer.close()
            await writer.wait_closed()

    assert simulate(main).result == b""
