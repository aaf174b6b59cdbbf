"""Whatever is written, amended, lost, cut off and trimmed: in the end a device shows the server's log, hole by hole."""

import contextlib
import json
import random

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from realtime.chat.amendments import Amendment, Kind
from realtime.chat.log_events import Delivered, Received
from realtime.chat.message import Position
from realtime.chat.room_log import RoomLog
from realtime.chat.wire import LoggedAmendment, LoggedMessage
from realtime.server.engine.base import Draft, NotApplied
from realtime.server.engine.memory import MemoryEngine

ANA, PHONE = "ana", "ana's phone"
PAGE = 4


def read(record):
    kind = LoggedMessage if record.event == "chat:message" else LoggedAmendment
    return msgspec.json.decode(record.body, type=kind)


class World:
    """A server's engine, and Ana's phone on a line that keeps the order and loses what is on it when it breaks."""

    def __init__(self, rng, **bounds):
        self.rng = rng
        self.log = RoomLog("lobby", ANA, **bounds)
        self.engines = []
        self.history = {}  # by epoch and offset: ids of all messages ever logged
        self.started_after = {}  # by epoch: the offset after which the phone is told of messages
        self.line = []  # what the server said and the phone has not heard
        self.connected = self.is_member = False
        self.outbox = []  # (id, draft): unacknowledged, oldest first
        self.written = 0  # how many of them are on the line
        self.told = []
        self.ids = 0
        self.lose_memory()

    @property
    def engine(self):
        return self.engines[-1]

    def lose_memory(self):
        self.disconnect()
        self.engines.append(MemoryEngine(rng=random.Random(len(self.engines))))
        with contextlib.suppress(StopIteration):
            self.engine.start(self.deliver).send(None)
        self.history[self.engine.epoch] = {}

    def deliver(self, record):
        if record.event == "chat:message":
            self.history[self.engine.epoch][record.offset] = read(record).message_id
        if self.is_member and record.origin != PHONE:
            self.line.append(lambda: self.hear(self.log.received(read(record))))

    def hear(self, events):
        self.told += events

    def page(self, **span):
        pages = []
        self.engine.read("lobby", pages.append, **{"after": None, "before": None, "limit": PAGE} | span)
        return pages[0], [read(record) for record in pages[0].records]

    # --- what people do

    def new_id(self):
        self.ids += 1
        return str(self.ids)

    def draft(self, event, user_id, about=None, *, origin="", **content):
        new_id = self.new_id()
        body = {"roomId": "lobby", "messageId": about or new_id, "userId": user_id} | content
        if about is not None:
            body = {"event": event} | body
        return Draft(
            room_id="lobby", user_id=user_id, message_id=new_id, event=event, body=json.dumps(body).encode(),
            timestamp_ms=1000 + self.ids, origin=origin, about=about,
        )  # fmt: skip

    def change_of(self, message, user_id):
        """A change of a message that this user may make: event and content."""
        kinds = [Kind.REACTION] if message.user_id != user_id else list(Kind)
        kind = self.rng.choice(kinds)
        content = {"text": f"edit {self.ids}"} if kind is Kind.EDIT else {}
        if kind is Kind.REACTION:
            content = {"emoji": self.rng.choice("👍🚋"), "action": self.rng.choice(["add", "add", "remove"])}
        return kind, content

    def other_writes(self):
        user = self.rng.choice(["ben", "cleo", ANA])  # Ana has a tablet as well
        self.engine.append(self.draft("chat:message", user, text=f"text {self.ids}"), lambda done: None)

    def other_amends(self):
        _, entries = self.page(limit=50)
        messages = [entry for entry in entries if isinstance(entry, LoggedMessage)]
        if messages:
            message, user = self.rng.choice(messages), self.rng.choice(["ben", "cleo", ANA])
            kind, content = self.change_of(message, user)
            self.engine.append(self.draft(kind, user, message.message_id, **content), lambda done: None)

    def ana_writes(self):
        draft = self.draft("chat:message", ANA, text=f"text {self.ids}", origin=PHONE)
        self.log.send(draft.message_id, f"text {self.ids - 1}", timestamp_ms=1, now=0.0)
        self.outbox.append(draft)

    def ana_amends(self):
        messages = [message for message in self.log.messages() if not message.is_deleted]
        if not messages:
            return
        message = self.rng.choice(messages)
        kind, content = self.change_of(message, ANA)
        draft = self.draft(kind, ANA, message.message_id, origin=PHONE, **content)
        change = Amendment(
            kind=kind, message_id=message.message_id, user_id=ANA, timestamp_ms=1, text=content.get("text", ""),
            emoji=content.get("emoji", ""), add=content.get("action") == "add",
        )  # fmt: skip
        self.log.change(draft.message_id, change)
        self.outbox.append(draft)

    # --- the line

    def write_outbox(self):
        if not (self.is_member and self.written < len(self.outbox)):
            return
        draft = self.outbox[self.written]
        self.written += 1
        self.engine.append(draft, lambda done: self.line.append(lambda: self.answered(draft, done)))

    def answered(self, draft, done):
        self.outbox.remove(draft)
        self.written -= 1
        if isinstance(done, NotApplied):
            self.log.change_refused(draft.message_id)
        elif draft.about is None:
            self.hear(self.log.acked(draft.message_id, done.offset, done.timestamp_ms))
        else:
            self.hear(self.log.change_acked(draft.message_id, done.offset, done.timestamp_ms))

    def disconnect(self):
        self.line.clear()
        self.connected = self.is_member = False
        self.written = 0
        self.log.disconnected()

    def toggle(self):
        if self.connected:
            self.disconnect()
            return
        self.connected = self.is_member = True
        since = self.log.position
        forward = since is not None and since.epoch == self.engine.epoch
        page, entries = self.page(after=since.offset if forward else None)
        position = Position(page.epoch, page.last)
        recovered = forward and page.horizon <= since.offset
        self.line.append(lambda: self.joined(position, entries, recovered, page))

    def joined(self, position, entries, recovered, page):
        if self.log.position is None:
            self.started_after[position.epoch] = position.offset
        self.started_after.setdefault(position.epoch, 0)
        self.hear(self.log.joined(position, entries, recovered=recovered, more=page.more, horizon=page.horizon))
        self.ask()

    def ask(self):
        """The next page of what was missed; sometimes the newest first."""
        if not self.log.wants_more:
            if (after := self.log.wants_older) is not None:
                page, entries = self.page(after=after)
                self.line.append(lambda: self.filled(after, page, entries))
            return
        if self.rng.random() < 0.5 and not self.log.shows_end:
            _, newest = self.page()
            self.line.append(lambda: self.hear(self.log.newest(newest)))
        self.line.append(self.continue_)

    def continue_(self):
        if not self.log.wants_more:
            return
        page, entries = self.page(after=self.log.position.offset)
        recovered = page.horizon <= self.log.position.offset

        def come():
            if self.log.wants_more:
                events = self.log.continued(entries, recovered=recovered, more=page.more, horizon=page.horizon)
                self.hear(events)
                self.ask()

        self.line.append(come)

    def filled(self, after, page, entries):
        recovered = page.horizon <= after
        self.hear(self.log.filled(entries, recovered=recovered, more=page.more, horizon=page.horizon))
        self.ask()

    def listen(self):
        if self.line:
            self.line.pop(0)()

    def page_older(self):
        if self.connected and self.log.is_joined and self.log.has_older:
            page, entries = self.page(before=self.log.oldest)
            self.hear(self.log.older(entries, more=page.more))

    def trim(self):
        self.engine.trim("lobby", self.rng.randrange(0, 12))

    def settle(self):
        if not self.connected:
            self.toggle()
        for _ in range(500):
            if self.line:
                self.listen()
            elif self.written < len(self.outbox):
                self.write_outbox()
            elif self.log.wants_older is not None:
                self.ask()
            else:
                break
        assert self.log.is_joined
        assert (self.outbox, self.line) == ([], [])

    STEPS = (
        (other_writes, 6),
        (other_amends, 4),
        (ana_writes, 2),
        (ana_amends, 2),
        (write_outbox, 4),
        (listen, 12),
        (toggle, 1),
        (page_older, 1),
        (trim, 0.3),
        (lose_memory, 0.2),
    )

    def run(self, steps, **weights):
        names = [step.__name__ for step, _ in self.STEPS]
        chances = [weights.get(step.__name__, weight) for step, weight in self.STEPS]
        for name in self.rng.choices(names, chances, k=steps):
            getattr(self, name)()
            self.check_picture()
        self.settle()

    # --- what must hold

    def check_picture(self):
        """One bubble per message; what is placed is in order; the same picture as when it is put together anew."""
        shown = self.log.messages()
        keys = [(message.user_id, message.message_id) for message in shown]
        assert len(keys) == len(set(keys)), "one bubble per message"
        placed = [message.offset is not None for message in shown]
        assert placed == sorted(placed, reverse=True), "unsent ones last"
        assert self.log.behind >= 0

    def stands(self, message):
        """How a message stands at the server now; None: it is gone."""
        found = []
        self.engine.find("lobby", message.message_id, found.append)
        return None if found[0] is None else read(found[0])

    def check_end(self):
        """Everything shows as it stands, each was told once in order, and what is not here is said."""
        shown = self.log.messages()
        horizon = self.page(limit=1)[0].horizon
        epoch = self.engine.epoch
        now = [message for message in shown if message.offset > horizon and self.in_epoch(message, epoch)]
        for message in now:
            entry = self.stands(message)
            reactions = {each.emoji: each.user_ids for each in message.reactions} or None
            assert not any(each.pending for each in message.reactions)
            assert (message.offset, message.text, message.is_deleted, message.edited_ms, reactions) == (
                entry.offset,
                entry.text,
                entry.deleted,
                None if entry.deleted else entry.edited_at,
                entry.reactions,
            )
            assert message.revision == entry.revision
        offsets = [message.offset for message in shown if self.in_epoch(message, epoch)]
        assert offsets == sorted(offsets)
        first = min(offsets, default=0)
        ids = {message.message_id for message in shown}
        for offset, message_id in self.history[epoch].items():
            if message_id not in ids and offset > first and first:
                assert any(gap.after < offset < gap.before for gap in self.log.gaps), f"{offset} is missing silently"
        if not self.log.has_older:
            known = {message_id for offset, message_id in self.history[epoch].items() if offset > horizon}
            assert known <= ids, "all that the server has"
        self.check_told()

    def in_epoch(self, message, epoch):
        """By its id, unless it stands at this offset of a former log too: a retry whose ack was lost with that log."""
        logs = [each for each, ids in self.history.items() if ids.get(message.offset) == message.message_id]
        return logs == [epoch]

    def check_told(self):
        received = [event.message for event in self.told if isinstance(event, Received)]
        assert len({message.message_id for message in received}) == len(received), "each once"
        delivered = [event.message.message_id for event in self.told if isinstance(event, Delivered)]
        assert len(set(delivered)) == len(delivered)
        assert all(message.user_id != ANA or message.message_id not in delivered for message in received)


