"""Random histories: one of a system that keeps its promises is never accused, and one false step is noticed."""

import copy
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from realtime.sim.checkers import check
from realtime.sim.history import Acked, Attempt, Delivery, History, Refused
from tests.sim.stories import Story

DEVICES = ("ana", "ben", "cleo")
ROOMS = ("lobby", "kitchen")
FIRST_PAGE = 2  # messages that come with a join


@dataclass
class Phone:
    """A device's process: where it is in each room's log, and what it shows."""

    position: dict = field(default_factory=dict)
    view: dict = field(default_factory=dict)
    outbox: list = field(default_factory=list)  # written in order; the server takes the first
    unacked: list = field(default_factory=list)  # the server has it


class Model:
    """A chat system without a fault in it, in which anything may take any time."""

    def __init__(self):
        self.story = Story()
        self.logs = {room: [] for room in ROOMS}  # (message id, sender)
        self.phones = {name: Phone() for name in DEVICES}
        self.count = 0

    def step(self, verb, name, room):
        self.story.now_s += 0.5
        getattr(self, verb)(name, self.phones[name], room)

    def join(self, name, phone, room):
        if room in phone.position:
            return
        log = self.logs[room]
        phone.position[room] = len(log)
        self.story.member(name, room)
        phone.view[room] = [(n + 1, log[n][0]) for n in range(max(0, len(log) - FIRST_PAGE), len(log))]

    def send(self, name, phone, room):
        if room in phone.position:
            self.count += 1
            self.story.attempt(name, room, f"m{self.count}")
            phone.outbox.append((room, f"m{self.count}"))

    def store(self, name, phone, room):
        if phone.outbox:
            room, message_id = phone.outbox.pop(0)
            self.logs[room].append((message_id, name))
            phone.unacked.append((room, message_id, len(self.logs[room])))

    def refuse(self, name, phone, room):
        if phone.outbox:
            self.story.fail(phone.outbox.pop(0)[1], "not today")

    def ack(self, name, phone, room):
        if phone.unacked:
            room, message_id, offset = phone.unacked.pop(0)
            self.story.ok(message_id, offset)
            phone.view[room].append((offset, message_id))

    def deliver(self, name, phone, room):
        if phone.position.get(room, len(self.logs[room])) >= len(self.logs[room]):
            return
        message_id, sender = self.logs[room][phone.position[room]]
        phone.position[room] += 1
        offset = phone.position[room]
        if not self.is_own(phone, room, message_id, offset):
            self.story.delivery(name, room, message_id, offset, sender)
            phone.view[room].append((offset, message_id))

    def kill(self, name, phone, room):
        self.story.killed(name)
        self.phones[name] = Phone()

    def disturb(self, name, phone, room):
        self.story.fault("outage")
        self.story.reconnect(name)

    def is_own(self, phone, room, message_id, offset):
        return (room, message_id, offset) in phone.unacked or (offset, message_id) in phone.view[room]

    def drain(self):
        self.story.healed()
        for name, phone in self.phones.items():
            for room in ROOMS:
                for verb in ("store", "ack"):
                    for _ in range(len(phone.outbox) + len(phone.unacked)):
                        self.step(verb, name, room)
        for name, phone in self.phones.items():
            for room in phone.position:
                while phone.position[room] < len(self.logs[room]):
                    self.step("deliver", name, room)
                self.story.view(name, room, sorted(phone.view[room]))
        return self.story


VERBS = ("join", "send", "send", "store", "store", "ack", "deliver", "deliver", "deliver", "refuse", "kill", "disturb")
STEPS = st.lists(st.tuples(st.sampled_from(VERBS), st.sampled_from(DEVICES), st.sampled_from(ROOMS)), max_size=150)


def played(steps):
    model = Model()
    for step in [("join", name, room) for name in DEVICES for room in ROOMS[:1]] + steps:
        model.step(*step)
    return model.drain()


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_a_system_that_keeps_its_promises_is_never_accused(steps):
    report = check(played(steps), may_be_vacuous=True)
    assert report.violations == ()


def changed(story, records):
    other = History(lambda: 0.0)
    other.records = list(records)
    return other


def without(records, index):
    return records[:index] + records[index + 1 :]


def swapped(records, index):
    """A receiver is told two messages of a room the wrong way round."""
    first = records[index]
    for later, second in enumerate(records[index + 1 :], start=index + 1):
        if isinstance(second, Delivery) and (second.receiver, second.room) == (first.receiver, first.room):
            records = copy.copy(records)
            records[index] = msgspec.structs.replace(second, t_s=first.t_s)
            records[later] = msgspec.structs.replace(first, t_s=second.t_s)
            return records
    return None


LIES = {
    "a delivery is left out": (Delivery, without, {"lost", "reordered", "divergent"}),
    "a delivery comes twice": (Delivery, lambda r, i: r[: i + 1] + r[i:], {"duplicated"}),
    "two deliveries are swapped": (Delivery, swapped, {"reordered", "phantom"}),
    "an attempt was never made": (Attempt, without, {"phantom"}),
    "an ack never came": (Acked, without, {"stuck"}),
    "an ack names another offset": (
        Acked,
        lambda r, i: [*r[:i], msgspec.structs.replace(r[i], offset=r[i].offset + 1000), *r[i + 1 :]],
        {"duplicated", "divergent"},
    ),
}


@pytest.mark.parametrize("lie", list(LIES))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(steps=STEPS, data=st.data())
def test_one_false_step_is_noticed(lie, steps, data):
    kind, change, expected = LIES[lie]
    for n, name in enumerate(DEVICES):  # nobody dies, and something is sent, or there might be nobody to notice
        steps = [*steps[: n * 9], ("send", name, "lobby"), ("store", name, "lobby"), *steps[n * 9 :]]
    story = played([step for step in steps if step[0] != "kill"])
    places = [n for n, record in enumerate(story.records) if isinstance(record, kind)]
    assume(places)
    records = change(story.records, data.draw(st.sampled_from(places)))
    assume(records is not None and is_about_something(kind, lie, story.records, records))
    found = {violation.kind for violation in check(changed(story, records), may_be_vacuous=True).violations}
    assert found & expected


def is_about_something(kind, lie, before, after):
    """An attempt that nothing came of but a refusal, and an ack of what nobody else was told, leave no trace."""
    gone = [record for record in before if record not in after]
    if kind is Attempt:
        mentions = [record for record in after if getattr(record, "message_id", None) == gone[0].message_id]
        return any(not isinstance(record, Refused) for record in mentions)
    if lie == "an ack names another offset":
        return any(isinstance(r, Delivery) and r.message_id == gone[0].message_id for r in after)
    return True
