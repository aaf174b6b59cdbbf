"""An engine on an event loop of its own, with everything that it delivered and answered."""

import asyncio
import json

from realtime.server.engine.base import Appended, Draft, Page

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

    def read(self, room_id="lobby", *, after=None, before=None, limit=200) -> Page:
        [answer] = self.ask(lambda done: self.engine.read(room_id, done, after=after, before=before, limit=limit))
        return answer

    def ids(self, **query):
        return [json.loads(record.body)["messageId"] for record in self.read(**query).records]