@pytest.mark.clause("RT-CHAT-3")
@given(st.integers(0, 10**9))
def test_everything_that_is_written_is_shown_once_as_it_stands(seed):
    world = World(random.Random(seed))
    world.toggle()
    world.run(60, trim=0, lose_memory=0)
    world.check_end()
    assert world.log.gaps == ()
    [(epoch, start)] = world.started_after.items()
    offsets = [event.message.offset for event in world.told if isinstance(event, Received)]
    own = {event.message.offset for event in world.told if isinstance(event, Delivered)}
    later = [offset for offset in world.history[epoch] if offset > start and offset not in own]
    assert offsets == later, "each of the others once, in the room's order"
    assert own <= set(world.history[epoch])


@pytest.mark.clause("RT-CHAT-3")
@given(st.integers(0, 10**9))
def test_what_the_server_lost_is_a_gap_and_never_a_silent_hole(seed):
    world = World(random.Random(seed))
    world.toggle()
    world.run(80, trim=1, lose_memory=0)
    world.check_end()


@pytest.mark.clause("RT-CHAT-3")
@given(st.integers(0, 10**9))
@example(20880)  # an edit of an own message whose ack is on its way is lost with its log
def test_logs_that_are_lost_leave_what_was_shown_of_them(seed):
    world = World(random.Random(seed))
    world.toggle()
    world.run(80, trim=0, lose_memory=1)
    world.check_end()
    if len(world.started_after) > 1:
        assert world.log.gap


@given(st.integers(0, 10**9), st.integers(1, 12))
def test_with_bounded_memory_the_newest_are_shown_and_the_rest_is_paged_in(seed, most):
    world = World(random.Random(seed), max_messages=most)
    world.toggle()
    world.run(60, trim=0.2, lose_memory=0, page_older=0)
    shown = [message for message in world.log.messages() if message.offset is not None]
    assert len(shown) <= most
    world.check_end()
    for _ in range(100):
        world.page_older()
    assert not world.log.has_older
    world.check_end()
