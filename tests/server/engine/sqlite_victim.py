"""Appends for ever and prints each offset that was acknowledged; a test kills it.

``python -m tests.server.engine.sqlite_victim PATH PREFIX``
"""

import asyncio
import itertools
import sys

from realtime.server.engine.base import Appended
from realtime.server.engine.sqlite import SqliteEngine
from tests.server.engine.rig import draft

IN_FLIGHT = 50


async def main(path: str, prefix: str) -> None:
    """Keep some messages in flight, in two rooms."""
    engine, numbers = SqliteEngine(path, messages_per_room=100_000), itertools.count()
    await engine.start(lambda record: None)

    def send() -> None:
        number = next(numbers)
        message = draft(f"{prefix}{number}", f"room {number % 2}")
        engine.append(message, lambda result: acked(message, result))

    def acked(message, result) -> None:
        assert isinstance(result, Appended)
        print(message.room_id, message.message_id, result.offset, sep="\t", flush=True)
        send()

    for _ in range(IN_FLIGHT):
        send()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
