"""What a push service's answer means."""

import httpx
import pytest

from realtime.server.push.gateway import DELIVERED, Gone, Rejected, TryAgain
from realtime.server.push.http_outcome import outcome_of

NOW_S = 1_000_000_000.0  # 9 September 2001, 01:46:40 UTC


def answered(status, **headers):
    return outcome_of(httpx.Response(status, headers=headers), now_s=NOW_S)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_taken(status):
    assert answered(status) is DELIVERED


@pytest.mark.parametrize(
    ("status", "kind"), [(404, Gone), (410, Gone), (400, Rejected), (403, Rejected), (413, Rejected)]
)
def test_never(status, kind):
    outcome = answered(status)
    assert isinstance(outcome, kind)
    assert outcome.reason == f"status {status}"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_later(status):
    outcome = answered(status)
    assert isinstance(outcome, TryAgain)
    assert outcome.after_s is None


@pytest.mark.parametrize(
    ("text", "after_s"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("Sun, 09 Sep 2001 01:47:40 GMT", 60.0),
        ("Sun, 09 Sep 2001 01:00:00 GMT", 0.0),
        ("99999999", 86_400.0),
        ("soon", None),
        ("-5", None),
    ],
)
def test_not_before(text, after_s):
    assert answered(503, **{"Retry-After": text}).after_s == after_s
