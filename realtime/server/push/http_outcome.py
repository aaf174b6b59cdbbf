"""What a push service's HTTP answer means."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from realtime.server.push.gateway import DELIVERED, Gone, Outcome, Rejected, TryAgain

if TYPE_CHECKING:
    import httpx

LONGEST_WAIT_S = 86_400.0
"""Longer, no push is worth waiting for."""

_LATER = frozenset({408, 425, 429})


def outcome_of(response: httpx.Response, *, now_s: float) -> Outcome:
    """Read an answer by its status: RFC 8030 has 404 and 410 for a subscription that is gone.

    Args:
        response: the answer.
        now_s: seconds since the Unix epoch, for a ``Retry-After`` that is a date.
    """
    status = response.status_code
    if response.is_success:
        return DELIVERED
    reason = f"status {status}"
    if status in (404, 410):
        return Gone(reason)
    if status in _LATER or status >= 500:
        return TryAgain(reason, _retry_after(response.headers.get("Retry-After"), now_s))
    return Rejected(reason)


def _retry_after(text: str | None, now_s: float) -> float | None:
    """RFC 9110, 10.2.3: seconds, or a date."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_WAIT_S)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return min(max(0.0, at.timestamp() - now_s), LONGEST_WAIT_S)
