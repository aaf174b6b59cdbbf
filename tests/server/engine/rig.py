"""An engine on an event loop of its own, with everything that it delivered and answered."""

import asyncio
import contextlib
import json
import random
import tempfile
from functools import partial
from pathlib import Path

import pytest

from realtime.server.engine.base import Appended, Draft, Page
from realtime.server.engine.memory import MemoryEngine
from realtime.server.engine.sqlite import SqliteEngine

DEADLINE_S = 20


def draft(message_id, room_id="lobby", user_id="ana", timestamp_ms=1000, body=None):
    """A message whose body says its id."""
    return Draft(
        room_id=room_id,
        user_id=user_id,
        message_id=message_id,
        event="chat:message",
        body=json.dumps({"messageId": message_id}).encode() if body is None else body,
        timestamp_ms=timestamp_ms,
        origin="sid",
    )


def change(kind, about, change_id, *, user_id="ana", room_id="lobby", timestamp_ms=2000, **content):
    """An amendment of a message: ``kind`` is edit, delete or reaction."""
    body = {"event": f"chat:{kind}", "roomId": room_id, "messageId": about, "userId": user_id} | content
    return Draft(
        room_id=room_id,
        user_id=user_id,
        message_id=change_id,
        event=f"chat:{kind}",
        body=json.dumps(body).encode(),
        timestamp_ms=timestamp_ms,
        origin="sid",
        about=about,
    )


class Rig:
    """``with Rig(engine) as rig`` starts the engine, and stops it in the end. Calls return what the engine answers."""

    def __init__(self, engine):
        self.engine = engine
        self.delivered = []
        self.told = []  # deliveries and answers, in their order

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        try:
            self.run(self.engine.start(self._deliver))
        except BaseException:
            self.loop.close()
            raise
        return self

    def __exit__(self, *_):
        self.run(self.engine.stop())
        self.loop.close()

    def _deliver(self, record):
        self.delivered.append(record)
        self.told.append(("delivered", record.offset))

    def run(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    def ask(self, *calls):
        """What the engine answers to calls made at once; each takes ``done``."""

        async def asking():
            answers = [self.loop.create_future() for _ in calls]
            for call, answer in zip(calls, answers, strict=True):
                call(answer.set_result)
            async with asyncio.timeout(DEADLINE_S):
                return [await answer for answer in answers]

        return self.run(asking())

    def append_all(self, drafts):
        def call(draft):
            def done(answer, result):
                self.told.append(("answered", getattr(result, "offset", result)))
                answer(result)

            return lambda answer: self.engine.append(draft, lambda result: done(answer, result))

        return self.ask(*map(call, drafts))

    def append(self, message_id, room_id="lobby", user_id="ana", timestamp_ms=1000) -> Appended:
        [answer] = self.append_all([draft(message_id, room_id, user_id, timestamp_ms)])
        return answer

    def append_numbered(self, first, last, room_id="lobby"):
        """Append m<first> … m<last>, all at once."""
        return self.append_all([draft(f"m{n}", room_id) for n in range(first, last + 1)])

    def read(self, room_id="lobby", *, after=None, before=None, limit=200, **options) -> Page:
        span = {"after": after, "before": before, "limit": limit}
        [answer] = self.ask(lambda done: self.engine.read(room_id, done, **span, **options))
        return answer

    def bodies(self, room_id="lobby", **query):
        """The entries of a page, decoded."""
        return [json.loads(record.body) for record in self.read(room_id, **query).records]

    def find(self, message_id, room_id="lobby"):
        [answer] = self.ask(partial(self.engine.find, room_id, message_id))
        return answer

    def mark(self, user_id="ana", *, received=0, read=0, room_id="lobby"):
        [answer] = self.ask(lambda done: self.engine.mark(room_id, user_id, received=received, read=read, done=done))
        return answer

    def ids(self, **query):
        return [json.loads(record.body)["messageId"] for record in self.read(**query).records]


@contextlib.contextmanager
def memory(**options):
    with Rig(MemoryEngine(rng=random.Random(0), **options)) as rig:
        yield rig


@contextlib.contextmanager
def sqlite(**options):
    with (
        tempfile.TemporaryDirectory() as folder,
        Rig(SqliteEngine(Path(folder, "rooms.db"), rng=random.Random(0), **options)) as rig,
    ):
        yield rig


ENGINES = {"memory": memory, "sqlite": sqlite}
every_engine = pytest.mark.parametrize("started", ENGINES.values(), ids=ENGINES)
