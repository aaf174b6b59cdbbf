"""Delivered and read: markers that move up, and who is told."""

import random

import pytest

from realtime.server.engine.base import Draft
from realtime.server.engine.memory import MemoryEngine
from tests.server.fakes import BrokenEngine, LateEngine
from tests.server.rig import Rig


def mark(rig, session, kind, up_to, room="lobby"):
    return rig.say(session, f"chat:{kind}", {"roomId": room, "upTo": up_to})


def receipts(rig, session, room="lobby"):
    return rig.say(session, "room:join", {"roomId": room})["receipts"]


def delivered(message_id, user_id, up_to, room="lobby"):
    body = {"roomId": room, "messageId": message_id, "userId": user_id, "upTo": up_to}
    return ("chat:message_delivered", body)


def was_read(user_id, up_to, room="lobby"):
    return ("chat:read", {"roomId": room, "userId": user_id, "upTo": up_to})


def told(session, *events):
    """What a session heard of these events since the last call."""
    events = events or ("chat:message_delivered", "chat:read")
    return [each for each in session.link.take() if each[0] in events]


@pytest.fixture
def room():
    """Ana has written m1 and m2, ben m3; cem listens."""
    rig = Rig()
    ana, ben, cem = rig.sessions("lobby", "ana", "ben", "cem")
    rig.write(ana, "m1")
    rig.write(ana, "m2")
    rig.write(ben, "m3")
    for session in (ana, ben, cem):
        session.link.take()
    return rig, ana, ben, cem


def test_received_is_told_to_the_authors_of_what_is_newly_covered(room):
    rig, ana, ben, cem = room
    assert mark(rig, cem, "received", 2) == {"ok": True}
    assert told(ana) == [delivered("m2", "cem", 2)]
    assert told(ben) == []
    mark(rig, cem, "received", 3)
    assert (told(ana), told(ben)) == ([], [delivered("m3", "cem", 3)])
    assert told(cem) == []


def test_one_event_per_author_names_the_newest_message_and_means_the_older_ones_too(room):
    rig, ana, ben, cem = room
    mark(rig, cem, "received", 3)
    assert told(ana) == [delivered("m2", "cem", 3)]
    assert told(ben) == [delivered("m3", "cem", 3)]


def test_read_is_told_to_everybody_else_the_readers_other_devices_included(room):
    rig, ana, ben, cem = room
    tablet = rig.session("cem", "tablet", room="lobby")
    tablet.link.take()
    assert mark(rig, cem, "read", 2) == {"ok": True}
    assert told(ana) == [delivered("m2", "cem", 2), was_read("cem", 2)]
    assert told(ben) == told(tablet) == [was_read("cem", 2)]
    assert told(cem) == []


@pytest.mark.clause("RT-CHAT-9")
def test_what_was_read_was_received(room):
    rig, ana, ben, cem = room
    mark(rig, cem, "read", 3)
    assert mark(rig, cem, "received", 3) == {"ok": True}
    assert receipts(rig, cem) == [{"userId": "cem", "received": 3, "read": 3}]


@pytest.mark.clause("RT-CHAT-9")
def test_a_marker_does_not_go_back_and_tells_nothing_twice(room):
    rig, ana, ben, cem = room
    mark(rig, cem, "read", 3)
    for session in (ana, ben):
        session.link.take()
    for kind, up_to in (("read", 3), ("read", 1), ("received", 2), ("read", 0)):
        assert mark(rig, cem, kind, up_to) == {"ok": True}
    assert told(ana) == told(ben) == []
    assert receipts(rig, ana) == [{"userId": "cem", "received": 3, "read": 3}]


def test_a_second_device_that_is_behind_tells_nothing(room):
    rig, ana, ben, cem = room
    tablet = rig.session("cem", "tablet", room="lobby")
    mark(rig, cem, "received", 3)
    ana.link.take()
    mark(rig, tablet, "received", 2)
    assert told(ana) == []
    mark(rig, tablet, "read", 2)
    assert told(ana) == told(cem) == [was_read("cem", 2)]


def test_beyond_the_end_of_the_log_is_its_end(room):
    rig, ana, ben, cem = room
    assert mark(rig, cem, "read", 2**53 - 1) == {"ok": True}
    assert told(ana) == [delivered("m2", "cem", 3), was_read("cem", 3)]
    rig.write(ana, "m4")
    ana.link.take()
    mark(rig, cem, "read", 4)
    assert told(ana) == [delivered("m4", "cem", 4), was_read("cem", 4)]


def test_the_answer_to_a_join_has_the_markers_of_all(room):
    rig, ana, ben, cem = room
    mark(rig, cem, "received", 3)
    mark(rig, ben, "read", 2)
    rig.namespace.remove(cem, "away")
    expected = [{"userId": "ben", "received": 2, "read": 2}, {"userId": "cem", "received": 3, "read": 0}]
    assert receipts(rig, ana) == expected
    assert receipts(rig, rig.session("dan"), "attic") == []


