"""Ana's tracker, with the test as its source and its server."""

import asyncio

from realtime.location.fix import Fix
from realtime.location.live_location_tracker import LiveLocationTracker
from tests.fake_socket import FakeSocket


def fix(n):
    return Fix(latitude=59.9, longitude=10.7 + n / 1000, accuracy_m=5.0, timestamp_ms=round(1000 * n))


class Pushed:
    """A source whose fixes are pushed by the test."""

    def __init__(self):
        self.queue = asyncio.Queue()
        self.readers = 0

    async def __aiter__(self):
        self.readers += 1
        try:
            while (pushed := await self.queue.get()) is not None:
                if isinstance(pushed, Exception):
                    raise pushed
                yield pushed
        finally:
            self.readers -= 1

    async def push(self, *fixes):
        for each in fixes:
            self.queue.put_nowait(each)
        await settle()


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


class Ana:
    """Ana's tracker on a fake socket."""

    def __init__(self, *, connected=True, acks=True, **options):
        self.socket = FakeSocket(connected=connected)
        self.tracker = LiveLocationTracker(self.socket, user_id="ana", **options)
        self.source = Pushed()
        self.acks = acks
        self.told = []
        self.tracker.on("update", lambda user_id, fix: self.told.append((user_id, fix.timestamp_ms // 1000)))
        self.tracker.on("error", lambda error: self.told.append(("error", str(error))))

    @classmethod
    async def tracking(cls, **options):
        ana = cls(**options)
        await ana.start()
        return ana

    async def start(self, **options):
        await self.tracker.start_tracking(self.source, **{"room_id": "lobby"} | options)
        await settle()

    async def move(self, *numbers):
        await self.source.push(*map(fix, numbers))
        if self.acks:
            await self.ack()

    async def ack(self):
        while any(asked.event == "location:update" for asked in self.socket.outbox):
            self.socket.answer("location:update", accepted=1)
        await settle()

    def sent(self):
        """Take the fixes that were broadcast so far."""
        updates = self.socket.said("location:update")
        assert all(update["roomId"] == "lobby" for update in updates)
        return [round(update["fixes"][-1]["timestamp"] / 1000) for update in updates]

    @property
    def state(self):
        return self.tracker.state.snapshot
