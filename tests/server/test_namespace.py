"""A namespace: its sessions, and frames to many of them."""

import pytest

from realtime.protocol.errors import LocalProtocolError
from realtime.server.namespace import Namespace
from realtime.server.stats import Counters
from tests.server.fakes import fake_session


@pytest.fixture
def counters():
    return Counters()


@pytest.fixture
def namespace(counters):
    return Namespace("/", counters)


def put(namespace, room_id, *names):
    sessions = [fake_session(name, namespace=namespace.name) for name in names]
    for session in sessions:
        namespace.add(session)
        namespace.rooms.join(room_id, session, session.member)
    return sessions


def test_an_event_goes_to_everybody_or_to_a_room(namespace, counters):
    ana, ben, cem = put(namespace, "lobby", "ana", "ben", "cem")
    namespace.rooms.leave("lobby", cem)
    namespace.emit("hello", 1, room="lobby")
    namespace.emit("all")
    assert ana.link.take() == ben.link.take() == [("hello", 1), ("all",)]
    assert cem.link.take() == [("all",)]
    namespace.emit("nobody", room="empty")
    assert counters.deliveries == 5


def test_a_broadcast_skips_its_sender(namespace, counters):
    ana, ben = put(namespace, "lobby", "ana", "ben")
    namespace.broadcast("lobby", namespace.frame("x", b"1"), skip=ana)
    assert (ana.link.take(), ben.link.take()) == ([], [("x", 1)])
    assert counters.deliveries == 1


def test_a_volatile_broadcast_skips_who_lags(namespace, counters):
    ana, ben = put(namespace, "lobby", "ana", "ben")
    ana.link.lags = True
    namespace.broadcast("lobby", namespace.frame("typing", b"1"), volatile=True)
    assert (ana.link.take(), ben.link.take()) == ([], [("typing", 1)])
    assert (counters.deliveries, counters.volatile_dropped) == (1, 1)
    namespace.broadcast("lobby", namespace.frame("message", b"1"))
    assert ana.link.take() == [("message", 1)]


def test_a_room_with_nobody_else_needs_no_broadcast(namespace):
    ana, ben = put(namespace, "lobby", "ana", "ben")
    assert not namespace.is_alone("lobby", ana)
    assert not namespace.is_alone("lobby", None)
    namespace.rooms.leave("lobby", ben)
    assert namespace.is_alone("lobby", ana)
    assert not namespace.is_alone("lobby", ben)
    assert not namespace.is_alone("lobby", None)
    assert namespace.is_alone("empty", ana)


def test_frames_of_another_namespace_name_it(counters):
    namespace = Namespace("/custom", counters)
    assert namespace.frame("x", b"1").text == b'42/custom,["x",1]'


def test_what_cannot_be_sent_is_sent_to_nobody(namespace):
    [ana] = put(namespace, "lobby", "ana")
    with pytest.raises(LocalProtocolError):
        namespace.emit("x", object())
    assert ana.link.take() == []


def test_coming_and_going_is_told(namespace):
    heard = []
    namespace.events.on("connect", lambda session: heard.append(("connect", session.user_id)))
    namespace.events.on("disconnect", lambda session, reason: heard.append(("disconnect", session.user_id, reason)))
    namespace.when_gone(lambda session: heard.append(("rooms", namespace.rooms.of(session))))
    [ana] = put(namespace, "lobby", "ana")
    assert namespace.sessions == {ana.sid: ana}
    namespace.remove(ana, "went to lunch")
    namespace.remove(ana, "again")
    assert namespace.sessions == {}
    assert not ana.connected
    assert namespace.rooms.of(ana) == ()
    assert heard == [("connect", "ana"), ("rooms", ("lobby",)), ("disconnect", "ana", "went to lunch")]


def test_everybody_can_be_dropped_without_telling_each_other(namespace):
    heard = []
    namespace.when_gone(lambda session: heard.append("told the others"))
    namespace.events.on("disconnect", lambda session, reason: heard.append((session.user_id, reason)))
    put(namespace, "lobby", "ana", "ben")
    namespace.clear("server stopping")
    assert namespace.sessions == {}
    assert len(namespace.rooms) == 0
    assert heard == [("ana", "server stopping"), ("ben", "server stopping")]


def test_its_repr_counts(namespace):
    put(namespace, "lobby", "ana", "ben")
    assert repr(namespace) == "<Namespace '/' sessions=2 rooms=1>"


@pytest.mark.parametrize("name", ["custom", "", "/a,b"])
def test_a_name_that_cannot_travel_is_refused(name, counters):
    with pytest.raises(LocalProtocolError, match="namespace"):
        Namespace(name, counters)
