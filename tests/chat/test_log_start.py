"""Where a device's copy of a log begins, when an own message stands before the first page that it was given."""

import pytest

from realtime.chat.log_start import LogStart


def started(*own, at=100):
    """The first page begins at an offset; own messages were found to stand at others."""
    start = LogStart()
    start.complete_from(at)
    for offset in own:
        start.own(offset)
    return start


def test_a_log_begins_where_its_first_page_does():
    assert started().wants_after is None


@pytest.mark.parametrize("offset", [100, 180])
def test_an_own_message_in_the_page_or_behind_it_leaves_no_hole(offset):
    assert started(offset).wants_after is None


def test_an_own_message_right_before_the_page_is_wanted_as_it_stands():
    start = started(99)
    assert start.wants_after == 98
    start.filled(101, more=True)
    assert start.wants_after is None


def test_what_follows_an_own_message_before_the_page_is_wanted():
    start = started(40)
    assert start.wants_after == 39, "it may have been amended since"
    start.filled(90, more=True)
    assert start.wants_after == 90
    start.filled(99, more=True)
    assert start.wants_after is None


@pytest.mark.parametrize(
    ("own", "filled", "missing"), [(99, 98, 0), (98, 97, 1), (40, 39, 59), (40, 90, 9), (40, 99, 0)]
)
def test_it_tells_how_many_entries_are_missing(own, filled, missing):
    start = started(own)
    assert start.wants_after == own - 1
    start.filled(filled, more=True)
    assert start.missing == missing


def test_nothing_is_missing_before_the_first_page_or_without_an_own_message():
    start = LogStart()
    start.own(40)
    assert (start.missing, started().missing) == (0, 0)


def test_the_lowest_own_message_counts():
    assert started(60, 40, 50).wants_after == 39


def test_an_own_message_that_was_acknowledged_before_the_first_page_came_counts_too():
    start = LogStart()
    start.own(40)
    assert start.wants_after is None
    start.complete_from(100)
    assert start.wants_after == 39


def test_an_own_message_before_what_is_being_fetched_begins_it_anew():
    start = started(40)
    start.filled(90, more=True)
    start.own(20)
    assert start.wants_after == 19


def test_after_the_fetching_the_log_begins_at_the_own_message():
    start = started(40)
    start.filled(99, more=True)
    start.own(50)
    assert start.wants_after is None
    start.own(30)
    assert start.wants_after == 29


def test_it_ends_where_the_server_has_no_more():
    start = started(40)
    start.filled(40, more=False)
    assert start.wants_after is None


def test_another_log_begins_anew():
    start = started(40)
    start.reset()
    assert start.wants_after is None
    start.own(5)
    assert start.wants_after is None