def test_what_moves_within_a_moment_is_one_frame_per_author(room):
    rig, ana, ben, cem = room
    dan = rig.session("dan", room="lobby")
    for session in (ana, ben, cem):
        session.link.take()
    rig.untold = []
    for session, kind, up_to in ((cem, "received", 1), (dan, "read", 3), (ben, "received", 2), (cem, "received", 2)):
        assert mark(rig, session, kind, up_to) == {"ok": True}
    assert told(ana) == told(ben) == [was_read("dan", 3)], "what was read is shown at once"
    [tell] = rig.untold
    tell()
    [(event, body)] = told(ana)
    others = [{"userId": "dan", "upTo": 3}, {"userId": "ben", "upTo": 2}]
    assert (event, body) == (delivered("m2", "cem", 2)[0], delivered("m2", "cem", 2)[1] | {"others": others})
    assert told(ben) == [delivered("m3", "dan", 3)], "cem does not have it yet"
    assert told(cem) == [was_read("dan", 3)]
    mark(rig, cem, "received", 3)
    rig.untold[1]()
    assert (told(ana), told(ben)) == ([], [delivered("m3", "cem", 3)])


def test_a_room_that_everybody_has_left_meanwhile_is_told_nothing(room):
    rig, *everybody = room
    rig.untold = []
    mark(rig, everybody[2], "received", 3)
    for session in everybody:
        rig.namespace.remove(session, "gone")
    [tell] = rig.untold
    tell()
    assert all(told(session) == [] for session in everybody)


def test_ones_own_messages_are_not_delivered_to_oneself(room):
    rig, ana, ben, cem = room
    mark(rig, ana, "received", 3)
    assert told(ana) == []
    assert told(ben) == [delivered("m3", "ana", 3)]


def test_only_authors_in_the_room_are_told(room):
    rig, ana, ben, cem = room
    rig.say(ana, "room:leave", {"roomId": "lobby"})
    mark(rig, cem, "read", 3)
    assert told(ana) == []


def log(engine, count, authors):
    """Messages m1, m2, … by user-0, user-1, … in turn, logged before anybody is there."""
    for n in range(1, count + 1):
        user_id = f"user-{n % authors}"
        body = b'{"roomId":"lobby","messageId":"m%d","userId":"%s","text":"x"}' % (n, user_id.encode())
        draft = Draft(
            room_id="lobby",
            user_id=user_id,
            message_id=f"m{n}",
            event="chat:message",
            body=body,
            timestamp_ms=n,
            origin="",
        )
        engine.append(draft, lambda result: None)


def test_a_marker_that_jumps_over_ten_thousand_messages_tells_of_the_newest_only():
    rig = Rig()
    log(rig.engine, 10_000, authors=300)
    authors = [rig.session(f"user-{n}") for n in range(300)]
    cem = rig.session("cem")
    for session in (*authors, cem):
        rig.namespace.rooms.join("lobby", session, session.member)
    mark(rig, cem, "received", 10_000)
    # 256 messages are remembered, each by another author
    newest = {f"user-{n % 300}": f"m{n}" for n in range(10_001 - 256, 10_001)}
    expected = [delivered(newest[user], "cem", 10_000) for user in (s.user_id for s in authors) if user in newest]
    assert [each for session in authors for each in told(session)] == expected
    assert len(expected) == 256


def test_changes_to_messages_are_no_messages_of_their_authors(room):
    rig, ana, ben, cem = room
    rig.say(ben, "chat:reaction", {"roomId": "lobby", "messageId": "m1", "emoji": "👍", "action": "add"})
    mark(rig, cem, "received", 3)
    for session in (ana, ben):
        session.link.take()
    mark(rig, cem, "received", 4)
    assert told(ana) == told(ben) == []


def test_what_was_logged_after_the_first_marker_is_known_without_reading_the_log_again(room):
    rig, ana, ben, cem = room
    reads = []
    engine_read = rig.engine.read
    rig.engine.read = lambda *args, **options: (reads.append(args), engine_read(*args, **options))
    for n in range(4, 10):
        rig.write(ana, f"m{n}")
        mark(rig, cem, "received", n)
    assert [body["messageId"] for _, body in told(ana)] == [f"m{n}" for n in (4, 5, 6, 7, 8, 9)]
    assert len(reads) == 1


def test_markers_of_an_earlier_run_of_the_server_are_not_told_again(room):
    rig, ana, ben, cem = room
    mark(rig, cem, "read", 3)
    later = Rig(rig.engine)
    ana, cem = later.sessions("lobby", "ana", "cem")
    mark(later, cem, "read", 3)
    assert told(ana) == []
    assert receipts(later, ana) == [{"userId": "cem", "received": 3, "read": 3}]


def late_room():
    engine = LateEngine(MemoryEngine(rng=random.Random(0)))
    rig = Rig(engine)
    ana, ben = rig.session("ana"), rig.session("ben")
    for session in (ana, ben):
        rig.namespace.rooms.join("lobby", session, session.member)
    for n in (1, 2):
        rig.ask(ana, "chat:message", {"roomId": "lobby", "messageId": f"m{n}", "text": "x"})
    engine.settle()
    ana.link.take()
    return rig, engine, ana, ben


