"""The messages of a snapshot: a picture of a list that goes on growing."""

import pytest

from realtime.chat.message_list import MessageList


def test_a_picture_does_not_change_while_the_list_behind_it_grows() -> None:
    placed = ["a", "b"]
    before = MessageList(placed, ("unsent",))
    placed.append("c")
    after = MessageList(placed, ())
    assert list(before) == ["a", "b", "unsent"]
    assert list(after) == ["a", "b", "c"]
    assert (len(before), len(after)) == (3, 3)
    assert before != after


def test_it_is_read_like_a_tuple() -> None:
    messages = MessageList(["a", "b", "c"], ("x", "y"))
    everything = ("a", "b", "c", "x", "y")
    for index in range(-5, 5):
        assert messages[index] == everything[index]
    for start in (None, -9, -4, -1, 0, 2, 4, 9):
        for stop in (None, -9, -4, -1, 0, 2, 4, 9):
            for step in (None, 1, 2, -1):
                assert messages[start:stop:step] == everything[start:stop:step]
    assert "y" in messages
    assert "z" not in messages
    assert tuple(reversed(messages)) == everything[::-1]
    assert repr(messages) == repr(everything)


@pytest.mark.parametrize("index", [5, -6])
def test_beyond_its_ends_is_nothing(index: int) -> None:
    with pytest.raises(IndexError):
        MessageList(["a", "b", "c"], ("x", "y"))[index]


def test_it_may_begin_behind_what_was_let_go() -> None:
    placed = ["gone", "a", "b", "c"]
    messages = MessageList(placed, ("x", "y"), start=1)
    everything = ("a", "b", "c", "x", "y")
    assert (tuple(messages), len(messages)) == (everything, 5)
    assert [messages[index] for index in range(-5, 5)] == [everything[index] for index in range(-5, 5)]
    assert messages == MessageList(["a", "b", "c"], ("x", "y"))
    assert messages != MessageList(placed, ("x", "y"))
    assert messages[1:4] == everything[1:4]


def test_it_equals_whatever_has_the_same_messages_in_the_same_order() -> None:
    placed = ["a", "b"]
    assert MessageList(placed, ("c",)) == ("a", "b", "c") == MessageList(["a", "b", "c"], ())
    assert MessageList(placed, ()) == MessageList(placed, ())
    assert MessageList(placed, ("c",)) != MessageList(placed, ("d",))
    assert MessageList([], ()) == ()
    assert MessageList(placed, ()) != ["a", "b"]
    assert hash(MessageList(placed, ("c",))) == hash(("a", "b", "c"))
