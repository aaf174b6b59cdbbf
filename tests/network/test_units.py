"""Units of time in the network model."""

from realtime.network.units import MS, NEVER_NS, NS


def test_never_is_after_the_end_of_every_run():
    """A century in nanoseconds, and a day on either side for those who add to it."""
    assert 100 * 366 * 86_400 * NS + 86_400_000 * MS < NEVER_NS
