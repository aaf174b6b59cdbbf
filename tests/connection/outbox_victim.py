"""Emits for ever and prints the id of each receipt that it got; a test kills it.

``python -m tests.connection.outbox_victim PATH``
"""

from __future__ import annotations

import asyncio
import itertools
import sys

from realtime.connection.disk_outbox import DiskOutbox
from realtime.connection.socket_manager import SocketManager


async def main(path: str) -> None:
    """Emit without a connection; now and then take one back."""
    socket = SocketManager("http://127.0.0.1:9", queue=DiskOutbox(path, max_messages=100_000))
    for number in itertools.count():
        receipt = socket.emit("say", {"number": number}, b"bytes", ack=True)
        print("+", receipt.message_id, number, flush=True)
        if number % 5 == 0:
            receipt.discard()
            print("-", receipt.message_id, number, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
