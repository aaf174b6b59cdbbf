"""The floor: a bare ``websockets`` server that encodes one frame and writes it to everybody, and nothing else.

It answers just enough of Socket.IO for the load generator: no JSON is read, nothing is checked or kept.
"""

import asyncio

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from tests.benchmarks.client import new_loop

OPEN = '0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'
ACK = b'43%d[{"ok":true,"messageId":"m","offset":1,"timestamp":1}]'


def text_frame(text: bytes) -> bytes:
    return bytes(Frame(Opcode.TEXT, text).serialize(mask=False))


async def main() -> None:
    rooms: dict[bytes, set] = {}

    async def handle(connection) -> None:
        await connection.send(OPEN)
        room = b""
        try:
            while True:
                text = await connection.recv(decode=False)
                if text.startswith(b"40"):
                    connection.transport.write(text_frame(b'40{"sid":"s"}'))
                    continue
                if not text.startswith(b"42"):
                    continue
                body = text.index(b"[")
                connection.transport.write(text_frame(ACK % int(text[2:body])))
                if text.startswith(b'["room:join"', body):
                    room = text[body + len(b'["room:join",{"roomId":"') :].partition(b'"')[0]
                    rooms.setdefault(room, set()).add(connection)
                    continue
                frame = text_frame(b"42" + text[body:])
                for other in rooms[room]:
                    if other is not connection:
                        other.transport.write(frame)
        except ConnectionClosed:
            pass
        finally:
            if room:
                rooms[room].discard(connection)

    async with serve(handle, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"Serving http://127.0.0.1:{port}", flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
