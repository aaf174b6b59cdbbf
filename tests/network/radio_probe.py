"""Single packets towards a phone after silences of growing length, as RRC-Probe sends them."""

import random

from realtime.network.access_link import AccessLink
from realtime.network.units import MS, NS

TENTH_NS = NS // 10


def round_trips_ms(profile, *, longest_s, rounds=8, seed=1):
    """Tenths of a second of silence -> round trips of the packet that ended it, through both links and the radio.

    The phone answers at once; the silence before the next packet begins when the answer has come.
    """
    access = AccessLink(random.Random(seed))
    access.set_profile(0, profile)
    trips, now = {}, 0
    for _ in range(rounds):
        for tenths in range(longest_s * 10):
            now += tenths * TENTH_NS
            back = access.up.offer(access.down.offer(now, 60).at_ns, 60).at_ns
            trips.setdefault(tenths, []).append((back - now) / MS)
            now = back
    return trips
