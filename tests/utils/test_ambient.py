"""The wall clock and entropy can be installed for one context only."""

import random
import threading

from realtime.utils import ambient


def test_an_installed_clock_and_source_hold_inside_the_context():
    with ambient.installed(wall_clock=lambda: 1_700_000_000.5, source=random.Random(7)):
        assert ambient.wall_time_s() == 1_700_000_000.5
        assert ambient.wall_time_ms() == 1_700_000_000_500
        first = ambient.new_random().random()
    with ambient.installed(wall_clock=lambda: 0.0, source=random.Random(7)):
        assert ambient.new_random().random() == first
    assert ambient.wall_time_s() > 1_700_000_000.5


def test_another_thread_keeps_the_real_clock():
    seen = []
    with ambient.installed(wall_clock=lambda: 0.0, source=random.Random(7)):
        thread = threading.Thread(target=lambda: seen.append(ambient.wall_time_s()))
        thread.start()
        thread.join()
    assert seen[0] > 1_700_000_000


def test_fresh_sources_differ():
    assert ambient.new_random().random() != ambient.new_random().random()
