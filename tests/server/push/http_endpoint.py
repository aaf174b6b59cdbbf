"""A push service on this machine: takes requests over real HTTP, and answers as the test says."""

import asyncio
import contextlib
import json


class Request:
    """One that came; header names are in lower case."""

    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    @property
    def json(self):
        return json.loads(self.body)


@contextlib.asynccontextmanager
async def http_endpoint(answer):
    """Serve ``answer(request) -> (status, headers, body)``; yields the address and the list of requests."""
    requests = []

    async def serve(reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().strip().split("\r\n")
                method, path, _ = first.split(" ")
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                requests.append(Request(method, path, headers, body))
                status, extra, content = answer(requests[-1])
                content = content if isinstance(content, bytes) else json.dumps(content).encode()
                fields = {"Content-Length": len(content), **extra}
                text = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
                writer.write(f"HTTP/1.1 {status} x\r\n{text}\r\n".encode() + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", requests
        server.close()
