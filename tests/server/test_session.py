"""A session: who is connected, and how the server talks to them."""

import pytest

from realtime.protocol.errors import LocalProtocolError
from realtime.server.frames import binary_frame, text_frame
from realtime.server.messages import OkReply, Refusal
from realtime.server.rooms import Member
from realtime.server.session import Session


class Wire:
    """A connection that remembers what was written."""

    def __init__(self):
        self.frames = []
        self.left = []
        self.fences = []

    def write(self, frame):
        self.frames.append(frame)

    def write_volatile(self, frame):
        self.frames.append(frame)
        return True

    def fence(self, passed):
        self.fences.append(passed)

    def leave(self, namespace):
        self.left.append(namespace)

    def replaced(self, namespace):
        pass


def session(namespace="/"):
    options = {"sid": "s1", "member": Member("ana", "phone"), "namespace": namespace, "auth": {"userId": "ana"}}
    return Session(**options, link=Wire())


def test_it_says_who_it_is():
    ana = session()
    assert (ana.sid, ana.user_id, ana.device_id, ana.auth) == ("s1", "ana", "phone", {"userId": "ana"})
    assert repr(ana) == "<Session 's1' user='ana' device='phone' namespace='/' connected>"


def test_an_event_is_written_as_a_packet():
    ana = session()
    ana.emit("hello", "w1", {"n": 1})
    ana.emit("photo", b"\x00")
    assert ana.link.frames == [
        text_frame(b'42["hello","w1",{"n":1}]'),
        text_frame(b'451-["photo",{"_placeholder":true,"num":0}]') + binary_frame(b"\x00"),
    ]


def test_another_namespace_is_named():
    ana = session("/custom")
    ana.emit("hello")
    ana.acknowledge(7, OkReply())
    assert ana.link.frames == [text_frame(b'42/custom,["hello"]'), text_frame(b'43/custom,7[{"ok":true}]')]


def test_answers_go_out_only_if_they_were_asked_for():
    ana = session()
    ana.acknowledge(None, OkReply())
    ana.refuse(None, Refusal("no", "because"))
    ana.answer(None, ["x"])
    assert ana.link.frames == []
    ana.acknowledge(12, OkReply())
    ana.refuse(13, Refusal("no", "because"))
    ana.answer(14, ["x", b"\x01"])
    assert ana.link.frames == [
        text_frame(b'4312[{"ok":true}]'),
        text_frame(b'4313[{"ok":false,"error":{"code":"no","message":"because"}}]'),
        text_frame(b'461-14["x",{"_placeholder":true,"num":0}]') + binary_frame(b"\x01"),
    ]


def test_what_cannot_be_sent_is_the_callers_mistake():
    ana = session()
    with pytest.raises(LocalProtocolError):
        ana.emit("connect")
    with pytest.raises(LocalProtocolError):
        ana.emit("x", object())
    assert ana.link.frames == []


def test_after_it_was_disconnected_nothing_is_written():
    ana = session()
    ana.disconnect()
    ana.disconnect()
    assert ana.link.left == ["/"]
    ana.closed()
    assert not ana.connected
    ana.emit("hello")
    ana.acknowledge(1, OkReply())
    assert ana.link.frames == []
    ana.disconnect()
    assert ana.link.left == ["/"]
    assert "disconnected" in repr(ana)


def test_a_fence_is_passed_while_the_session_stands():
    ana, passed = session(), []
    ana.fence(lambda: passed.append(1))
    ana.fence(lambda: passed.append(2))
    ana.link.fences[0]()
    assert passed == [1]
    ana.closed()
    ana.link.fences[1]()
    ana.fence(lambda: passed.append(3))
    assert passed == [1]
    assert len(ana.link.fences) == 2


def test_on_another_connection_only_its_own_answers_go_out():
    ana = session()
    late = ana.own_ack_id(7)
    assert (late, ana.own_ack_id(None)) == (7, None)
    ana.detached(Wire())
    assert not ana.connected
    ana.acknowledge(late, OkReply())
    ana.attached(Wire(), {"userId": "ana", "token": "new"})
    assert (ana.connected, ana.recovered, ana.auth["token"]) == (True, True, "new")
    ana.acknowledge(late, OkReply())
    ana.answer(late, ["late"])
    assert ana.link.frames == []
    ana.answer(ana.own_ack_id(7), ["in time"])
    assert ana.link.frames == [text_frame(b'437["in time"]')]


def test_a_fence_of_the_connection_before_is_not_passed():
    ana, passed = session(), []
    ana.fence(lambda: passed.append(1))
    before = ana.link
    ana.detached(Wire())
    ana.attached(Wire(), None)
    before.fences[0]()
    assert passed == []
