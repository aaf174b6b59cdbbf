"""Unread: others' messages above the marker, each counted once, deleted ones not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.chat.unread import Unread


@pytest.fixture
def unread():
    return Unread("ana")


def test_others_messages_above_the_marker_are_unread(unread):
    unread.read(2)
    for offset in (1, 2, 3, 4):
        unread.shows(offset, "ben", "hi")
    unread.shows(5, "ana", "mine, from another device")
    assert (unread.count, unread.mentioned) == (2, 0)
    unread.read(3)
    assert unread.count == 1
    unread.read(9)
    assert unread.count == 0
    unread.shows(7, "ben", "a late page")
    assert unread.count == 0


def test_what_comes_twice_or_out_of_order_counts_once(unread):
    for offset in (5, 6, 2, 3, 6, 2):
        unread.shows(offset, "ben", "hi")
    assert unread.count == 4
    unread.read(3)
    assert unread.count == 2


def test_it_knows_how_many_mention_this_user(unread):
    assert not unread.shows(1, "ben", "hi @ben")
    assert unread.shows(2, "ben", "hi @ana")
    assert unread.shows(3, "ben", "@cleo and @ana!")
    assert not unread.shows(4, "ana", "I, @ana")
    assert (unread.count, unread.mentioned) == (3, 2)
    unread.read(2)
    assert (unread.count, unread.mentioned) == (1, 1)


@pytest.mark.clause("RT-CHAT-13")
def test_an_edit_may_add_and_take_away_a_mention(unread):
    unread.shows(1, "ben", "hi @ana")
    unread.shows(1, "ben", "hi all")
    assert (unread.count, unread.mentioned) == (1, 0)
    unread.shows(1, "ben", "hi @ana!")
    assert (unread.count, unread.mentioned) == (1, 1)


def test_a_deleted_message_is_not_unread(unread):
    for offset in (1, 2, 3):
        unread.shows(offset, "ben", "hi @ana")
    unread.shows(2, "ben", "", is_deleted=True)
    unread.shows(7, "ben", "", is_deleted=True)
    assert (unread.count, unread.mentioned) == (2, 2)
    unread.read(1)
    assert (unread.count, unread.mentioned) == (1, 1)


def test_what_was_unread_in_a_log_that_is_lost_stays_so_until_something_is_read_in_the_next(unread):
    unread.shows(7, "ben", "hi @ana")
    unread.another_log()
    unread.shows(1, "ben", "hi")
    assert (unread.count, unread.mentioned) == (2, 1)
    unread.read(1)
    assert (unread.count, unread.mentioned) == (0, 0)


@given(st.lists(st.tuples(st.integers(1, 12), st.sampled_from(["shows", "deletes", "reads", "mentions"]))))
def test_it_counts_as_a_plain_recount_does(steps):
    unread, texts, deleted, marker = Unread("ana"), {}, set(), 0
    for offset, what in steps:
        match what:
            case "reads":
                marker = max(marker, offset)
                unread.read(offset)
            case "deletes":
                deleted.add(offset)
                unread.shows(offset, "ben", "", is_deleted=True)
            case _ if offset not in deleted:
                texts[offset] = "@ana" if what == "mentions" else "hi"
                unread.shows(offset, "ben", texts[offset])
    left = [texts[offset] for offset in texts if offset > marker and offset not in deleted]
    assert (unread.count, unread.mentioned) == (len(left), left.count("@ana"))
