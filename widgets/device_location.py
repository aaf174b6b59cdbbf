"""The position of the device that shows the page, as a source of fixes."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable

from realtime.location.fix import Fix

MAX_WAITING = 1000  # for each reader; a longer wait loses the oldest


class DeviceLocation:
    """Gives what the page measures, to each that reads; a :class:`~realtime.location.sources.LocationSource`.

    It begins with the present position, if the page knows one, and waits while there is none. It never ends.
    Any loop may read it.

    Args:
        present: the position of now, or None.
    """

    def __init__(self, present: Callable[[], Fix | None]) -> None:
        self._present = present
        self._readers: set[_Reader] = set()

    def __repr__(self) -> str:
        return "<DeviceLocation>"

    def put(self, fixes: Iterable[Fix]) -> None:
        """The page has measured these, oldest first."""
        fixes = tuple(fixes)
        for reader in tuple(self._readers):
            with contextlib.suppress(RuntimeError):  # its loop has ended
                reader.loop.call_soon_threadsafe(reader.take, fixes)

    async def __aiter__(self) -> AsyncIterator[Fix]:
        reader = _Reader()
        self._readers.add(reader)  # before the present position: what comes meanwhile is not missed
        if (present := self._present()) is not None:
            reader.take((present,))
        try:
            while True:
                while reader.waiting:
                    yield reader.waiting.popleft()
                reader.news.clear()
                await reader.news.wait()
        finally:
            self._readers.discard(reader)


class _Reader:
    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.waiting: deque[Fix] = deque(maxlen=MAX_WAITING)
        self.news = asyncio.Event()
        self._newest: Fix | None = None

    def take(self, fixes: Iterable[Fix]) -> None:
        for fix in fixes:
            if fix is not self._newest:  # the present position may be news as well
                self.waiting.append(fix)
                self._newest = fix
        self.news.set()
