"""Ana and her chat client, with the test as its server."""

import asyncio
import random

from realtime.chat.chat_client import ChatClient
from tests.fake_socket import FakeSocket

NO_MESSAGES = {"position": "e:0", "recovered": False, "messages": [], "more": False, "members": []}


class Ana:
    """Ana's chat client on a fake socket, with everything it told noted in ``told``."""

    def __init__(self, **options):
        self.socket = FakeSocket(connected=options.pop("connected", True))
        self.chat = ChatClient(self.socket, user_id="ana", rng=random.Random(1), **options)
        self.told = []
        for event in ("message", "message_delivered", "message_failed"):
            self.chat.on(event, lambda message, event=event: self.told.append((event, message.text)))
        self.chat.on("typing", lambda *args: self.told.append(("typing", *args)))
        self.chat.on("join_refused", lambda room_id, error: self.told.append(("join_refused", room_id, error.code)))

    @classmethod
    async def joined(cls, **options):
        ana = cls(**options)
        joining = asyncio.ensure_future(ana.chat.join("lobby"))
        await asyncio.sleep(0)
        ana.socket.answer("room:join", **NO_MESSAGES)
        await joining
        ana.socket.said()
        return ana

    @property
    def state(self):
        return self.chat.room("lobby").snapshot

    @property
    def statuses(self):
        return [message.status for message in self.state.messages]

    def hear(self, *offsets, author="ben"):
        for offset in offsets:
            self.socket.dispatch("chat:message", logged(offset, author), f"offset-{offset}")


def logged(offset, author="ben", text=None):
    text = text or f"{author}-{offset}"
    return {
        "roomId": "lobby", "messageId": text, "userId": author, "text": text, "timestamp": 1000 + offset,
        "offset": offset, "position": f"e:{offset}",
    }  # fmt: skip
