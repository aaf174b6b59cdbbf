"""What a server holds in the end, as a record of a history."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from realtime.server.engine.base import Engine, EngineError, Page

if TYPE_CHECKING:
    from realtime.sim.history import History

_PAGE = 200


class _Body(msgspec.Struct, rename="camel"):
    message_id: str


async def note_logs(history: History, engine: Engine, rooms: Iterable[str]) -> None:
    """Note what the logs of rooms hold.

    Args:
        history: where to.
        engine: the server's.
        rooms: their ids.

    Raises:
        EngineError: a log cannot be read.
    """
    for room_id in rooms:
        entries: list[tuple[int, str]] = []
        is_over = False
        while not is_over:
            page = await _read(engine, room_id, after=entries[-1][0] if entries else 0)
            entries += [
                (record.offset, msgspec.json.decode(record.body, type=_Body).message_id) for record in page.records
            ]
            is_over = not page.more or not page.records
        history.logged(room_id, entries)


async def _read(engine: Engine, room_id: str, *, after: int) -> Page:
    answer: asyncio.Future[Page | EngineError] = asyncio.get_running_loop().create_future()
    engine.read(room_id, answer.set_result, after=after, before=None, limit=_PAGE)
    page = await answer
    if isinstance(page, EngineError):
        raise page
    return page
