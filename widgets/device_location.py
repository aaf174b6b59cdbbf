"""The position of the device that shows the page, as a source of fixes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable

from realtime.location.fix import Fix

MAX_WAITING = 1000  # for each reader; a longer wait loses the oldest


class DeviceLocation:
    """Gives what the page measures, to each that reads; a :class:`~realtime.location.sources.LocationSource`.

    It begins with the present position, if the page knows one, and waits while there is none. It never ends.
    Read it on the loop of the bridge.

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
        for reader in self._readers:
            reader.waiting.extend(fixes)
            reader.news.set()

    async def __aiter__(self) -> AsyncIterator[Fix]:
        reader = _Reader()
        if (present := self._present()) is not None:
            reader.waiting.append(present)
        self._readers.add(reader)
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
        self.waiting: deque[Fix] = deque(maxlen=MAX_WAITING)
        self.news = asyncio.Event()
