"""Presence is measured on real sockets by what really arrived; how fast the machine is does not matter here."""

import sys
from pathlib import Path

import pytest

from tests.benchmarks.presence_live import Figures, bench, table

linux_only = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="run on Linux: it reads /proc")


@linux_only
@pytest.mark.timeout(240)
def test_a_small_room_is_measured():
    [figures] = bench([sys.executable, "-m", "realtime"], sizes=(20,), changes=6)
    assert (figures.members, figures.changes) == (20, 6)
    assert figures.frames == 3 * (19 + 20), "three leave, and three come: a diff to each member"
    assert 50 < figures.bytes_per_change / figures.members < 300, "a member, not the room"
    assert figures.snapshot_bytes > 20 * 50
    assert figures.cpu_us_per_change > 0


def test_the_table_says_what_a_snapshot_would_cost_and_what_the_churn_takes_of_a_core():
    row = Figures(members=2000, changes=40, frames=80_000, diff_bytes=40 * 284_000, snapshot_bytes=202_000, cpu_s=0.4)
    shown = table([row])
    assert "10,000" in shown, "µs of CPU per change"
    assert "6.67%" in shown, "400 changes in a minute, 10 ms each"
    assert "1,423 times" in shown, "202,000 bytes instead of 142"
