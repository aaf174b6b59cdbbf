"""Snapshots and diffs in any order, repeated and with holes: in the end it is the server's truth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.presence.presence_state import Changed, Joined, Left, PresenceState
from realtime.presence.wire import LeftMember, Member, PresenceDiff


def diff(n, joins="", leaves="", status="online"):
    members = tuple(Member(name, "phone", status=status) for name in joins)
    return PresenceDiff("lobby", members, tuple(LeftMember(name, "phone") for name in leaves), n)


def names(state):
    return "".join(member.user_id for member in state.room().members)


def members(text):
    return tuple(Member(name, "phone") for name in text)


def test_a_snapshot_and_the_diffs_after_it():
    state = PresenceState("lobby")
    assert not state.room().synced
    assert state.snapshot(members("ab"), "e", 4) == [Joined(Member("a", "phone")), Joined(Member("b", "phone"))]
    assert state.room().synced
    assert state.diff(diff(5, "c", "a")) == [Joined(Member("c", "phone")), Left(Member("a", "phone"))]
    assert names(state) == "bc"


def test_diffs_before_the_snapshot_wait_and_those_that_it_has_are_dropped():
    state = PresenceState("lobby")
    for each in (diff(3, "", "b"), diff(4, "b"), diff(5, "c")):
        assert state.diff(each) == []
    state.snapshot(members("ab"), "e", 4)
    assert names(state) == "abc"
    assert not state.wants_sync


def test_a_hole_asks_for_another_snapshot_and_shows_nothing_wrong():
    state = PresenceState("lobby")
    state.snapshot(members("a"), "e", 4)
    assert state.diff(diff(6, "c")) == []
    assert state.wants_sync
    state.snapshot(members("ab"), "e", 5)
    assert names(state) == "abc"
    assert not state.wants_sync


def test_a_hole_that_is_filled_needs_no_snapshot():
    state = PresenceState("lobby")
    state.snapshot(members("a"), "e", 4)
    state.diff(diff(6, "", "a"))
    assert state.diff(diff(5, "b")) == [Joined(Member("b", "phone")), Left(Member("a", "phone"))]
    assert not state.wants_sync


def test_a_change_is_no_join():
    state = PresenceState("lobby")
    state.snapshot(members("a"), "e", 4)
    assert state.diff(diff(5, "a", status="busy")) == [
        Changed(Member("a", "phone", status="busy"), Member("a", "phone"))
    ]
    assert state.diff(diff(6, "a", status="busy")) == []


def test_another_beginning_alone_is_not_worth_a_word():
    """After a restart of the server everybody is there since another time."""
    state = PresenceState("lobby")
    state.snapshot(members("a"), "e", 4)
    state.disconnected()
    assert state.snapshot([Member("a", "phone", since=9)], "f", 1) == []
    assert state.room().members == (Member("a", "phone", since=9),)


def test_over_a_lost_connection_the_last_known_stay_and_only_what_changed_is_told():
    state = PresenceState("lobby")
    state.snapshot(members("ab"), "e", 4)
    state.diff(diff(6, "x"))
    state.disconnected()
    assert (names(state), state.room().synced, state.wants_sync) == ("ab", False, False)
    assert state.diff(diff(1, "z")) == []
    assert state.snapshot(members("bc"), "e", 9) == [Left(Member("a", "phone")), Joined(Member("c", "phone"))]
    assert names(state) == "bc"


def test_who_lacks_in_another_life_of_the_server_may_be_on_the_way_back():
    state = PresenceState("lobby")
    state.snapshot(members("abcd"), "e", 4)
    state.disconnected()
    assert state.snapshot(members("a"), "another", 1) == []
    assert (names(state), state.doubts) == ("abcd", True)
    assert state.diff(diff(2, "b")) == [], "back, and never seen to be gone"
    assert state.diff(diff(3, "c", status="busy")) == [
        Changed(Member("c", "phone", status="busy"), Member("c", "phone"))
    ]
    assert state.snapshot((*members("ab"), Member("c", "phone", status="busy")), "another", 5) == []
    assert state.settle() == [Left(Member("d", "phone"))]
    assert (names(state), state.doubts, state.settle()) == ("abc", False, [])


def test_who_is_doubted_and_leaves_has_left():
    state = PresenceState("lobby")
    state.snapshot(members("ab"), "e", 4)
    state.disconnected()
    state.snapshot((), "another", 1)
    state.diff(diff(2, "a"))
    assert state.diff(diff(3, "", "ab")) == [Left(Member("a", "phone")), Left(Member("b", "phone"))]
    assert (names(state), state.doubts) == ("", False)


def test_a_doubt_lasts_through_the_next_connections():
    state = PresenceState("lobby")
    state.snapshot(members("ab"), "e", 4)
    state.disconnected()
    state.snapshot(members("a"), "another", 1)
    state.disconnected()
    assert state.snapshot(members("a"), "another", 1) == []
    assert (names(state), state.doubts) == ("ab", True)
    assert state.left() == [Left(Member("a", "phone")), Left(Member("b", "phone"))]
    assert not state.doubts


def test_an_old_snapshot_takes_nothing_back():
    state = PresenceState("lobby")
    state.snapshot(members("ab"), "e", 4)
    assert state.snapshot(members("a"), "e", 3) == []
    assert names(state) == "ab"


def test_own_invisible_devices_are_told_of_without_a_number():
    state = PresenceState("lobby")
    assert state.diff(diff(None, "a")) == []
    state.snapshot(members("b"), "e", 4)
    assert state.diff(diff(None, "a", status="invisible")) == [Joined(Member("a", "phone", status="invisible"))]
    assert names(state) == "ba"
    assert state.room().users == ("a", "b")


def test_leaving_the_room_empties_it():
    state = PresenceState("lobby")
    state.snapshot(members("ab"), "e", 4)
    assert [type(event) for event in state.left()] == [Left, Left]
    assert (names(state), state.room().synced) == ("", False)


changes = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(("online", "busy", None))), max_size=12)


@pytest.mark.clause("RT-PRES-2")
@given(changes, st.data())
def test_in_any_order_with_repetitions_and_holes_the_end_is_the_truth(steps, data):
    """Diffs are heard shuffled, doubled, and some never; a snapshot is asked for where one is wanted."""
    truths, diffs = [{}], []
    for n, (name, status) in enumerate(steps, start=1):
        now = dict(truths[-1])
        if status is None:
            now.pop(name, None)
            diffs.append(diff(n, "", name))
        else:
            now[name] = Member(name, "phone", status=status)
            diffs.append(diff(n, name, status=status))
        truths.append(now)
    heard = [("diff", n) for n in range(1, len(truths)) if data.draw(st.integers(0, 9)) > 1]
    heard += data.draw(st.lists(st.sampled_from(heard), max_size=4)) if heard else []
    heard += [("snapshot", n) for n in data.draw(st.lists(st.integers(0, len(steps)), max_size=3))]
    state, shown = PresenceState("lobby"), {}
    last = len(steps)
    order = data.draw(st.permutations(heard)) if heard else []
    for kind, n in [*order, *([("diff", last)] if last else [])]:  # the last word arrives
        events = state.diff(diffs[n - 1]) if kind == "diff" else state.snapshot(truths[n].values(), "e", n)
        follow(shown, events)
    if state.wants_sync or not state.room().synced:
        follow(shown, state.snapshot(truths[last].values(), "e", last))
    assert {member.user_id: member for member in state.room().members} == truths[last]
    assert shown == truths[last], "the events tell the same story"
    assert not state.wants_sync


def follow(shown, events):
    for event in events:
        match event:
            case Joined(member):
                assert member.user_id not in shown
                shown[member.user_id] = member
            case Left(member):
                del shown[member.user_id]
            case Changed(member, before):
                assert shown[member.user_id] == before
                shown[member.user_id] = member
