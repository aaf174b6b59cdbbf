"""Real servers and clients for tests of the proxy, counted and always closed."""

import asyncio
import contextlib
import time


class Server:
    """A TCP server that keeps its connections in ``peers``; each runs ``handler(reader, writer)``."""

    def __init__(self, handler=None):
        self.handler = handler or echo
        self.peers = []
        self.errors = []
        self._tasks = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _, writer in self.peers:
            writer.transport.abort()
        await self._server.wait_closed()
        for _, writer in self.peers:
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def peer(self, number=0):
        """The server's end of a connection, once it is there."""
        await until(lambda: len(self.peers) > number, "a connection reaches the server")
        return self.peers[number]

    def _accept(self, reader, writer):
        self.peers.append((reader, writer))
        self._tasks.append(asyncio.ensure_future(self._serve(reader, writer)))

    async def _serve(self, reader, writer):
        try:
            await self.handler(reader, writer)
        except ConnectionError as error:
            self.errors.append(error)
        finally:
            writer.close()


async def echo(reader, writer):
    """Send everything back; end when the client ends."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def silent(reader, writer):
    """Read nothing, say nothing, keep the connection."""
    await asyncio.Event().wait()


class Client:
    """``async with Client(port) as client``: a TCP connection that is closed, whatever happens."""

    def __init__(self, port):
        self._port = port

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *exc):
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    async def ask(self, data=b"x"):
        """Send, await as many bytes back, and return how long that took."""
        began = time.monotonic()
        self.writer.write(data)
        assert await self.reader.readexactly(len(data)) == data
        return time.monotonic() - began


async def until(condition, what, deadline_s=30):
    """Wait until ``condition()``; fails saying ``what`` did not come."""
    try:
        async with asyncio.timeout(deadline_s):
            while not condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within {deadline_s} s: {what}") from None


async def nothing_comes(reader, for_s=0.6):
    """Nothing is read, no end and no error comes for a while."""
    try:
        async with asyncio.timeout(for_s):
            data = await reader.read(1)
    except TimeoutError:
        return
    raise AssertionError(f"something came: {data!r}")
