"""A gap stands between the messages before and after it."""

import pytest

from realtime.chat.message import Gap
from tests.widgets.fakes import message
from widgets.gap_places import gap_places


@pytest.mark.parametrize(
    ("offsets", "gaps", "places"),
    [
        ([1, 2, 3], [], []),
        ([1, 2, 30, 31], [(2, 30)], [2]),
        ([1, 2, 30, 31], [(2, 29)], [2]),  # 29 amends a message
        ([1, 9, 20, 40], [(1, 9), (20, 40)], [1, 3]),
        ([30, 31], [(0, 30)], [0]),  # before everything that is loaded
        ([1, 2], [(2, 9)], [2]),  # what follows did not come yet
        ([1, 2, 3, None], [(3, 9)], [3]),  # and an own message waits
        ([1, 2, 3, 1, 2], [(3, 1)], [3]),  # the server lost its log and began another
        ([1, 2, 3, 20, 21], [(9, 20)], [3]),
        ([1, 2, 50, 40, 41], [(50, 40)], [3]),
        ([1, 2, 1, 2, 30], [(2, 1), (2, 30)], [2, 4]),
        ([], [(0, 9)], [0]),
    ],
)
def test_gaps_stand_where_messages_are_missing(offsets, gaps, places):
    messages = [message(n, offset=offset) for n, offset in enumerate(offsets)]
    assert gap_places(messages, [Gap(*gap) for gap in gaps]) == places
