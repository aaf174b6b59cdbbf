"""Presence is measured by what really happened; how fast the machine is does not matter here."""

import pytest

from tests.benchmarks.presence import run, table


def test_a_change_is_told_to_everybody_as_a_diff():
    figures = run(50, minutes=2.0, batch_s=0.1)
    assert figures.changes == 20, "5 leave in a minute, and as many come"
    assert figures.frames == pytest.approx(20 * 50, rel=0.05)
    assert 50 < figures.bytes_per_change / figures.members < 300, "a member, not the room"
    assert figures.cpu_us_per_change > 0


@pytest.mark.clause("RT-PRES-13")
def test_what_a_change_costs_each_member_does_not_grow_with_the_room():
    small, large = (run(members, minutes=2.0, batch_s=0.1) for members in (50, 200))
    per_member = [figures.bytes_per_change / figures.members for figures in (small, large)]
    assert per_member[1] <= per_member[0] * 1.1
    assert large.snapshot_bytes > 3.5 * small.snapshot_bytes, "which is why changes are no snapshots"


def test_a_storm_is_a_frame_per_batch_and_member():
    figures = run(50, minutes=1.0, batch_s=60.0)
    assert figures.frames <= 2 * 51


def test_the_table():
    shown = table([run(50, minutes=1.0, batch_s=0.1)])
    assert "presence" in shown
    assert len(shown.splitlines()) == 5
