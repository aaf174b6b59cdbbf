"""A link whose driver counts what the application gets."""

import random

from realtime.network.link import IDEAL, Deliver, DropReason, LinkConditions
from realtime.network.metered_link import MeteredLink


def test_it_is_a_link_that_counts_bytes_of_the_application():
    link = MeteredLink(IDEAL, random.Random(1))
    assert link.offer(0, 52) == Deliver(0)
    assert link.delivered_bytes == 0, "its driver counts"
    link.delivered_bytes += 5
    assert link.delivered_bytes == 5


def test_drops_are_counted_by_reason_and_in_all():
    link = MeteredLink(LinkConditions(rate_bps=8000, queue_bytes=100), random.Random(1))
    link.offer(0, 80)
    link.offer(0, 80)
    link.down = DropReason.DOWN
    link.offer(0, 80)
    link.offer(0, 80)
    assert link.dropped == {DropReason.QUEUE: 1, DropReason.DOWN: 2}
    assert link.drops == 3
