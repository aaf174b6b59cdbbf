"""A history keeps what happened at the applications' edge, in order, each with its time."""

import msgspec
import pytest

from realtime.sim.history import (
    Acked,
    Attempt,
    Cleared,
    Delivery,
    FaultFired,
    Forgot,
    Healed,
    History,
    Joined,
    Killed,
    Logged,
    Notified,
    Over,
    Owed,
    PositionAcked,
    PositionEnded,
    PositionGone,
    PositionShown,
    Reachable,
    Reconnect,
    Refused,
    Shown,
    Typed,
    TypingShown,
    View,
)


class Clock:
    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


def test_everything_is_kept_in_order_with_its_time():
    clock = Clock()
    history = History(clock)
    history.member("ben", "lobby")
    clock.now_s = 1.5
    history.attempt("ana", "lobby", "m1")
    history.attempt("ana", "lobby", "m2")
    clock.now_s = 2.0
    history.ok("m1", 7)
    history.fail("m2", "not_member")
    history.delivery("ben", "lobby", "m1", 7, "ana")
    history.view("ben", "lobby", [(7, "m1")])
    history.logged("lobby", [(7, "m1")])
    history.killed("ben")
    history.reconnect("ana")
    history.fault("outage")
    history.healed()
    history.shown("ana", "ben", False)
    history.reachable("ben", True)
    history.position_acked("ana", 1_700)
    history.position_shown("ben", "ana", 1_700)
    history.position_gone("ben", "ana")
    history.position_ended("ana", 1_800)
    history.typed("ana", "lobby")
    history.typing_shown("ben", "ana", "lobby", True)
    history.notified("ben", ["m1", "m2"], "push")
    history.forgot("ben")
    history.owed("ben", "m3", 5.0)
    history.over("ben", "m3", 6.0)
    history.cleared("ben", "m3")
    assert history.records == [
        Joined(0.0, "ben", "lobby"),
        Attempt(1.5, "ana", "lobby", "m1"),
        Attempt(1.5, "ana", "lobby", "m2"),
        Acked(2.0, "m1", 7),
        Refused(2.0, "m2", "not_member"),
        Delivery(2.0, "ben", "lobby", "m1", 7, "ana"),
        View(2.0, "ben", "lobby", ((7, "m1"),)),
        Logged(2.0, "lobby", ((7, "m1"),)),
        Killed(2.0, "ben"),
        Reconnect(2.0, "ana"),
        FaultFired(2.0, "outage"),
        Healed(2.0),
        Shown(2.0, "ana", "ben", False),
        Reachable(2.0, "ben", True),
        PositionAcked(2.0, "ana", 1_700),
        PositionShown(2.0, "ben", "ana", 1_700),
        PositionGone(2.0, "ben", "ana"),
        PositionEnded(2.0, "ana", 1_800),
        Typed(2.0, "ana", "lobby"),
        TypingShown(2.0, "ben", "ana", "lobby", True),
        Notified(2.0, "ben", ("m1", "m2"), "push"),
        Forgot(2.0, "ben"),
        Owed(2.0, "ben", "m3", 5.0),
        Over(2.0, "ben", "m3", 6.0),
        Cleared(2.0, "ben", "m3"),
    ]


def test_a_record_cannot_be_changed_afterwards():
    history = History(lambda: 0.0)
    history.attempt("ana", "lobby", "m1")
    with pytest.raises(AttributeError):
        history.records[0].sender = "ben"


def test_a_message_id_belongs_to_one_attempt():
    history = History(lambda: 0.0)
    history.attempt("ana", "lobby", "m1")
    with pytest.raises(ValueError, match=r"'m1' was attempted before, by ana at 0\.000 s"):
        history.attempt("ben", "lobby", "m1")


def test_a_history_travels_as_json_and_comes_back():
    history = History(lambda: 3.0)
    history.attempt("ana", "lobby", "m1")
    history.view("ben", "lobby", [(1, "m1")])
    history.healed()
    text = history.to_json()
    assert msgspec.json.decode(text)[0] == {
        "type": "Attempt",
        "t_s": 3.0,
        "sender": "ana",
        "room": "lobby",
        "message_id": "m1",
        "content": None,
        "is_durable": False,
    }
    again = History.from_json(text)
    assert again.records == history.records
    with pytest.raises(ValueError, match="is over"):
        again.reconnect("ana")


def test_what_is_no_history_is_refused():
    with pytest.raises(ValueError, match="no history"):
        History.from_json(b'[{"type": "Surprise"}]')


def test_it_tells_how_much_it_has():
    history = History(lambda: 3.0)
    history.reconnect("ana")
    assert repr(history) == "<History 1 records until 3.000 s>"
    assert repr(History(lambda: 0.0)) == "<History empty>"


def test_it_knows_who_sent_a_message():
    history = History(lambda: 0.0)
    history.attempt("ana", "lobby", "m1")
    assert (history.sender("m1"), history.sender("m2")) == ("ana", None)
