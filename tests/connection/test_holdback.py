"""When to try again what the server could not store."""

import pytest

from realtime.connection.holdback import Holdback, refusal_code


def test_it_waits_twice_as_long_each_time_up_to_a_limit() -> None:
    holdback, now, waits = Holdback(), 0.0, []
    for _ in range(7):
        holdback.refused(now)
        assert holdback.until_s is not None
        waits.append(holdback.until_s - now)
        now = holdback.until_s
        assert not holdback.is_over(now - 0.001)
        assert holdback.is_over(now)
    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_refusals_while_it_waits_are_one() -> None:
    holdback = Holdback()
    holdback.refused(0.0)
    holdback.refused(0.5)
    assert holdback.until_s == 1


def test_a_success_makes_it_patient_again() -> None:
    holdback = Holdback()
    holdback.refused(0.0)
    holdback.is_over(1.0)
    holdback.taken()
    holdback.refused(5.0)
    assert holdback.until_s == 6


def test_another_connection_is_another_try() -> None:
    holdback = Holdback()
    holdback.refused(0.0)
    holdback.another_connection()
    assert holdback.until_s is None
    holdback.refused(0.1)
    assert holdback.until_s == pytest.approx(2.1), "but not a reason to hurry"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (({"ok": False, "error": {"code": "storage_failed", "message": "full"}},), "storage_failed"),
        (({"ok": False},), "refused"),
        (({"ok": False, "error": {"code": 7}},), "refused"),
        (({"ok": True},), None),
        (("no",), None),
        ((), None),
    ],
)
def test_a_refusal_is_read_from_the_ack(args: tuple[object, ...], code: str | None) -> None:
    assert refusal_code(args) == code
