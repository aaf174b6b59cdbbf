"""A websocket between a phone called ana, 50 ms away, and an echo server."""

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

URL = "ws://server:8765"


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def opened(world, **options):
    """A client on ana of an echo server, both with keepalive off; and the server's ends."""
    ends = []

    async def handler(ws):
        ends.append(ws)
        await echo(ws)

    world.set_conditions("ana", delay_ms=50)
    await serve(handler, "server", 8765, ping_interval=None)
    with world.on("ana"):
        return await connect(URL, ping_interval=None, **options), ends
