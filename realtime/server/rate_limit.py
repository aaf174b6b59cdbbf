"""How many events one session may send: a token bucket, whose refusals keep the order of what is sent again (pure)."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realtime.server.session import Session

_BURST_S = 5.0  # so many seconds' worth at once: a full outbox
_WORTH_IT = 0.1  # of a burst, for trying again


class RateLimit:
    """One for all sessions. Take 1 from :attr:`Session.credit` for each event, and :meth:`judge` it below 0.

    An event that asks for an answer is refused beyond the limit; say :meth:`refused` right after that. Then everything
    is refused that the client sends before it can know: so it comes again in its order. An event that asks for none
    cannot be refused; it passes, up to as many again, and then the connection is to be ended.

    Args:
        per_s: events in a second, on the average.
        burst: events at once; by default as many as in five seconds.

    Raises:
        ValueError: these make no sense.
    """

    def __init__(self, per_s: float, burst: int | None = None) -> None:
        if not (0 < per_s < math.inf and (burst is None or burst >= 1)):
            raise ValueError(f"events_per_s and its burst must be above 0, not {per_s} and {burst}")
        self._per_s = per_s
        self._burst = math.ceil(_BURST_S * per_s) if burst is None else burst

    def judge(self, session: Session, now: float, *, is_asked: bool) -> int | None:
        """Whether an event may pass for which there seems to be no credit.

        Args:
            session: the sender; 1 was taken from its credit.
            now: the time.
            is_asked: whether the event asks for an answer.

        Returns:
            None: it may. Otherwise refuse it, and say that it may come again after so many ms; -1: end the connection.
        """
        since = session.credit_since
        if session.refused_on is session.link:  # the credit of this time is not touched until it has seen that
            if is_asked:
                session.credit += 1
                return self._after_ms()
        else:
            gained = self._burst if since is None else (now - since) * self._per_s
            session.credit = min(self._burst - 1.0, session.credit + gained)
            session.credit_since = now
            session.refused_on = None
        if session.credit >= 0:
            return None
        if not is_asked:
            return None if session.credit >= -self._burst else -1
        session.credit += 1
        return self._after_ms()

    def refused(self, session: Session) -> None:
        """A session was just told that it sends too much."""
        if session.refused_on is not session.link:
            session.refused_on = session.link
            session.fence(partial(_seen, session, session.link))

    def _after_ms(self) -> int:
        return math.ceil(1000 * max(1.0, _WORTH_IT * self._burst) / self._per_s)


def _seen(session: Session, link: object) -> None:
    if session.refused_on is link:
        session.refused_on = None
