"""When to try again what the server could not store."""

import pytest

from realtime.connection.holdback import Holdback, refusal_code, retry_after_s


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


def test_a_server_that_says_when_is_asked_then_unless_it_would_be_too_soon_or_too_late() -> None:
    for after_s, pause_s in {0.2: 1.0, 7.0: 7.0, 9999.0: 30.0}.items():
        holdback = Holdback()
        holdback.refused(10.0, after_s=after_s)
        assert holdback.until_s == 10.0 + pause_s


@pytest.mark.parametrize(
    ("error", "after_s"),
    [
        ({"code": "rate_limited", "retryAfter": 1500}, 1.5),
        ({"code": "rate_limited"}, 0.0),
        ({"retryAfter": "soon"}, 0.0),
        ({"retryAfter": True}, 0.0),
        ({"retryAfter": -1}, 0.0),
        ("no", 0.0),
    ],
)
def test_when_is_read_from_the_refusal(error: object, after_s: float) -> None:
    assert retry_after_s(({"ok": False, "error": error},)) == after_s
