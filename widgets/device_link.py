"""Which page is the phone, what is news of it, and when its silence means that it is gone (pure)."""

from __future__ import annotations

import enum
from typing import NamedTuple

from widgets.device_report import Report

HIDDEN_FACTOR = 10  # browsers run the timers of hidden pages once a minute: 10 × 15 s is more than two of them
_TICKS = 5  # in the time of silence
_MAX_PAGES = 64  # remembered, so that what they say late does not count as a new start


class PageState(enum.StrEnum):
    """Whether there is a page that is the phone."""

    NO_PAGE = "no page"
    HERE = "here"
    ASLEEP = "asleep"
    """Frozen by the browser: it is silent, and may come back or not."""


class Verdict(NamedTuple):
    """What a report is worth.

    Args:
        is_phone: its page is the phone.
        is_news: it says something that was not known.
    """

    is_phone: bool
    is_news: bool


class DeviceLink:
    """One page at a time is the phone: the last one whose button was pressed.

    Silence is counted in ticks, so that a clock that jumps, because the machine slept, costs no page its place.

    Args:
        silence_s: a page in sight that is not heard for this long, in seconds, is gone; one out of sight
            :data:`HIDDEN_FACTOR` times as long.

    Attributes:
        page: the id of the page that is the phone, or was when it fell silent; None: none was started, or it ended.
        state: whether it is there.
        reason: why there is none.
    """

    def __init__(self, *, silence_s: float) -> None:
        if not silence_s > 0:
            raise ValueError(f"silence_s must be above 0 seconds, not {silence_s}")
        self.page: str | None = None
        self.state = PageState.NO_PAGE
        self.reason = "no page was started"
        self._silence_s = silence_s
        self._runs: dict[str, int] = {}  # of each page, the last one that was heard of
        self._seq = 0
        self._is_visible = True
        self._silent_s = 0.0
        self._ticked_at = 0.0

    def heard(self, report: Report, now: float) -> Verdict:
        """A report has come: by the page that is the phone, by one that becomes it, or by another one."""
        is_new_run = report.run > self._runs.get(report.page, 0)
        if is_new_run:
            self._remember(report)
            if report.phase == "on":
                self.page, self._seq = report.page, 0
        if report.page != self.page or report.run != self._runs[report.page]:
            return Verdict(False, False)
        if report.seq <= self._seq:
            return Verdict(True, False)
        self._seq = report.seq
        if report.phase != "on":
            self.release("stopped on the page" if report.phase == "stop" else "the page was closed")
            return Verdict(False, True)
        self.state, self.reason = (PageState.ASLEEP if report.frozen else PageState.HERE), ""
        self._is_visible = report.visible
        self._silent_s, self._ticked_at = 0.0, now
        return Verdict(True, True)

    def release(self, reason: str) -> None:
        """No page is the phone any more, until one is started again."""
        self.page, self.state, self.reason = None, PageState.NO_PAGE, reason

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`."""
        return self._ticked_at + self._silence_s / _TICKS if self.state is PageState.HERE else None

    def handle_timer(self, now: float, *, deaf: bool) -> bool:
        """Count the silence.

        Args:
            now: the time.
            deaf: the kernel could not have heard the page.

        Returns:
            Whether the page has just been found to be gone.
        """
        if self.state is not PageState.HERE:
            return False
        passed_s = min(now - self._ticked_at, 2 * self._silence_s / _TICKS)
        self._ticked_at = now
        self._silent_s = 0.0 if deaf else self._silent_s + passed_s
        limit_s = self._silence_s * (1 if self._is_visible else HIDDEN_FACTOR)
        if self._silent_s < limit_s - 1e-6:
            return False
        self.state, self.reason = PageState.NO_PAGE, f"nothing was heard of the page for {limit_s:g} s"
        return True

    def _remember(self, report: Report) -> None:
        self._runs.pop(report.page, None)
        self._runs[report.page] = report.run
        if len(self._runs) > _MAX_PAGES:
            del self._runs[next(iter(self._runs))]
