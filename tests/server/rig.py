"""The application's events on a namespace, without a server around them."""

import asyncio
import json
import random

from realtime.server.amendment_events import AmendmentEvents
from realtime.server.chat_events import ChatEvents
from realtime.server.engine.memory import MemoryEngine
from realtime.server.geofence_events import GeofenceEvents
from realtime.server.location_events import LocationEvents
from realtime.server.logged_entries import LoggedEntries
from realtime.server.namespace import Namespace
from realtime.server.online_users import OnlineUsers
from realtime.server.presence_events import PresenceEvents
from realtime.server.presence_rooms import PresenceRooms
from realtime.server.receipt_events import ReceiptEvents
from realtime.server.room_events import RoomEvents
from realtime.server.stats import Counters
from tests.server.fakes import fake_session


class FakeClock:
    """Time that stands until it is passed."""

    def __init__(self):
        self.now = 0.0
        self._timers = []

    def timer(self, ring):
        """Make a timer."""
        timer = FakeTimer(ring)
        self._timers.append(timer)
        return timer

    def pass_time(self, seconds=0.0):
        """Ring whatever is due until then."""
        until = self.now + seconds
        while due := [timer for timer in self._timers if timer.due is not None and timer.due <= until]:
            first = min(due, key=lambda timer: timer.due)
            self.now = max(self.now, first.due)
            first.due = None
            first.ring(self.now)
        self.now = until


class FakeTimer:
    def __init__(self, ring):
        self.ring = ring
        self.due = None

    def set(self, due):
        self.due = due


class Rig:
    """A namespace whose events are called directly. ``rig.say(ana, event, payload)`` returns the answer.

    What is due at once is done after each of them.
    """

    def __init__(self, engine=None, *, batch_s=0.0, grace_s=0.0, **options):
        self.engine = engine or MemoryEngine(rng=random.Random(0), **options)
        self.counters = Counters()
        self.namespace = Namespace("/", self.counters)
        self.clock = clock = FakeClock()
        presence = PresenceRooms(epoch="life", batch_s=batch_s, grace_s=grace_s)
        users = OnlineUsers(batch_s=batch_s, grace_s=grace_s)
        self.rooms = RoomEvents(self.namespace, self.engine, presence)
        self.presence = PresenceEvents(
            self.namespace, self.rooms, presence, users, clock=lambda: clock.now, timer=clock.timer
        )
        entries = LoggedEntries(self.namespace, self.rooms, self.engine, self.counters, random.Random(0))
        self.guard = entries.guard
        ChatEvents(self.namespace, self.rooms, entries, self.engine)
        AmendmentEvents(self.namespace, self.rooms, entries, self.engine)
        self.receipts = ReceiptEvents(self.namespace, self.rooms, self.engine, later=self._tell)
        self.locations = LocationEvents(self.namespace, self.rooms)
        self.geofence_events = GeofenceEvents(self.namespace, self.rooms, self.locations, self.engine, random.Random(0))
        self.geofences = self.geofence_events.fences
        asyncio.run(self.engine.start(self.rooms.deliver))
        self._ack_id = 0
        self.untold = None
        """A list: what authors are told of receipts waits in it; None: they are told at once."""

    def _tell(self, tell):
        if self.untold is None:
            tell()
        else:
            self.untold.append(tell)

    def session(self, user_id, device_id="phone", *, sid=None, room=None, auth=None):
        """A session; with ``room``, one that has joined it."""
        session = fake_session(user_id, device_id, sid=sid, auth=auth)
        self.namespace.add(session)
        self.clock.pass_time()
        if room is not None:
            assert self.say(session, "room:join", {"roomId": room})["ok"]
            session.link.sent = [sent for sent in session.link.sent if sent[0] != "presence:diff"]  # about itself
        return session

    def sessions(self, room, *users):
        """Sessions in a room that have not heard anything yet."""
        sessions = [self.session(user, room=room) for user in users]
        for session in sessions:
            session.link.take()
        return sessions

    def ask(self, session, event, payload):
        """Send an event and return its ack id."""
        self._ack_id += 1
        body = json.dumps([event, payload]).encode()
        self.namespace.events.receive_raw(session, event, body, self._ack_id)
        self.clock.pass_time()
        return self._ack_id

    def say(self, session, event, payload):
        """Send an event and take its answer, which must be there."""
        ack_id = self.ask(session, event, payload)
        [answer] = [sent for sent in session.link.sent if sent[0] == ack_id]
        session.link.sent.remove(answer)
        return answer[1]

    def lose(self, session):
        """Its connection is gone without a word."""
        self.namespace.lose(session, "connection lost")
        self.clock.pass_time()

    def end(self, session):
        """It said goodbye."""
        self.namespace.remove(session, "left by the client")
        self.clock.pass_time()

    def write(self, session, message_id, room="lobby", **fields):
        """Send a chat message whose text is its id."""
        message = {"roomId": room, "messageId": message_id, "text": message_id} | fields
        return self.say(session, "chat:message", message)
