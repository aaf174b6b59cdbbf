"""Decisions are values: they compare, and they do not change."""

from __future__ import annotations

import dataclasses

import pytest

from realtime.connection.actions import Announce, Dial, Farewell, HangUp, Probe, Settle


def test_equal_decisions_are_equal() -> None:
    assert [Dial(), HangUp("ping timeout", Farewell.DROP)] == [Dial(), HangUp("ping timeout", Farewell.DROP)]
    assert Announce("connect") == Announce("connect", ())
    assert Probe() != Dial()


def test_a_decision_does_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settle("caller", None).error = ValueError()  # type: ignore[misc]
