"""Stand-ins for the parts around the one under test."""

import msgspec

from realtime.server.engine.base import EngineError
from realtime.server.rooms import Member
from realtime.server.session import Session


class FakeLink:
    """A connection that keeps what was written, as (event or ack id, arguments)."""

    def __init__(self):
        self.sent = []
        self.left = []
        self.was_replaced = []
        self.fences = []
        self.lags = False

    def write(self, frame):
        text = frame[2:] if frame[1] < 126 else frame[4:] if frame[1] == 126 else frame[10:]
        start = text.index(b"[")
        array = msgspec.json.decode(text[start:])
        if text.startswith(b"43"):
            self.sent.append((int(text[2:start].rpartition(b",")[2]), *array))
        else:
            self.sent.append(tuple(array))

    def write_volatile(self, frame):
        if not self.lags:
            self.write(frame)
        return not self.lags

    def fence(self, passed):
        self.fences.append(passed)

    def leave(self, namespace):
        self.left.append(namespace)

    def replaced(self, namespace):
        self.was_replaced.append(namespace)

    def overrun(self, reason):
        self.left.append(reason)

    def pass_fences(self):
        """The client has seen everything written so far."""
        fences, self.fences = self.fences, []
        for passed in fences:
            passed()

    def take(self):
        """Everything written since the last call."""
        sent, self.sent = self.sent, []
        return sent


def fake_session(user_id="ana", device_id="phone", *, sid=None, namespace="/", auth=None):
    sid = sid or f"{user_id}/{device_id}"
    return Session(sid=sid, member=Member(user_id, device_id), namespace=namespace, link=FakeLink(), auth=auth)


class LateEngine:
    """An engine that answers when told to, as one that writes to a disk does."""

    def __init__(self, engine):
        self.engine = engine
        self.waiting = []

    async def start(self, deliver):
        await self.engine.start(deliver)

    async def stop(self):
        await self.engine.stop()

    def append(self, draft, done):
        self.waiting.append(lambda: self.engine.append(draft, done))

    def read(self, room_id, done, **span):
        self.engine.read(room_id, lambda page: self.waiting.append(lambda: done(page)), **span)

    def mark(self, room_id, user_id, *, done, **up_to):
        self.waiting.append(lambda: self.engine.mark(room_id, user_id, done=done, **up_to))

    def find(self, room_id, message_id, done):
        self.engine.find(room_id, message_id, lambda found: self.waiting.append(lambda: done(found)))

    def trim(self, room_id, keep):
        self.engine.trim(room_id, keep)

    def keep(self, notes, done):
        self.waiting.append(lambda: self.engine.keep(notes, done))

    def kept(self, kind, done):
        self.engine.kept(kind, done)

    def settle(self):
        """Answer everything, also what is asked meanwhile."""
        while self.waiting:
            self.waiting.pop(0)()


class BrokenEngine:
    """An engine whose disk is full."""

    async def start(self, deliver):
        pass

    async def stop(self):
        pass

    def append(self, draft, done):
        done(EngineError("the disk is full"))

    def read(self, room_id, done, **span):
        done(EngineError("the disk is full"))

    def mark(self, room_id, user_id, *, done, **up_to):
        done(EngineError("the disk is full"))

    def find(self, room_id, message_id, done):
        done(EngineError("the disk is full"))

    def trim(self, room_id, keep):
        pass

    def keep(self, notes, done):
        done(EngineError("the disk is full"))

    def kept(self, kind, done):
        done(EngineError("the disk is full"))


class FailingEngine:
    """An engine that cannot store the entries for which ``fails(draft)`` is true."""

    def __init__(self, engine, fails):
        self.engine = engine
        self.fails = fails

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def append(self, draft, done):
        if self.fails(draft):
            done(EngineError("the disk is full"))
        else:
            self.engine.append(draft, done)
