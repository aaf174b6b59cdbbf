"""A link that counts what it drops."""

import random

import pytest

from realtime.network.link import Deliver, LinkConditions
from realtime.network.metered_link import IDEAL, MeteredLink


def test_drops_are_counted_whatever_their_reason():
    link = MeteredLink(LinkConditions(rate_bps=8000, queue_bytes=100), random.Random(1))
    assert isinstance(link.offer(0, 80), Deliver)
    link.offer(0, 80)
    link.down = True
    link.offer(0, 80)
    assert link.drops == 2


@pytest.mark.parametrize(
    ("conditions", "down", "ideal"),
    [(IDEAL, False, True), (IDEAL, True, False), (LinkConditions(delay_ns=1), False, False)],
)
def test_an_ideal_link_changes_nothing(conditions, down, ideal):
    link = MeteredLink(conditions, random.Random(1))
    link.down = down
    assert link.is_ideal is ideal
