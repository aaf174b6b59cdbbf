"""Snapshots are replaced, observers told."""

from realtime.utils.observable import Observable


def test_observers_see_each_snapshot_until_they_leave():
    state = Observable(0)
    seen = []
    unobserve = state.observe(seen.append)
    state.set(1)
    state.set(2)
    unobserve()
    unobserve()
    state.set(3)
    assert seen == [1, 2]
    assert state.snapshot == 3


def test_a_failing_observer_does_not_hide_the_change_from_the_others(caplog):
    state = Observable("old")
    seen = []
    state.observe(lambda snapshot: 1 / 0)
    state.observe(seen.append)
    state.set("new")
    assert seen == ["new"]
    assert "ZeroDivisionError" in caplog.text


def test_the_same_callback_may_observe_twice():
    state = Observable(0)
    seen = []
    first = state.observe(seen.append)
    state.observe(seen.append)
    first()
    state.set(1)
    assert seen == [1]
