"""Foreground, background, and what a background does to a connection."""

from __future__ import annotations

import math

import pytest

from realtime.connection.app_state import AppState, AppStateValue, BackgroundPolicy


def test_an_app_starts_active_and_tells_each_change_once() -> None:
    app = AppState()
    seen: list[AppStateValue] = []
    app.observe(seen.append)
    assert app.value is AppStateValue.ACTIVE
    app.background()
    app.background()
    app.foreground()
    app.inactive()
    app.foreground()
    assert seen == [AppStateValue.BACKGROUND, AppStateValue.ACTIVE, AppStateValue.INACTIVE, AppStateValue.ACTIVE]


def test_it_may_start_in_the_background() -> None:
    app = AppState(AppStateValue.BACKGROUND)
    assert app.snapshot is AppStateValue.BACKGROUND
    assert repr(app) == "<AppState BACKGROUND>"


def test_the_values_are_the_words_of_the_wire() -> None:
    assert [str(value) for value in AppStateValue] == ["active", "inactive", "background"]


def test_the_policies() -> None:
    assert BackgroundPolicy.DISCONNECT.keep_s == 0
    assert BackgroundPolicy.KEEP.keep_s == math.inf
    assert BackgroundPolicy.keep_for(30).keep_s == 30
    assert BackgroundPolicy.keep_for(30) == BackgroundPolicy(keep_s=30)


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_a_policy_that_makes_no_sense_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="keep_s"):
        BackgroundPolicy.keep_for(seconds)