def test_neither_answer_nor_event_before_a_marker_is_durable():
    rig, engine, ana, ben = late_room()
    ben.link.take()
    rig.ask(ben, "chat:read", {"roomId": "lobby", "upTo": 1})
    ack_id = rig.ask(ben, "chat:read", {"roomId": "lobby", "upTo": 2})
    for _ in range(2):  # what is remembered of the room is read first
        assert ana.link.take() == ben.link.take() == []
        engine.waiting.pop(0)()
    engine.settle()
    assert [each for each in ben.link.take() if each[0] == ack_id] == [(ack_id, {"ok": True})]
    assert told(ana) == [
        delivered("m1", "ben", 1),
        was_read("ben", 1),
        delivered("m2", "ben", 2),
        was_read("ben", 2),
    ]


def test_what_is_logged_while_the_room_is_looked_up_counts():
    rig, engine, ana, ben = late_room()
    rig.ask(ben, "chat:received", {"roomId": "lobby", "upTo": 9})
    rig.ask(ana, "chat:message", {"roomId": "lobby", "messageId": "m3", "text": "x"})
    engine.settle()
    assert told(ana) == [delivered("m3", "ben", 3)]


def test_who_is_joining_misses_no_marker():
    rig, engine, ana, ben = late_room()
    cem = rig.session("cem")
    ack_id = rig.ask(cem, "room:join", {"roomId": "lobby"})
    rig.ask(ben, "chat:read", {"roomId": "lobby", "upTo": 2})
    while len(engine.waiting) > 1:
        engine.waiting.pop(1)()  # the marker is told, and the page, read before, is still on its way
    assert cem.link.take() == []
    engine.settle()
    answer, *events = cem.link.take()
    assert (answer[0], answer[1]["receipts"]) == (ack_id, [])
    assert events == [was_read("ben", 2)]


def test_an_engine_that_fails_is_answered_for_and_asked_again_later():
    rig = Rig()
    ana, cem = rig.sessions("lobby", "ana", "cem")
    rig.write(ana, "m1")
    working = rig.engine
    for name in ("read", "mark"):
        setattr(working, name, getattr(BrokenEngine(), name))
    for kind in ("received", "read"):
        assert mark(rig, cem, kind, 1)["error"]["code"] == "storage_failed"
    del working.read
    assert mark(rig, cem, "read", 1)["error"]["code"] == "storage_failed"
    ana.link.take()
    del working.mark
    assert mark(rig, cem, "read", 1) == {"ok": True}
    assert told(ana) == [delivered("m1", "cem", 1), was_read("cem", 1)]


@pytest.mark.parametrize("payload", [{}, {"upTo": -1}, {"upTo": "3"}, {"upTo": 2**53}])
def test_bad_fields_are_refused_by_name(room, payload):
    rig, ana, _, _ = room
    reply = rig.say(ana, "chat:read", {"roomId": "lobby"} | payload)
    assert reply["error"]["code"] == "invalid_payload"
    assert "upTo" in reply["error"]["message"]


def test_rooms_that_nobody_is_in_any_more_are_forgotten():
    rig = Rig()
    ana = rig.session("ana")
    for n in range(500):
        rig.say(ana, "room:join", {"roomId": f"room-{n}"})
        rig.write(ana, "m", room=f"room-{n}")
        mark(rig, ana, "read", 1, room=f"room-{n}")
        rig.say(ana, "room:leave", {"roomId": f"room-{n}"})
    assert len(rig.receipts) < 200


def test_a_marker_is_worth_a_write_only_if_it_moves():
    engine = MemoryEngine(rng=random.Random(0))
    rig = Rig(engine)
    ana, cem = rig.sessions("lobby", "ana", "cem")
    rig.write(ana, "m1")
    marks = []
    engine_mark = engine.mark
    engine.mark = lambda *args, **options: (marks.append(args), engine_mark(*args, **options))
    for _ in range(5):
        mark(rig, cem, "received", 1)
        mark(rig, cem, "read", 1)
    assert len(marks) == 2


def test_who_wants_to_know_is_told_of_each_marker_that_moved(room):
    rig, ana, ben, cem = room
    moved = []
    rig.receipts.when_marked(lambda room_id, marker: moved.append((room_id, *marker)))
    for kind, up_to in (("received", 3), ("read", 2), ("read", 1)):
        mark(rig, cem, kind, up_to)
    assert moved == [("lobby", "cem", 3, 0), ("lobby", "cem", 3, 2)]


def test_a_server_that_was_stopped_before_it_told_authors_tells_them_after_its_next_start(room):
    rig, ana, ben, cem = room
    rig.untold = []
    mark(rig, cem, "received", 1)
    assert len(rig.untold) == 1
    rig.receipts.stop()  # and its loop ends, with what was to be told
    rig.untold = []
    mark(rig, cem, "received", 2)
    assert len(rig.untold) == 1
