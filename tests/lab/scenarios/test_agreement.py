"""In the end everybody shows the same: texts, tombstones, reactions, markers, and nobody typing."""

import pytest

from realtime.chat.message import Gap, Marker, Message, MessageStatus, Reaction, RoomState
from realtime.lab.scenarios.agreement import disagreements


def message(n, **changes):
    values = {"text": f"text {n}", "user_id": "ana", "offset": n, "status": MessageStatus.SENT, "timestamp_ms": 0}
    return Message(room_id="lobby", message_id=f"m{n}", **(values | changes))


def texts(*states, logs=None):
    """What is wrong where these states are shown by ana, ben and so on."""
    shown = {name: {"lobby": state} for name, state in zip(("ana", "ben", "cleo"), states, strict=False)}
    return [f"{each.kind}: {each.text}" for each in disagreements(shown, logs or {}, now_s=9.0)]


def state(*messages, **changes):
    return RoomState(room_id="lobby", messages=messages, **changes)


def test_nobody_is_accused_who_shows_the_same():
    marks = {"ana": Marker("ana", 2, 1)}
    one = state(message(1), message(2), markers=marks)
    late = state(message(2, status=MessageStatus.RECEIVED, mine=True), markers=marks)
    assert texts(one, late, one, logs={"lobby": {"m1": b'{"text":"text 1"}', "m2": b'{"text":"text 2"}'}}) == []


def test_who_joined_later_shows_less_and_unsent_messages_are_nobodys_business():
    unsent = message(9, offset=None, status=MessageStatus.PENDING)
    assert texts(state(message(1), message(2), unsent), state(message(2))) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"text": "other"}, "'text 1', ben 'other'"),
        ({"is_deleted": True, "text": ""}, "'text 1', ben a tombstone"),
        ({"reactions": (Reaction("👍", ("cleo",)),)}, "'text 1', ben 'text 1' 👍 cleo"),
    ],
)
def test_two_that_show_different_things_disagree(change, words):
    assert texts(state(message(1)), state(message(1, **change))) == [
        f"divergent: in the end 'm1' of lobby is to ana {words}"
    ]


def test_the_servers_log_is_a_witness():
    logs = {"lobby": {"m1": b'{"text":"text 1"}', "m2": b'{"text":"","deleted":true}'}}
    [text] = texts(state(message(1), message(2)), logs=logs)
    assert text == "divergent: in the end 'm2' of lobby is to the server a tombstone, ana 'text 2'"
    reacted = {"lobby": {"m1": '{"text":"text 1","reactions":{"👍":["ana","ben"]}}'.encode()}}
    assert texts(state(message(1, reactions=(Reaction("👍", ("ana", "ben")),))), logs=reacted) == []
    assert len(texts(state(message(1, reactions=(Reaction("👍", ("ben", "ana")),))), logs=reacted)) == 1, "in order"


def test_what_was_read_is_the_same_everywhere():
    """What was received is told to the authors only."""
    one, other = state(markers={"cleo": Marker("cleo", 5, 3)}), state(markers={"cleo": Marker("cleo", 5, 4)})
    assert texts(one, other) == ["divergent: in the end cleo has read 3 of lobby to ana, 4 to ben"]
    assert len(texts(one, state())) == 1
    assert texts(state(markers={"cleo": Marker("cleo", 5, 3)}), state(markers={"cleo": Marker("cleo", 7, 3)})) == []


def test_an_author_knows_that_another_user_has_it():
    own = message(1, mine=True)
    assert texts(state(own), state(message(1))) == [
        "stale: in the end ana shows 'm1' of lobby as sent, and ben has it, who is another user"
    ]
    assert texts(state(message(1, mine=True, status=MessageStatus.READ)), state(message(1))) == []
    assert texts(state(own)) == texts(state(own), state()) == []
    assert texts(state(own), state(message(1, mine=True))) == [], "ben is a device of the same user"


def test_nobody_types_for_ever():
    assert texts(state(typing=("ben",))) == ["stale: in the end ana still shows ben typing in lobby"]


def test_what_was_let_go_or_is_in_a_gap_is_not_compared():
    assert texts(state(message(1)), state(), logs={"lobby": {}}) == []


def test_who_has_a_gap_cannot_know_what_became_of_messages_before_it():
    with_gap = state(message(1, text="old"), message(5), gaps=(Gap(1, 5),))
    assert texts(state(message(1), message(5)), with_gap) == []
    assert len(texts(state(message(1), message(5, text="other")), with_gap)) == 1
