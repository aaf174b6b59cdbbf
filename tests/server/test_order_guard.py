"""What one session sends into one room is stored in the order it was sent, though some of it is refused at first."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.server.engine.memory import MemoryEngine
from tests.server.fakes import FailingEngine, LateEngine
from tests.server.rig import Rig


class Disk:
    """Tells what cannot be stored, and keeps what was asked of it."""

    def __init__(self, *failures):
        self.failures = list(failures)  # ids, each failing once
        self.asked = []

    def __call__(self, draft):
        self.asked.append(draft.message_id)
        if draft.message_id in self.failures:
            self.failures.remove(draft.message_id)
            return True
        return False


def rig_with(*failures):
    disk = Disk(*failures)
    rig = Rig(FailingEngine(MemoryEngine(rng=random.Random(0)), disk))
    [ana] = rig.sessions("lobby", "ana")
    return rig, ana, disk


def fate(reply):
    return reply["offset"] if reply["ok"] else reply["error"]["code"]


def say(rig, session, *ids, room="lobby"):
    return [fate(rig.write(session, entry_id, room=room)) for entry_id in ids]


def stored(rig, session, room="lobby"):
    return [each["messageId"] for each in rig.say(session, "chat:history", {"roomId": room, "limit": 200})["messages"]]


FAILED = "storage_failed"


def test_what_was_sent_behind_a_refused_message_is_refused_until_that_one_comes_again():
    rig, ana, disk = rig_with("m1")
    assert say(rig, ana, "m1", "m2", "m3") == [FAILED] * 3
    assert disk.asked == ["m1"]
    assert say(rig, ana, "m1", "m2", "m3", "m4") == [1, 2, 3, 4]
    assert stored(rig, ana) == ["m1", "m2", "m3", "m4"]


def test_the_refusal_says_what_to_do():
    rig, ana, _ = rig_with("m1")
    rig.write(ana, "m1")
    message = rig.write(ana, "m2")["error"]["message"]
    assert "'m1'" in message
    assert "send" in message


def test_what_comes_between_the_retries_is_refused_behind_them():
    rig, ana, _ = rig_with("m1")
    say(rig, ana, "m1", "m2")
    assert say(rig, ana, "m1", "m3", "m2", "m3", "m4") == [1, FAILED, 2, 3, 4]


def test_a_retry_before_its_turn_is_refused():
    rig, ana, _ = rig_with("m1")
    say(rig, ana, "m1", "m2")
    assert say(rig, ana, "m2", "m1", "m2") == [FAILED, 1, 2]


def test_one_fence_is_asked_for_right_behind_the_refusal():
    rig, ana, _ = rig_with("m1")
    say(rig, ana, "m1")
    assert len(ana.link.fences) == 1
    say(rig, ana, "m2", "m3")
    assert len(ana.link.fences) == 1


def test_once_the_client_knows_of_all_refusals_it_may_send_what_it_likes():
    rig, ana, _ = rig_with("m1")
    say(rig, ana, "m1")
    ana.link.pass_fences()
    assert say(rig, ana, "m2", "m1") == [1, 2]
    assert ana.link.fences == []


def test_what_was_refused_while_the_fence_was_on_its_way_gets_a_fence_of_its_own():
    rig, ana, _ = rig_with("m1")
    say(rig, ana, "m1", "m2")
    ana.link.pass_fences()  # the client knows of m1; of m2 it may not know yet
    assert say(rig, ana, "m3") == [FAILED]
    ana.link.pass_fences()
    assert say(rig, ana, "m3", "m1", "m2") == [1, 2, 3]


def test_a_client_that_never_retries_is_not_locked_out_however_fast_it_sends():
    rig, ana, _ = rig_with("m0")
    fates = []
    for n in range(20):
        fences, ana.link.fences = ana.link.fences, []
        fates += say(rig, ana, f"m{n}")  # sent before it was known what became of the one before
        for passed in fences:
            passed()
    # m0 by the disk, m1 and m2 in the two rounds that had no retry in them
    assert fates == [FAILED] * 3 + list(range(1, 18))


def test_a_client_that_retries_keeps_its_order_for_as_many_rounds_as_it_takes():
    rig, ana, _ = rig_with("m0")
    say(rig, ana, "m0", "m1")
    for n in range(10):  # in every round trip one retry, and one new message sent too early
        assert say(rig, ana, f"m{n}", f"m{n + 2}") == [n + 1, FAILED]
        ana.link.pass_fences()
    say(rig, ana, "m10", "m11", "m12")
    assert stored(rig, ana) == [f"m{n}" for n in range(13)]


def test_other_rooms_other_sessions_and_what_is_not_logged_go_their_way():
    rig, ana, _ = rig_with("m1")
    ben = rig.session("ben", room="lobby")
    tablet = rig.session("ana", "tablet", room="lobby")
    rig.say(ana, "room:join", {"roomId": "attic"})
    say(rig, ana, "m1")
    assert say(rig, ana, "m2", room="attic") == [1]
    assert say(rig, ben, "m1") == [1]
    assert say(rig, tablet, "m3") == [2]
    assert rig.say(ana, "chat:typing", {"roomId": "lobby", "isTyping": True})["ok"]


def test_what_nobody_waits_for_is_neither_held_back_nor_holds_back():
    """Without an acknowledgement asked for, the client would never know, and never send it again."""
    rig, ana, _ = rig_with("m1", "m2")
    body = b'["chat:message",{"roomId":"lobby","messageId":"%s","text":"x"}]'
    rig.namespace.events.receive_raw(ana, "chat:message", body % b"m1", None)
    assert ana.link.fences == []
    assert say(rig, ana, "m2") == [FAILED]
    rig.namespace.events.receive_raw(ana, "chat:message", body % b"m3", None)
    assert stored(rig, ana) == ["m3"]


def test_what_fails_again_comes_first_again():
    rig, ana, disk = rig_with("m1", "m1")
    say(rig, ana, "m1", "m2", "m3")
    assert say(rig, ana, "m1", "m2") == [FAILED] * 2
    assert say(rig, ana, "m1", "m2", "m3") == [1, 2, 3]
    assert "m2" not in disk.asked[:2]


def test_with_an_engine_that_answers_late_the_order_is_that_of_sending():
    disk = Disk("m1", "m2")
    engine = LateEngine(FailingEngine(MemoryEngine(rng=random.Random(0)), disk))
    rig = Rig(engine)
    ana = rig.session("ana")
    rig.namespace.rooms.join("lobby", ana, ana.member)
    for n in (1, 2):
        rig.ask(ana, "chat:message", {"roomId": "lobby", "messageId": f"m{n}", "text": "x"})
    engine.waiting.pop(0)()  # m1 has failed, m2 is still being written
    assert fate(rig.write(ana, "m3")) == FAILED
    engine.settle()
    assert fate(rig.write(ana, "m3")) == FAILED
    asked = [rig.ask(ana, "chat:message", {"roomId": "lobby", "messageId": f"m{n}", "text": "x"}) for n in (1, 2, 3)]
    engine.settle()
    answers = {each[0]: fate(each[1]) for each in ana.link.take() if isinstance(each[0], int)}
    assert [answers[ack_id] for ack_id in asked] == [1, 2, 3]


def test_a_session_that_ends_leaves_nothing_behind():
    rig, ana, _ = rig_with("m1")
    say(rig, ana, "m1", "m2")
    rig.namespace.remove(ana, "tunnel")
    assert rig.guard.held == 0
    again = rig.session("ana", sid="second", room="lobby")
    assert say(rig, again, "m1", "m2") == [1, 2]


def test_a_flood_of_refused_ids_takes_bounded_memory():
    rig, ana, _ = rig_with("m0")
    say(rig, ana, *(f"m{n}" for n in range(3000)))
    assert rig.guard.held <= 1000
    ana.link.pass_fences()
    ana.link.pass_fences()
    assert rig.guard.held == 0
    assert say(rig, ana, "m0") == [1]


class Client:
    """Sends n messages; what is refused it sends again, oldest first, before anything that it has not sent yet."""

    def __init__(self, count):
        self.unsent = [f"m{n}" for n in range(count)]
        self.refused = []
        self.in_flight = []

    def next(self):
        source = self.refused or self.unsent
        if source:
            self.in_flight.append(source.pop(0))
            return self.in_flight[-1]
        return None

    def answered(self, entry_id, ok):
        self.in_flight.remove(entry_id)
        if not ok:
            self.refused = sorted([*self.refused, entry_id], key=lambda each: int(each[1:]))


@given(seed=st.integers(0, 10_000), failing=st.floats(0, 0.6))
@settings(deadline=None, max_examples=60)
def test_whatever_fails_and_however_late_the_client_hears_of_it_the_order_is_kept(seed, failing):
    """Both directions are queues of their own: the client acts on old news, the server on old requests."""
    rng = random.Random(seed)
    rig = Rig(FailingEngine(MemoryEngine(rng=random.Random(0)), lambda draft: rng.random() < failing))
    [ana] = rig.sessions("lobby", "ana")
    client, up, down = Client(12), [], []
    for step in range(4000):
        if step == 1500:
            failing = 0
        if not (client.unsent or client.refused or client.in_flight):
            break
        action = rng.randrange(3)
        if action == 0 and len(up) < 6 and (entry_id := client.next()):
            up.append(entry_id)
        elif action == 1 and up:
            frame = up.pop(0)
            if callable(frame):
                frame()
            else:
                down.append((frame, rig.write(ana, frame)["ok"]))
            down += ana.link.fences
            ana.link.fences = []
        elif action == 2 and down:
            news = down.pop(0)
            if callable(news):
                up.append(news)  # a ping: its pong goes behind what was sent
            else:
                client.answered(*news)
    assert stored(rig, ana) == [f"m{n}" for n in range(12)]
    assert rig.guard.held == 0


@pytest.mark.parametrize("failures", [["m1"], ["m1", "m3"], ["m5"]])
def test_a_storage_failure_is_counted(failures):
    rig, ana, _ = rig_with(*failures)
    say(rig, ana, *failures)
    assert rig.counters.storage_failures == 1
