"""What of a room's log is gone from the server, as this device knows it."""

import pytest

from realtime.chat.gaps import Gaps
from realtime.chat.message import Gap


def gaps_of(*spans):
    gaps = Gaps()
    for span in spans:
        gaps.add(0, *span)
    return gaps.all


@pytest.mark.clause("RT-CHAT-17")
def test_each_hole_is_one_gap():
    assert gaps_of((3, 7), (20, 30)) == (Gap(3, 7), Gap(20, 30))


def test_nothing_between_is_no_gap():
    assert gaps_of((3, 4), (9, 9)) == ()


def test_holes_with_nothing_between_them_are_one():
    assert gaps_of((3, 7), (6, 9)) == (Gap(3, 9),)
    assert gaps_of((3, 7), (7, 9)) == (Gap(3, 7), Gap(7, 9)), "7 is here"


def test_another_log_makes_a_gap_whatever_the_offsets():
    gaps = Gaps()
    gaps.another_log(1, after=7, before=1)
    gaps.add(1, 4, 6)
    assert gaps.all == (Gap(7, 1), Gap(4, 6))


def test_a_gap_goes_with_the_messages_before_which_it_stands():
    gaps = Gaps()
    gaps.add(0, 3, 7)
    gaps.another_log(1, after=9, before=3)
    gaps.let_go(0, 6)
    assert gaps.all == (Gap(3, 7), Gap(9, 3))
    gaps.let_go(0, 7)
    assert gaps.all == (Gap(9, 3),)
    gaps.let_go(1, 3)
    assert gaps.all == ()
