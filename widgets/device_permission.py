"""Permission to notify, as the user of the page gives it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from realtime.notifications.permission import PermissionStatus
from widgets.device_report import Sense

_STATUS = {
    Sense.OFF: PermissionStatus.UNDETERMINED,
    Sense.ASKING: PermissionStatus.UNDETERMINED,
    Sense.ON: PermissionStatus.GRANTED,
}


class DevicePermission:
    """A :class:`~realtime.notifications.permission.NotificationPermission` that is asked for on the page.

    Browsers ask only at the press of a button, so the page shows the question beside one. What this browser cannot
    do is a no. Any loop may :meth:`request` it; the rest is the bridge's.

    Args:
        asked: called when :attr:`is_asked` changes.
    """

    def __init__(self, asked: Callable[[], object]) -> None:
        self._asked = asked
        self._sense: Sense | None = None  # None: there is no page
        self._questions: set[asyncio.Future[None]] = set()

    def __repr__(self) -> str:
        return f"<DevicePermission {self.status.value}>"

    @property
    def status(self) -> PermissionStatus:
        """What the user of the page has said."""
        if self._sense is None:
            return PermissionStatus.UNDETERMINED
        return _STATUS.get(self._sense, PermissionStatus.DENIED)

    @property
    def is_asked(self) -> bool:
        """Whether somebody waits for the answer."""
        return bool(self._questions)

    async def request(self) -> PermissionStatus:
        """Ask on the page and wait for the answer; without a page it stays undetermined."""
        if not self._is_open:
            return self.status
        question: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._questions.add(question)
        self._asked()
        try:
            if self._is_open:  # the answer may have come meanwhile, on another thread
                await question
        finally:
            if question in self._questions:
                self._questions.discard(question)
                self._asked()
        return self.status

    def told(self, sense: Sense) -> None:
        """The page says how notifications stand."""
        self._sense = sense
        if self.status is not PermissionStatus.UNDETERMINED:
            self._answer()

    def silent(self) -> None:
        """The page is not heard: what it said stands, and questions end without an answer."""
        self._answer()

    def gone(self) -> None:
        """There is no page any more: questions end without an answer."""
        self._sense = None
        self._answer()

    @property
    def _is_open(self) -> bool:
        return self._sense is not None and self.status is PermissionStatus.UNDETERMINED

    def _answer(self) -> None:
        questions = tuple(self._questions)
        self._questions.difference_update(questions)
        for question in questions:
            with contextlib.suppress(RuntimeError):  # its loop has ended
                question.get_loop().call_soon_threadsafe(_end, question)
        if questions:
            self._asked()


def _end(question: asyncio.Future[None]) -> None:
    if not question.done():
        question.set_result(None)
