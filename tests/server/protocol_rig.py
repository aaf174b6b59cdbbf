"""A server that speaks for the protocol, for conformance suites: ``python -m tests.server.protocol_rig [PORT]``.

On ``/`` and ``/custom`` it emits ``auth`` with the handshake's auth after a connect, answers ``message`` with
``message-back`` and acknowledges ``message-with-ack``, both with the arguments they came with. Pings go out every
300 ms and are waited for 200 ms. It promises no recovery, so that its events are exactly what was sent.
"""

import asyncio
import sys

from realtime.server.realtime_server import RealtimeServer


def protocol_rig(**options):
    """The server; options as those of :class:`RealtimeServer`."""
    settings = {"port": 0, "ping_interval_s": 0.3, "ping_timeout_s": 0.2, "recovery_s": 0}
    server = RealtimeServer(**settings | options)
    for name in ("/", "/custom"):
        namespace = server.namespace(name)
        namespace.on("connect", lambda session: session.emit("auth", session.auth))
        namespace.on("message", lambda session, *args: session.emit("message-back", *args))
        namespace.on("message-with-ack", lambda session, *args: args)
    return server


async def main(port):
    async with protocol_rig(port=port) as server:
        print(f"conformance rig on {server.url}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000))
