"""A user with our client in a process of its own: writes at random moments, and keeps a diary of what it was told.

``python -m tests.live.our_chatter '{"url": …}'``, see :class:`Part`. The line ``{}`` ends its writing, and it says when
all that it wrote is answered. After the line ``{"ends": {room: offset}}`` it notes what it shows, once it has come
there. The end of its input ends it.
"""

import asyncio
import json
import math
import os
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from realtime.chat.chat_client import ChatClient
from realtime.chat.message import Message, RoomState
from realtime.connection.disk_outbox import DiskOutbox
from realtime.connection.errors import SendRefused
from realtime.connection.socket_manager import SocketManager
from tests.live.diary import Diary

BURSTS = (1, 1, 1, 1, 2, 5, 20)


@dataclass(frozen=True)
class Part:
    """Who this is.

    Args:
        url: of the server.
        user: whose device this is.
        device: its name.
        rooms: in which it is.
        diary: the path of this life's diary.
        outbox: the path of the outbox that all its lives share.
        life: which one this is; its texts are different from those of its others.
        seed: of its moments and rooms.
        every_s: between two bursts of messages, on average.
    """

    url: str
    user: str
    device: str
    rooms: list[str]
    diary: str
    outbox: str
    life: int
    seed: int
    every_s: float


class Chatter:
    """One life."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.rng = random.Random(f"{part.seed} {part.device} {part.life}")
        self.diary = Diary(part.diary)
        self.socket = SocketManager(
            part.url,
            auth={"userId": part.user, "deviceId": part.device},
            queue=DiskOutbox(part.outbox, max_messages=100_000, max_bytes=100_000_000),
            name=part.device,
        )
        self.chat = ChatClient(self.socket, user_id=part.user)
        self.chat.on("message", self.told)
        self.chat.on("message_delivered", self.delivered)
        self.chat.on("message_failed", self.failed)
        self.socket.on("reconnect", lambda attempt: self.diary.note("reconnect"))
        self.entered: set[str] = set()
        self.is_in = False
        for room in part.rooms:
            self.chat.room(room).observe(self.saw)

    # -- what it is told

    def told(self, message: Message) -> None:
        self.diary.note("told", room=message.room_id, text=message.text, offset=message.offset, sender=message.user_id)

    def delivered(self, message: Message) -> None:
        self.diary.note("acked", text=message.text, offset=message.offset)

    def failed(self, message: Message) -> None:
        if message.error is not None:  # otherwise it is only late
            self.diary.note("failed", text=message.text, reason=message.error)

    def saw(self, state: RoomState) -> None:
        if state.gap:
            self.diary.note("gap", room=state.room_id)
        if state.joined and state.room_id not in self.entered:
            self.entered.add(state.room_id)
            self.diary.note("member", room=state.room_id)
        is_in = all(self.state(room).joined for room in self.part.rooms)
        if is_in is not self.is_in:
            self.is_in = is_in
            self.diary.note("in" if is_in else "out")
            print('{"in":true}', flush=True)

    def state(self, room: str) -> RoomState:
        return self.chat.room(room).snapshot

    # -- what it does

    async def live(self) -> None:
        words = await spoken_to()
        await self.socket.connect(wait=False)
        for room in self.part.rooms:
            await self.chat.join(room)
        stopped = asyncio.create_task(next_word(words))
        number = 0
        while not stopped.done():
            room = self.rng.choice(self.part.rooms)
            for _ in range(self.rng.choice(BURSTS)):
                number += 1
                self.write(room, f"{self.part.device} {self.part.life}-{number}")
            await asyncio.wait([stopped], timeout=self.rng.expovariate(1 / self.part.every_s))
        asked = asyncio.create_task(next_word(words))
        if await self.until(self.is_settled, asked):
            print('{"settled":true}', flush=True)
        ends = (await asked)["ends"]
        gone = asyncio.create_task(next_word(words))
        await self.until(lambda: all(self.has(room, ends[room]) for room in self.part.rooms), patience_s=5)
        for room in self.part.rooms:
            await self.scroll_back(room)
            shown = [(message.offset, message.text) for message in self.state(room).messages if message.offset]
            self.diary.note("view", room=room, entries=shown)
        print('{"shown":true}', flush=True)
        await gone

    async def until(
        self, holds: Callable[[], bool], *instead: asyncio.Future[object], patience_s: float | None = None
    ) -> bool:
        """Wait for what holds in the end, or for something else."""
        over_s = math.inf if patience_s is None else asyncio.get_running_loop().time() + patience_s
        while not holds():
            if any(other.done() for other in instead) or asyncio.get_running_loop().time() > over_s:
                return False
            await asyncio.sleep(0.02)
        return True

    def write(self, room: str, text: str) -> None:
        self.diary.note("attempt", room=room, text=text)
        try:
            self.chat.send_message(room, text)
        except SendRefused as error:
            self.diary.note("failed", text=text, reason=str(error))
        else:
            self.diary.note("queued", text=text)

    def is_settled(self) -> bool:
        states = [self.state(room) for room in self.part.rooms]
        return all(state.joined and not state.unsent for state in states)

    def has(self, room: str, end: int) -> bool:
        return any(message.offset == end for message in self.state(room).messages)

    async def scroll_back(self, room: str) -> None:
        """To the beginning of the room; what follows an own old message comes by itself, and may be on its way."""

        def is_whole() -> bool:
            offsets = [message.offset for message in self.state(room).messages if message.offset]
            return offsets == list(range(1, len(offsets) + 1))

        while await self.until(lambda: self.state(room).has_older or is_whole(), patience_s=20) and not is_whole():
            await self.chat.load_older(room, 200)


async def spoken_to() -> asyncio.StreamReader:
    """The input of this process."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def next_word(words: asyncio.StreamReader) -> dict[str, Any]:
    """The next line of the input; its end ends the process, wherever it is."""
    line = await words.readline()
    if not line:
        os._exit(0)
    return json.loads(line)


if __name__ == "__main__":
    asyncio.run(Chatter(Part(**json.loads(sys.argv[1]))).live())
