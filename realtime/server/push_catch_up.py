"""After a start: what was logged before, and not pushed yet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

import msgspec

from realtime.server.engine.base import Engine, EngineError, Page, Record
from realtime.server.push.push_plan import News
from realtime.server.push.push_service import PushService

AT_ONCE = 16
"""Rooms whose logs are read at the same time."""

PAGE = 200
"""The newest entries of a room that are looked into: what waited when the server ended, waited for seconds."""

_TRIES = 5
_RETRY_S = 1.0
_log = logging.getLogger("realtime.push")


class _Logged(msgspec.Struct):
    timestamp: int
    deleted: bool = False


_LOGGED = msgspec.json.Decoder(_Logged)


class PushCatchUp:
    """Looks into the logs of the rooms that devices want to hear of, while the server runs already.

    Args:
        engine: has the logs.
        service: is told what it missed.
        news: what of an entry is to be pushed.
    """

    def __init__(self, engine: Engine, service: PushService, news: Callable[[Record], News | None]) -> None:
        self._engine = engine
        self._service = service
        self._news = news
        self._behind: dict[str, None] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self, rooms: Iterable[str]) -> None:
        """Begin; the service sends when all is done."""
        self._behind = dict.fromkeys(rooms)
        if self._behind:
            self._task = asyncio.get_running_loop().create_task(self._run())
        else:
            self._service.resume()

    async def stop(self) -> None:
        """End it."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def is_behind(self, room_id: str) -> bool:
        """Whether a room's log is to be looked into still: what is logged there now will be found."""
        return room_id in self._behind

    async def _run(self) -> None:
        rooms = tuple(self._behind)
        for start in range(0, len(rooms), AT_ONCE):
            await asyncio.gather(*map(self._look_into, rooms[start : start + AT_ONCE]))
        self._service.resume()

    async def _look_into(self, room_id: str) -> None:
        for _ in range(_TRIES):
            page = await self._read(room_id)
            if isinstance(page, Page):
                break
            await asyncio.sleep(_RETRY_S)
        else:
            _log.error("what was not pushed of the room %r is not known: %s", room_id, page)
            del self._behind[room_id]

    def _read(self, room_id: str) -> asyncio.Future[Page | EngineError]:
        answer: asyncio.Future[Page | EngineError] = asyncio.get_running_loop().create_future()

        def done(page: Page | EngineError) -> None:
            # At once: what is logged from now on comes by itself.
            if isinstance(page, Page):
                del self._behind[room_id]
                self._service.missed(room_id, self._missed(page), page.markers)
            if not answer.done():
                answer.set_result(page)

        self._engine.read(room_id, done, after=None, before=None, limit=PAGE, with_markers=True)
        return answer

    def _missed(self, page: Page) -> Iterable[tuple[News, int]]:
        for record in page.records:
            news = self._news(record)
            if news is not None:
                logged = _LOGGED.decode(record.body)
                if not logged.deleted:
                    yield news, logged.timestamp
